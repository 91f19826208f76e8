"""What tells the images of one series apart: values that mean the same, and values that alternate.

Everything here works on `Slice.setting`, which all slices of a series have in the same order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

import numpy as np

from organtwin.importing.found import Slice
from organtwin.importing.geometry import heights_mm

SAME_PART: Final = 0.01
"""Scanners write what a sequence came to, such as an echo time of 4.60 and 4.605 ms; what is told
apart on purpose differs by more. Echoes nearer than that are still told apart at one place."""
REAL: Final = frozenset(
    {
        "EchoTime",
        "EffectiveEchoTime",
        "InversionTime",
        "InversionTimes",
        "FlipAngle",
        "DiffusionBValue",
        "KVP",
        "SliceThickness",
    }
)
"""Settings that are measured or computed, not counted."""
TIME: Final = "AcquisitionTime"
MAY_FOLLOW: Final = ("AcquisitionNumber", TIME)
"""These differ along one volume, too, but do not come back along it."""
WOVEN: Final = (
    "ConvolutionKernel",
    "ContrastBolusAgent",
    "SliceThickness",
    "ImageType",
    "SeriesDescription",
)
"""These may change along one volume; where nearly each slice says otherwise than the one before,
two reconstructions or scans lie half a step apart."""
WOVEN_PART: Final = 0.75
"""Of neighbours have to differ."""
TAKEN: Final = "taken"
"""When each slice was taken, where AcquisitionTime became that of its acquisition."""
Group = list[Slice]


def as_one(slices: Group) -> Group:
    """Return the slices, numbers within 1 % of each other the least of them."""
    same: dict[str, dict[str, str]] = {}
    for n, (what, _) in enumerate(slices[0].setting if slices else ()):
        texts = {one.setting[n][1] for one in slices}
        if what in REAL and len(texts) > 1:
            same[what] = _least(texts)
    if not any(text != least for texts in same.values() for text, least in texts.items()):
        return slices
    return [
        replace(one, setting=tuple((w, same.get(w, {}).get(text, text)) for w, text in one.setting))
        for one in slices
    ]


def _least(texts: set[str]) -> dict[str, str]:
    """Return text → text of the least number that it is one with."""
    numbers = sorted((number, text) for text in texts if (number := _number(text)) is not None)
    one_with: dict[str, str] = {}
    least, name = 0.0, ""
    for number, text in numbers:
        if not name or abs(number - least) > SAME_PART * abs(least):
            least, name = number, text
        one_with[text] = name
    return one_with


def _number(text: str) -> float | None:
    """Return a number as `Elements.shown` has it, None for several or none."""
    try:
        number = float(text.strip("(),"))
    except ValueError:
        return None
    return number if np.isfinite(number) else None


def tellings(slices: Group) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield what may tell apart images at one place: (name, value of each), most telling first.

    Those that only a format's `phase` has are without a name.
    """
    columns = {
        what: tuple(one.setting[n][1] for one in slices)
        for n, (what, _) in enumerate(slices[0].setting)
        if what != TAKEN
    }
    each = {w: c for w, c in columns.items() if w not in MAY_FOLLOW and w not in WOVEN}
    yield from each.items()
    for said in zip(*(one.phase for one in slices), strict=True):
        yield "", said
    several = {what: column for what, column in each.items() if len(set(column)) > 1}
    if len(several) > 1:
        yield " and ".join(several), tuple(map(" and ".join, zip(*several.values(), strict=True)))
    yield from ((w, columns[w]) for w in (*WOVEN, *MAY_FOLLOW) if w in columns)


def is_woven(stack: Sequence[Slice], n: int) -> bool:
    """Return whether the `n`-th setting is another on nearly each slice, and comes back."""
    ordered = [stack[k].setting[n][1] for k in np.argsort(heights_mm(stack), kind="stable")]
    others = sum(a != b for a, b in pairwise(ordered))
    return 2 * len(set(ordered)) <= len(ordered) and others >= WOVEN_PART * (len(ordered) - 1)
