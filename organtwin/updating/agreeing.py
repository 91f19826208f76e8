"""How well two images agree where structures are drawn, told from the images alone."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

HALF_MM: Final = 6
"""Half the length of a profile, and how far it is shifted to find its like."""
MOST_PROFILES: Final = 4000
Floats = NDArray[np.float64]


def likeness(first: sitk.Image, second: sitk.Image, mask: sitk.Image) -> float:
    """Return the correlation of two images of one grid where a mask is; 0 where one is even."""
    inside = _array(mask) > 0
    one, other = (_array(i)[inside].astype(np.float64) for i in (first, second))
    if one.size == 0 or one.std() == 0.0 or other.std() == 0.0:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])


def border_residual_mm(
    first: sitk.Image, second: sitk.Image, distance: sitk.Image, mask: sitk.Image
) -> float:
    """Return how far a border lies off in the second image along its normal, mean in mm.

    Profiles of 12 mm across the border are shifted along it until they correlate best with the
    second image's. Only the half of the border that shows best is asked: elsewhere there is
    nothing to compare.

    Args:
        first, second: on one isotropic grid.
        distance: to the structures, mm, negative inside.
        mask: 1 where the images may be compared.
    """
    spacing, away = first.GetSpacing()[0], _array(distance).astype(np.float64)
    border = np.argwhere((np.abs(away) <= spacing) & (_array(mask) > 0))
    border = border[:: max(1, len(border) // MOST_PROFILES)]
    if len(border) == 0:
        return float("inf")
    normals = np.stack([slope[tuple(border.T)] for slope in np.gradient(away)], -1)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    near = _profiles(_array(first), border, normals / spacing, reach_mm=HALF_MM)
    wide = _profiles(_array(second), border, normals / spacing, reach_mm=2 * HALF_MM)
    shows = near.std(axis=1) >= np.median(near.std(axis=1))
    near, wide = _normed(near[shows]), wide[shows]
    fits = [(near * _normed(wide[:, n : n + near.shape[1]])).sum(1) for n in range(2 * HALF_MM + 1)]
    return float(np.abs(np.argmax(fits, axis=0) - HALF_MM).mean())


def _profiles(image: Any, points: Any, normals: Floats, *, reach_mm: int) -> Floats:
    """Return (points, 2 reach + 1) values of an image along normals, a millimetre apart."""
    along = np.arange(-reach_mm, reach_mm + 1)
    places = points[:, None, :] + along[None, :, None] * normals[:, None, :]
    found: Floats = ndimage.map_coordinates(
        image.astype(np.float64), np.moveaxis(places, -1, 0), order=1, mode="nearest"
    )
    return found


def _normed(profiles: Floats) -> Floats:
    """Return profiles of mean 0 and length 1."""
    centred = profiles - profiles.mean(axis=1, keepdims=True)
    length = np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9)
    result: Floats = centred / length
    return result


def _array(image: sitk.Image) -> NDArray[Any]:
    """(i, j, k)."""
    return np.asarray(sitk.GetArrayFromImage(image)).T
