"""Places and directions as a person reads them: a letter and a number that is never negative.

The letters are those of DICOM PS3.3 C.7.6.1.1.1 (A, P, R, L) with S and I for head and feet; the
frame is LPS, so a positive number is towards L, P or S.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

LETTERS: Final = (("R", "L"), ("A", "P"), ("I", "S"))
"""(negative, positive) side of each axis."""


def letter(axis: int, value: float) -> str:
    """Return the side of an axis (0, 1, 2) of LPS on which a value lies; zero is L, P or S."""
    return LETTERS[axis][int(value >= 0)]


def sided(lps: Sequence[float], places: int = 1, *, first: int = 0) -> tuple[str, ...]:
    """Return ("R 91.0", "A 22.4", "S 20.0") of (-91.0, -22.4, 20.0); `first` is the first axis."""
    rounded = enumerate((round(float(value), places) for value in lps), first)
    return tuple(f"{letter(axis, value)} {abs(value):.{places}f}" for axis, value in rounded)


def position(lps_mm: Sequence[float], places: int = 1) -> str:
    """Return "R 91.0 A 22.4 S 20.0 mm" of a place (3,) in LPS mm."""
    return f"{' '.join(sided(lps_mm, places))} mm"
