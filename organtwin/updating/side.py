"""One visit's image and organ on an isotropic grid, as registration compares them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.core.errors import BadArgument
from organtwin.core.labelmap import LabelMap
from organtwin.core.volume import Volume, spacing_of
from organtwin.updating.grids import corners_of, grid_around, image_of


@dataclass(frozen=True)
class Side:
    """One visit on its isotropic grid: image, distance to the organ, organ and tumour masks."""

    image: sitk.Image
    distance: sitk.Image
    organ: sitk.Image
    tumours: sitk.Image


def side_of(volume: Volume, labels: LabelMap, *, spacing_mm: float, margin_mm: float) -> Side:
    """Return a visit on a grid that reaches `margin_mm` beyond its organ.

    Raises:
        BadArgument: no organ is labelled.
        EmptyLabel: it has no voxels.
    """
    organ = _organ_mask(labels)
    grid = grid_around(corners_of(organ, labels.affine), margin_mm, spacing_mm)
    tumours = np.isin(labels.labels, [s.label for s in labels.of_kind("tumour")])
    placed = _resampled(organ, labels.affine, grid, interpolator=sitk.sitkNearestNeighbor)
    distance = sitk.SignedMaurerDistanceMap(placed, False, False, True)
    return Side(
        _image(volume, organ, grid),
        sitk.Clamp(distance, lowerBound=-30.0, upperBound=30.0),
        placed,
        _resampled(tumours, labels.affine, grid, interpolator=sitk.sitkNearestNeighbor),
    )


def _organ_mask(labels: LabelMap) -> NDArray[np.bool_]:
    organs = labels.of_kind("organ")
    if not organs:
        raise BadArgument("registration needs the organ's label", advice="run `segment` first")
    return labels.require(organs[0].name)


def _image(volume: Volume, organ: NDArray[np.bool_], grid: sitk.Image) -> sitk.Image:
    """The image on a grid, cut to what occurs in and near the organ, smoothed to its spacing."""
    low, high = np.percentile(volume.voxels[organ], [0.1, 99.9])
    reach = 2.0 * (high - low)
    cut = np.clip(volume.voxels.astype(np.float32), low - reach, high)
    sigmas = [0.45 * grid.GetSpacing()[0] / s for s in spacing_of(volume.affine)]
    smooth = ndimage.gaussian_filter(cut, sigmas)
    return _resampled(
        smooth, volume.affine, grid, interpolator=sitk.sitkLinear, outside=float(low - reach)
    )


def _resampled(
    array: NDArray[Any],
    affine: NDArray[np.float64],
    grid: sitk.Image,
    *,
    interpolator: int,
    outside: float = 0.0,
) -> sitk.Image:
    image = image_of(array, affine)
    return sitk.Resample(image, grid, sitk.Transform(), interpolator, outside)


def centre_mm(mask: sitk.Image) -> NDArray[np.float64]:
    """Return (3,) the centre of a mask, LPS mm."""
    index = np.argwhere(sitk.GetArrayViewFromImage(mask) > 0).mean(axis=0)[::-1]
    centre = np.array(mask.GetOrigin()) + index * np.array(mask.GetSpacing())
    return np.asarray(centre, np.float64)


def within(distance: sitk.Image, reach_mm: float) -> sitk.Image:
    """Return the mask of where a distance is at most `reach_mm`."""
    return sitk.Cast(distance <= reach_mm, sitk.sitkUInt8)


def grown(mask: sitk.Image, reach_mm: float) -> sitk.Image:
    """Return a mask with everything within `reach_mm` of it."""
    if not np.any(sitk.GetArrayViewFromImage(mask)):
        return mask
    return within(sitk.SignedMaurerDistanceMap(mask, False, False, True), reach_mm)
