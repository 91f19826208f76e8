"""Shapes by distance: balls in mm, whatever the voxel; what lies beyond the image is unknown."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.segmenting.coarse import block_mean, coarse_spacing, factors_for, refined
from organtwin.segmenting.frame import Flags, Floats, Spacing

Box = tuple[slice, slice, slice]


def depth_mm(mask: Flags, spacing_mm: Spacing) -> Floats:
    """Distance of each voxel (ni, nj, nk) in the mask to the nearest one outside, mm."""
    if mask.all() or not mask.any():
        return np.full(mask.shape, 1e4 if mask.any() else 0.0, np.float32)
    beyond = sitk.GetImageFromArray((~mask).astype(np.uint8))
    beyond.SetSpacing(spacing_mm[::-1])
    signed = sitk.SignedMaurerDistanceMap(
        beyond, insideIsPositive=False, squaredDistance=False, useImageSpacing=True
    )
    depth: Floats = np.maximum(sitk.GetArrayViewFromImage(signed), np.float32(0))
    return depth


def eroded(mask: Flags, radius_mm: float, spacing_mm: Spacing) -> Flags:
    """The mask less a rim of radius_mm; a border of the image is no border of the shape."""
    return depth_mm(mask, spacing_mm) > radius_mm


def dilated(mask: Flags, radius_mm: float, spacing_mm: Spacing) -> Flags:
    """The mask with a rim of radius_mm."""
    return depth_mm(~mask, spacing_mm) <= radius_mm


def closed(mask: Flags, radius_mm: float, spacing_mm: Spacing) -> Flags:
    """Fill what a ball of radius_mm outside the mask cannot reach."""
    return mask | eroded(dilated(mask, radius_mm, spacing_mm), radius_mm, spacing_mm)


def opened(mask: Flags, radius_mm: float, spacing_mm: Spacing) -> Flags:
    """Keep what a ball of radius_mm inside the mask can reach."""
    return mask & dilated(eroded(mask, radius_mm, spacing_mm), radius_mm, spacing_mm)


def largest(mask: Flags, weight: Flags | None = None) -> Flags:
    """The connected part (faces) with most voxels, or most voxels of `weight`; empty if none."""
    parts, count = ndimage.label(mask)
    sizes = np.bincount(parts[mask & weight if weight is not None else mask], minlength=count + 1)
    if sizes.max() == 0:
        return np.zeros_like(mask)
    kept: Flags = parts == int(np.argmax(sizes))
    return kept


def without_specks(mask: Flags, fewest_voxels: float) -> Flags:
    """Drop connected parts (faces, edges and corners) of fewer voxels."""
    parts, _ = ndimage.label(mask, np.ones((3, 3, 3)))
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    kept: Flags = (sizes >= fewest_voxels)[parts]
    return kept


def around(mask: Flags, margin_mm: float, spacing_mm: Spacing) -> Box:
    """The box of index slices that holds the mask and a margin."""
    cuts = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        places = np.flatnonzero(mask.any(axis=others))
        margin = int(np.ceil(margin_mm / spacing_mm[axis]))
        low, high = int(places[0]), int(places[-1])
        cuts.append(slice(max(0, low - margin), min(mask.shape[axis], high + margin + 1)))
    return cuts[0], cuts[1], cuts[2]


def blurred(image: NDArray[np.floating], sigma_mm: float, spacing_mm: Spacing) -> Floats:
    """Gaussian of sd sigma_mm, (ni, nj, nk) float32."""
    sigmas = [sigma_mm / s for s in spacing_mm]
    found: Floats = ndimage.gaussian_filter(
        image.astype(np.float32, copy=False), sigmas, truncate=4
    )
    return found


def local_mean(image: Floats, where: Flags, sigma_mm: float, spacing_mm: Spacing) -> Floats:
    """Gaussian mean of the image over `where` only; far from any of it, its mean there.

    A wide mean is taken over blocks of a third of its sd and interpolated, which changes it by less
    than a blur of that width does.
    """
    factors = factors_for(spacing_mm, max(sigma_mm / 3.0, max(spacing_mm)))
    masked = np.where(where, image, np.float32(0))
    blocks = coarse_spacing(spacing_mm, factors)
    weight = blurred(block_mean(where, factors), sigma_mm, blocks)
    total = blurred(block_mean(masked, factors), sigma_mm, blocks)
    overall = np.float32(image[where].mean())
    small = np.float32(1e-6)
    mean: Floats = (total + small * overall) / (weight + small)
    return mean if factors == (1, 1, 1) else refined(mean, factors, image.shape)
