"""A coarser grid by the mean of whole blocks of voxels, and back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.segmenting.frame import Floats, Spacing

Factors = tuple[int, int, int]


def factors_for(spacing_mm: Spacing, target_mm: float) -> Factors:
    """Whole numbers of voxels that come nearest to target_mm along each axis."""
    i, j, k = (max(1, round(target_mm / s)) for s in spacing_mm)
    return i, j, k


def block_mean(array: NDArray[np.generic], factors: Factors) -> Floats:
    """Means over blocks; the last block repeats the border where it is not full."""
    padding = [(0, -n % f) for n, f in zip(array.shape, factors, strict=True)]
    full = np.pad(array.astype(np.float32), padding, mode="edge")
    split = [n for size, f in zip(full.shape, factors, strict=True) for n in (size // f, f)]
    mean: Floats = full.reshape(split).mean(axis=(1, 3, 5), dtype=np.float32)
    return mean


def coarse_spacing(spacing_mm: Spacing, factors: Factors) -> Spacing:
    """Voxel size of the blocks, mm."""
    i, j, k = (s * f for s, f in zip(spacing_mm, factors, strict=True))
    return i, j, k


def refined(array: Floats, factors: Factors, shape: tuple[int, ...]) -> Floats:
    """Linear interpolation of block centres at the centres of the fine voxels (shape)."""
    scale = [1.0 / f for f in factors]
    shift = [-0.5 * (f - 1.0) / f for f in factors]
    fine: Floats = ndimage.affine_transform(
        array, scale, offset=shift, output_shape=shape, order=1, mode="nearest", output=np.float32
    )
    return fine
