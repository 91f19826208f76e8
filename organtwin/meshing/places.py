"""Where a part of a label map is, in words for a person."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.core.directions import position
from organtwin.core.volume import to_lps


def place_of(mask: NDArray[np.bool_], affine: NDArray[np.float64]) -> str:
    """Return the place, LPS mm, of the voxel of a mask that is nearest to its middle."""
    voxels = np.argwhere(mask)
    if len(voxels) == 0:
        return "nowhere"
    nearest = np.linalg.norm(voxels - voxels.mean(axis=0), axis=1).argmin()
    return position(to_lps(affine, voxels[nearest]).tolist())


def place_of_largest(mask: NDArray[np.bool_], affine: NDArray[np.float64]) -> str:
    """Return the place, LPS mm, of the largest piece of a mask (of voxels that touch)."""
    pieces, count = ndimage.label(mask, np.ones((3, 3, 3), dtype=int))
    if count > 1:
        mask = pieces == 1 + np.bincount(pieces.ravel(order="K"))[1:].argmax()
    return place_of(mask, affine)
