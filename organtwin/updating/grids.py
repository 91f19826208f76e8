"""Arrays as images of SimpleITK on isotropic grids along the LPS axes, mm."""

from __future__ import annotations

from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.core.volume import spacing_of, to_lps

Points = NDArray[np.float64]


def image_of(array: NDArray[Any], affine: Points) -> sitk.Image:
    """Return an array (i, j, k) with its affine, index → LPS mm, as an image; bool becomes 0, 1."""
    kept = array.astype(np.uint8) if array.dtype == bool else array
    image = sitk.GetImageFromArray(kept.T)
    spacing = np.array(spacing_of(affine))
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(affine[:3, 3].tolist())
    image.SetDirection((affine[:3, :3] / spacing).ravel().tolist())
    return image


def grid_around(points_mm: Points, margin_mm: float, spacing_mm: float) -> sitk.Image:
    """Return an empty image that holds points (n, 3) LPS mm and a margin."""
    low, high = points_mm.min(axis=0) - margin_mm, points_mm.max(axis=0) + margin_mm
    size = np.ceil((high - low) / spacing_mm).astype(int) + 1
    grid = sitk.Image([int(n) for n in size], sitk.sitkFloat32)
    grid.SetOrigin([float(x) for x in low])
    grid.SetSpacing([spacing_mm] * 3)
    return grid


def extent_of(shape: tuple[int, ...], affine: Points) -> Points:
    """Return (8, 3) LPS mm: the outermost voxel centres of an array of that shape."""
    return _corners([(0, n - 1) for n in shape], affine)


def corners_of(mask: NDArray[np.bool_], affine: Points) -> Points:
    """Return (8, 3) LPS mm: the corners of a mask's box, by voxel centres."""
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    return _corners([(axis.start, axis.stop - 1) for axis in box], affine)


def _corners(ends: list[tuple[int, int]], affine: Points) -> Points:
    return to_lps(affine, np.stack(np.meshgrid(*ends, indexing="ij"), -1).reshape(-1, 3))


def averaged_on(image: sitk.Image, grid: sitk.Image, window: tuple[float, float]) -> sitk.Image:
    """Return an image on a grid, averaged up to its spacing, cut to a window of values.

    Beyond the image the window's lower end stands.
    """
    spacing = grid.GetSpacing()[0]
    times = [max(1, int(spacing / s + 1e-6)) for s in image.GetSpacing()]
    times = [min(t, n) for t, n in zip(times, image.GetSize(), strict=True)]
    mean = sitk.BinShrink(image, times) if max(times) > 1 else image
    cut = sitk.Clamp(sitk.Cast(mean, sitk.sitkFloat32), lowerBound=window[0], upperBound=window[1])
    return sitk.Resample(cut, grid, sitk.Transform(), sitk.sitkLinear, window[0])


def mask_on(mask: sitk.Image, grid: sitk.Image) -> sitk.Image:
    """Return a mask on a grid, by the nearest voxel, 0 beyond it."""
    return sitk.Resample(mask, grid, sitk.Transform(), sitk.sitkNearestNeighbor, 0)


def everywhere(image: sitk.Image) -> sitk.Image:
    """Return a mask of the whole of an image."""
    mask = sitk.Image(image.GetSize(), sitk.sitkUInt8) + 1
    mask.CopyInformation(image)
    return mask
