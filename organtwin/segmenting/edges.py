"""Where vessels end: at a share of the brightness of the widest place near by.

One level for all vessels is passed too far outside by wide ones and too deep inside by narrow ones,
which the image shows less bright. The edge of a wide vessel lies at half of its brightness, that of
one as thin as a voxel at half of what the wide one shows; within `REACH_MM` both are compared with
the brightest place, which draws wide ones tightly and leaves narrow ones their width.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from skimage.morphology import skeletonize

from organtwin.segmenting.frame import Flags, Floats, Spacing

REACH_MM = 5.0
EDGE = 0.41
"""Unsourced: between 0.25 and 0.5 of the widest vessels' contrast, thin and wide (half-maximum)."""


def drawn_to_edges(
    vessels: Flags, bright: Floats, where: Flags, *, most: float, share: float, spacing_mm: Spacing
) -> Flags:
    """Draw vessels to their edges, at most a voxel outwards; their middle lines stay whole.

    Args:
        vessels: (ni, nj, nk) bool.
        bright: (ni, nj, nk) float32, how much brighter than tissue.
        where: voxels that a vessel may take.
        most: brighter than that is none, such as a calcification or clip.
        share: of the brightest vessel voxel within 5 mm, where the edge is.
    """
    lit = np.where(vessels, bright, np.float32(0))
    brightest = ndimage.maximum_filter(lit, footprint=_ball(REACH_MM, spacing_mm))
    near = ndimage.binary_dilation(vessels) & where
    lit_enough = bright > share * np.minimum(brightest, most)
    drawn: Flags = (near & lit_enough) | skeletonize(vessels)
    return drawn


def _ball(radius_mm: float, spacing_mm: Spacing) -> Flags:
    steps = [np.arange(-int(radius_mm / s), int(radius_mm / s) + 1) * s for s in spacing_mm]
    i, j, k = np.meshgrid(*steps, indexing="ij")
    ball: Flags = i**2 + j**2 + k**2 <= radius_mm**2
    return ball
