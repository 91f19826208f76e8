"""Copies of an image: one SOPInstanceUID, one place, the same pixels; anything else is no copy."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np

from organtwin.core.errors import BadInput
from organtwin.importing.found import Pixels, Slice
from organtwin.importing.opening import DEFLATED, not_waiting
from organtwin.importing.pixels import FrameReader

SAME: Final = 1e-3
"""mm, and of a unit vector: a number written to fewer digits is the same."""


def without_copies(slices: Sequence[Slice]) -> tuple[list[Slice], dict[str, int], str]:
    """Return each image once, how often each UID was left out, and what is wrong ("" if nothing).

    Of copies that lost something in compression and one that did not, the latter is kept. A UID is
    unique for all time (PS3.5 9): two images of one UID that differ are a fault of the export, and
    which of them is right cannot be told.
    """
    comparison = _Comparison()
    same: dict[tuple[str, int], list[Slice]] = {}
    for one in slices:
        same.setdefault((one.sop_uid or str(one.pixels.path), one.frame), []).append(one)
    kept: list[Slice] = []
    left_out: dict[str, int] = {}
    wrong: list[str] = []
    for group in same.values():
        if len(group) == 1:
            kept += group
            continue
        best = min(group, key=lambda s: (bool(s.lossy), s.position_mm, str(s.pixels.path)))
        kept.append(best)
        left_out[best.sop_uid] = left_out.get(best.sop_uid, 0) + len(group) - 1
        wrong += [_told(best, one) for one in group if not comparison.same(best, one)]
    return kept, left_out, min(wrong, default="")


def _told(a: Slice, b: Slice) -> str:
    first, second = sorted([a.pixels.path.name, b.pixels.path.name])
    return f"different images have one SOPInstanceUID: {first} and {second}"


class _Comparison:
    """Compares images; a file of many frames is read once."""

    def __init__(self) -> None:
        self._reader = lru_cache(2)(FrameReader)
        self._coded_alike = lru_cache(2)(_coded_alike)

    def same(self, a: Slice, b: Slice) -> bool:
        if a is b:
            return True
        there, here = ([*s.position_mm, *s.row, *s.column, *s.spacing_mm] for s in (a, b))
        if np.abs(np.subtract(there, here)).max() > SAME:
            return False
        if a.lossy or b.lossy:
            return True
        return (a.slope, a.intercept) == (b.slope, b.intercept) and self._same_pixels(a, b)

    def _same_pixels(self, a: Slice, b: Slice) -> bool:
        """Compare samples as decoded where they may be coded in different ways."""
        try:
            if self._coded_alike(a.pixels, b.pixels):
                return True
            one, other = (self._reader(s.pixels).frame(s.frame) for s in (a, b))
            return bool(np.array_equal(one, other))
        except (BadInput, OSError):
            return False


def _coded_alike(a: Pixels, b: Pixels) -> bool:
    """Return whether two files have the same bytes of pixels, not inflated."""
    if a.transfer_syntax != b.transfer_syntax or a.transfer_syntax == DEFLATED:
        return False
    with (
        open(a.path, "rb", opener=not_waiting) as one,
        open(b.path, "rb", opener=not_waiting) as other,
    ):
        one.seek(a.offset)
        other.seek(b.offset)
        ends = [-1 if pixels.length is None else pixels.length for pixels in (a, b)]
        return one.read(ends[0]) == other.read(ends[1])
