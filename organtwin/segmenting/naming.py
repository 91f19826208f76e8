"""What structure a name in the seeds stands for."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import BadArgument
from organtwin.core.labelmap import CodedTerm, LabelMap, Structure
from organtwin.organs import Organ, tumour
from organtwin.segmenting.seeds import BACKGROUND

TUMOUR = re.compile(r"tumour-([1-9][0-9]?)")
OTHER_LABELS = range(11, 101)
OTHER_COLOURS = (
    (0.62, 0.62, 0.58),
    (0.55, 0.68, 0.60),
    (0.70, 0.60, 0.50),
    (0.56, 0.60, 0.72),
    (0.72, 0.66, 0.44),
)
OTHER_CODE = CodedTerm("91723000", "SCT", "Anatomical structure")


def named(names: Iterable[str], organ: Organ, labels: LabelMap | None) -> tuple[Structure, ...]:
    """Return what each name but "background" stands for, in the order given.

    "tumour-n" is that tumour, inside the organ when there is one; then come the organ's own
    structures and those of the labels so far; any other name becomes a structure of kind "other"
    with the next free label from 11, and so does the label of one that is another's by now.

    Raises:
        BadArgument: more names than there are labels.
    """
    wanted = [name for name in dict.fromkeys(names) if name != BACKGROUND]
    old = {s.name: s for s in labels.structures} if labels is not None else {}
    within = organ.name if organ.name in wanted or organ.name in old else ""
    known = {s.name: s for s in organ.structures} | old
    used = {s.label for s in known.values()}
    free = iter([label for label in OTHER_LABELS if label not in used])
    holders = {s.label: s.name for s in old.values()}
    found = []
    for name in wanted:
        if number := TUMOUR.fullmatch(name):
            one = tumour(int(number[1]), within)
        else:
            one = known.get(name) or _other(name, next(free, None))
        if holders.get(one.label, name) != name:
            one = replace(one, label=_other(name, next(free, None)).label)
        found.append(one)
    return tuple(found)


def kept_of(
    labels: LabelMap | None, but: Container[str]
) -> tuple[tuple[Structure, ...], dict[str, NDArray[np.bool_]]]:
    """Return the structures of the labels so far that have voxels, but some, and their masks."""
    if labels is None:
        return (), {}
    there = (s for s in labels.structures if s.name not in but)
    kept = tuple(s for s in there if labels.volume_ml(s.name) > 0)
    return kept, {s.name: labels.mask(s.name) for s in kept}


def overlap(labels: LabelMap | None) -> bool:
    """Return whether structures of the labels so far overlap, and so shall stay whole."""
    return labels is not None and bool(labels.beneath)


def _other(name: str, label: int | None) -> Structure:
    if label is None:
        raise BadArgument(
            f"{len(OTHER_LABELS)} other structures have every label there is",
            where=f"seeds: {name}",
            advice="remove some of them first",
        )
    colour = OTHER_COLOURS[label % len(OTHER_COLOURS)]
    return Structure(name, label, "other", OTHER_CODE, colour)
