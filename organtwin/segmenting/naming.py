"""What structure a name in the seeds stands for."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from organtwin.core.colours import of_other
from organtwin.core.errors import BadArgument
from organtwin.core.labelmap import CodedTerm, LabelMap, Structure
from organtwin.core.names import checked_name
from organtwin.organs import Organ, tumour
from organtwin.segmenting.seeds import BACKGROUND

TUMOUR = re.compile(r"tumour-([1-9][0-9]?)")
MOST_TUMOURS = 99
OTHER_LABELS = range(11, 101)
OTHER_CODE = CodedTerm("91723000", "SCT", "Anatomical structure")


def named(names: Iterable[str], organ: Organ, labels: LabelMap | None) -> tuple[Structure, ...]:
    """Return what each name but "background" stands for, in the order given.

    "tumour-n" is that tumour, inside the organ when there is one; then come the organ's own
    structures and those of the labels so far; any other name becomes a structure of kind "other"
    with the next free label from 11, and so does the label of one that is another's by now.

    Raises:
        BadArgument: a name that is none (`core.names`), or more names than there are labels.
    """
    wanted = require_names(names, organ, labels)
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


def require_names(names: Iterable[str], organ: Organ, labels: LabelMap | None) -> tuple[str, ...]:
    """Return each name but "background", once; raises BadArgument for one that is none."""
    there = {s.name for s in labels.structures} if labels is not None else set()
    known = there | {s.name for s in organ.structures}
    wanted = tuple(name for name in dict.fromkeys(names) if name != BACKGROUND)
    for name in wanted:
        if name not in there:
            checked_name(name, known, where="seeds")
    return wanted


def numbered_by_place(
    found: Mapping[str, NDArray[np.bool_]], labels: LabelMap | None
) -> dict[str, NDArray[np.bool_]]:
    """Return what a method found by itself, its tumours numbered beside those so far.

    A tumour most of which lies in one that is labelled, or that holds most of one, is that one: it
    stays as it was labelled. Any other gets the next number after the highest there is, so that no
    number comes to mean another lesion.

    Args:
        found: name → (ni, nj, nk) bool; tumours in the order of numbering.

    Raises:
        BadArgument: more tumours than there are numbers.
    """
    there = () if labels is None else labels.structures
    numbers = [int(m[1]) for s in there if (m := TUMOUR.fullmatch(s.name))]
    sick = [labels.mask(s.name) for s in there if s.kind == "tumour"] if labels is not None else []
    last, result = max(numbers, default=0), {}
    for name, mask in found.items():
        if TUMOUR.fullmatch(name) is None:
            result[name] = mask
        elif not any(_same(mask, one) for one in sick):
            last += 1
            result[f"tumour-{last}"] = mask
    if last > MOST_TUMOURS and last > max(numbers, default=0):
        raise BadArgument(f"more than {MOST_TUMOURS} tumours", where="segment")
    return result


def _same(mask: NDArray[np.bool_], other: NDArray[np.bool_]) -> bool:
    """Whether most of the smaller of two masks lies in the other."""
    return 2 * int((mask & other).sum()) > min(int(mask.sum()), int(other.sum())) > 0


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
    """Return whether there are labels so far: they stay whole, and what is new lies over them."""
    return labels is not None and (bool(labels.beneath) or bool(labels.labels.any()))


def _other(name: str, label: int | None) -> Structure:
    if label is None:
        raise BadArgument(
            f"{len(OTHER_LABELS)} other structures have every label there is",
            where=f"seeds: {name}",
            advice="remove some of them first",
        )
    return Structure(name, label, "other", OTHER_CODE, of_other(label - OTHER_LABELS.start))
