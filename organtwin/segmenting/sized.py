"""Whether a tumour outlined is as large as was said, and whether the image bounds it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import pdist

from organtwin.core.errors import EmptyLabel
from organtwin.segmenting.frame import Flags, Floats, Index, Spacing
from organtwin.segmenting.morphology import around
from organtwin.segmenting.remarks import Place, Remark, edgeless

OFF = 0.3
"""What RECIST 1.1 takes for response (Eisenhauer et al. 2009): a diameter off by more is another
tumour's."""
UNBOUND, PARTLY_UNBOUND = 0.5, 0.25


def doubts_of_size(
    name: str,
    mask: Flags,
    spacing_mm: Spacing,
    *,
    image: Floats,
    middle: Index,
    reach_mm: float,
    said_mm: float,
    place_mm: Place,
) -> Iterator[Remark]:
    """Yield what speaks against a tumour's size.

    Args:
        mask: (ni, nj, nk) bool, the tumour.
        image: (ni, nj, nk) float32.
        middle: voxel from which it may reach so far as reach_mm.
        said_mm: its longest diameter as said.

    Raises:
        EmptyLabel: along more than half of its border it only ends as it may reach no farther, and
            the image shows no edge there (`remarks.edgeless`).
    """
    share = at_reach(mask, spacing_mm, middle, reach_mm)
    if share > PARTLY_UNBOUND:
        share = min(share, edgeless(image, mask, spacing_mm)[0])
    if share > UNBOUND:
        raise EmptyLabel(
            f"nothing in the image bounds {name}: it would fill all it may reach, "
            f"{reach_mm:.0f} mm from its middle",
            where="({:.0f}, {:.0f}, {:.0f}) mm".format(*place_mm),
            advice="draw its longest diameter from border to border as a line, or paint it",
        )
    if share > PARTLY_UNBOUND:
        what = f"ends along {share:.0%} of its border only as it may reach no farther,"
        yield Remark(name, "reach", what, 100.0 * share, "%", place_mm)
    long_mm = long_axis_mm(mask, spacing_mm)
    off = long_mm / said_mm - 1.0
    if abs(off) > OFF:
        what = f"is {long_mm:.0f} mm long, not {said_mm:.0f} mm as was said ({off:+.0%}),"
        yield Remark(name, "diameter", what, long_mm, "mm", place_mm)


def at_reach(mask: Flags, spacing_mm: Spacing, middle: Index, reach_mm: float) -> float:
    """Share of the voxels next to a mask that lie farther from its middle than it may reach."""
    box = around(mask, 2.0 * max(spacing_mm), spacing_mm)
    rim = ndimage.binary_dilation(mask[box]) & ~mask[box]
    start = [cut.start - n for cut, n in zip(box, middle, strict=True)]
    away = np.linalg.norm((np.argwhere(rim) + start) * np.array(spacing_mm), axis=1)
    return float((away > reach_mm).mean()) if away.size else 0.0


def long_axis_mm(mask: Flags, spacing_mm: Spacing) -> float:
    """Longest distance between two voxels of a mask, mm, and the mean side of one voxel."""
    points: NDArray[np.float64] = np.argwhere(mask) * np.array(spacing_mm)
    try:
        points = points[ConvexHull(points).vertices]
    except QhullError:  # flat or thin: few points anyway
        points = points[:: max(1, len(points) // 2000)]
    return float(pdist(points).max(initial=0.0) + np.mean(spacing_mm))
