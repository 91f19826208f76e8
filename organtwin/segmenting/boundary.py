"""Where a surface really lies: half way between the brightness on its two sides.

An image of limited sharpness shows an edge as a ramp; the edge lies where the ramp is half way up
(the half-maximum rule). Each side is measured where it lies, so the level follows the neighbour.
"""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from organtwin.segmenting.frame import Flags, Floats, Spacing
from organtwin.segmenting.morphology import blurred, depth_mm, largest, local_mean

OUTWARD = 0.6


def signed_mm(mask: Flags, spacing_mm: Spacing) -> Floats:
    """Distance to the border of a mask, mm: negative inside, zero half way between voxels.

    Of the distance to the nearest voxel on the other side, half a voxel's mean side is taken off,
    but never more than half of that distance, which along a short side is less.
    """
    half = np.float32(0.5 * np.mean(spacing_mm))
    away = depth_mm(mask, spacing_mm) + depth_mm(~mask, spacing_mm)
    border: Floats = np.maximum(away - half, np.float32(0.5) * away)
    return np.where(mask, -border, border)


def half_way(
    image: Floats,
    mask: Flags,
    spacing_mm: Spacing,
    *,
    reach_mm: float,
    noise: float,
    deepest: float = 300.0,
) -> Flags:
    """Move the border of a mask, by at most reach_mm, to the half-way level of the image.

    What is as far from the inside on the other side of it (bone, a vessel) is not taken in.

    Args:
        image: (ni, nj, nk) float32, smoothed.
        mask: about right already.
        noise: sd of the smoothed image; where both sides differ by less than four times that the
            border stays.
        deepest: no side counts as differing by more than this, so that a thin sheet before a far
            darker space (diaphragm before lung) is not taken in with the organ.
    """
    distance = signed_mm(mask, spacing_mm)
    deep = distance < -reach_mm
    inside = local_mean(image, deep if deep.sum() > 50 else mask, 4.0 * reach_mm, spacing_mm)
    beyond = distance > reach_mm
    outside = local_mean(image, beyond, 0.6 * reach_mm, spacing_mm)
    contrast = outside - inside
    clear = np.abs(contrast) > 4.0 * noise
    half = 0.5 * np.clip(contrast, -deepest, deepest)
    away = image - inside
    closer = np.where(half < 0.0, away > half, away < half) & (mask | (np.abs(away) < np.abs(half)))
    near = (distance > -reach_mm) & (distance < OUTWARD * reach_mm)
    moved = np.where(clear & near, closer, mask)
    return moved


def smoothed(mask: Flags, sigma_mm: float, spacing_mm: Spacing) -> Flags:
    """Even out a surface and keep its volume: blur, then the level that holds as many voxels."""
    soft = blurred(mask.astype(np.float32), sigma_mm, spacing_mm)
    count = int(mask.sum())
    if count in (0, mask.size):
        return mask
    return soft >= level_holding(soft, count)


def level_holding(values: NDArray[np.floating], count: int) -> float:
    """The level that `count` voxels reach."""
    place = values.size - count
    return float(np.partition(values, place, axis=None)[place])


def sharpened(hu: Floats, mask: Flags, spacing_mm: Spacing, *, barred: Flags) -> Flags:
    """Bring a nearly right organ mask to the half-maximum surface of the image in HU.

    Args:
        barred: (ni, nj, nk) bool, what the organ cannot be.
    """
    even = sitk.GetArrayFromImage(
        sitk.CurvatureFlow(sitk.GetImageFromArray(np.clip(hu, -400.0, 400.0)), 0.0625, 8)
    ).astype(np.float32)
    noise = 0.9 * float(np.median(np.abs(even[mask] - np.median(even[mask]))))
    reach = max(2.0, 1.2 * float(np.mean(spacing_mm)))
    for _ in range(2):
        mask = half_way(even, mask, spacing_mm, reach_mm=reach, noise=noise, deepest=220.0)
        mask = largest(smoothed(mask & ~barred, 1.5, spacing_mm) & ~barred)
    return mask
