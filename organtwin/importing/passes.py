"""Passes of the table: slices of one CT that follow each other in space and not in time.

A volume of two passes has its slices in the right places, but the patient moved in between: a
liver lies 1 to 4 cm higher or lower from breath to breath (report of AAPM Task Group 76, 2006,
table I), and contrast has passed on. What lies across the seam may be cut off there or seen twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from organtwin.importing.found import Slice
from organtwin.importing.geometry import heights_mm
from organtwin.importing.phases import seconds_of
from organtwin.importing.telling import TAKEN

LONGEST_S: Final = 60.0
"""A tube cools and a table steps on within it; beyond, nobody holds the same breath."""
DAY_S: Final = 86400.0
SHOWN: Final = 3


def seams(slices: Sequence[Slice]) -> str:
    """Return why slices that were taken more than a minute apart are withheld, "" where none were.

    Neighbours along the normal are compared by AcquisitionTime (PS3.3 C.7.6.1), which only CT has
    among its settings: the slices of an MR are all taken over minutes. ContentTime is when an image
    was computed and says nothing.
    """
    order = np.argsort(heights_mm(slices), kind="stable")
    heights = heights_mm([slices[n] for n in order])
    times = [seconds_of(dict(slices[n].setting).get(TAKEN, "")) for n in order]
    told = [(t, float(mm)) for t, mm in zip(times, heights, strict=True) if t is not None]
    jumps = [
        (between_s, f"{low:.2f} and {high:.2f} mm")
        for (before, low), (after, high) in pairwise(told)
        if (between_s := _apart_s(before, after)) > LONGEST_S
    ]
    if not jumps:
        return ""
    longest = max(seconds for seconds, _ in jumps)
    where = "; ".join(place for _, place in jumps[:SHOWN]) + ("; …" if len(jumps) > SHOWN else "")
    return (
        f"neighbouring slices were taken up to {longest:.0f} s apart (AcquisitionTime; between "
        f"{where} along the normal): breath and contrast differ, and an organ across may be "
        "cut or doubled by centimetres"
    )


def _apart_s(a: float, b: float) -> float:
    """Return seconds between two times of day, midnight between them or not."""
    return min(abs(a - b), DAY_S - abs(a - b))
