"""Where a structure ends, finer than its voxels: distances and surface points from labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.core.volume import spacing_of, to_lps

Box = tuple[slice, slice, slice]
SMOOTHING_VOXELS = 0.5
"""Gaussian width that takes the stairs off a distance map."""


def box_around(mask: NDArray[np.bool_], pad_voxels: int) -> Box:
    """Return the slices of a mask's bounding box, grown by `pad_voxels` and cut at the grid."""
    cuts = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        used = np.flatnonzero(mask.any(axis=others))
        low, high = int(used[0]) - pad_voxels, int(used[-1]) + pad_voxels + 1
        cuts.append(slice(max(low, 0), min(high, mask.shape[axis])))
    return cuts[0], cuts[1], cuts[2]


def box_affine(affine: NDArray[np.float64], box: Box) -> NDArray[np.float64]:
    """Return the affine (4, 4), index → LPS mm, of the part of a grid inside `box`."""
    moved = np.array(affine)
    moved[:3, 3] = to_lps(affine, np.array([cut.start for cut in box]))
    return moved


def signed_distance_mm(mask: NDArray[np.bool_], affine: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return (ni, nj, nk) float32 mm: distance to the mask's border, negative inside.

    Distances between voxel centres less half a voxel (its shortest edge), so that linear
    interpolation crosses zero midway between a voxel of the mask and a neighbour outside. The
    grid's axes are taken as orthogonal.
    """
    spacing = spacing_of(affine)
    outside = ndimage.distance_transform_edt(~mask, sampling=spacing)
    inside = ndimage.distance_transform_edt(mask, sampling=spacing)
    distance = outside - inside
    distance -= np.sign(distance) * 0.5 * min(spacing)
    result: NDArray[np.float32] = distance.astype(np.float32)
    return result


def surface_points_mm(mask: NDArray[np.bool_], affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (n, 3) LPS mm: where grid edges pass the zero surface of the smoothed distance.

    A mask too small to keep a surface when smoothed gives the surface of its raw distance.
    """
    box = box_around(mask, 4)
    padded = np.pad(mask[box], 2)
    distance = signed_distance_mm(padded, affine)
    smooth = ndimage.gaussian_filter(distance, SMOOTHING_VOXELS)
    field = smooth if float(smooth.min()) < 0.0 else distance
    return to_lps(box_affine(affine, box), _crossings(field) - 2.0)


def _crossings(field: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return (n, 3) indices where the field, linear along grid edges, passes zero."""
    found = []
    for axis in range(3):
        here = np.moveaxis(field, axis, 0)
        first, second = here[:-1].astype(np.float64), here[1:].astype(np.float64)
        edge = np.argwhere((first < 0.0) != (second < 0.0)).astype(np.float64)
        at = tuple(edge.astype(int).T)
        edge[:, 0] += first[at] / (first[at] - second[at])
        order = [1, 2]
        order.insert(axis, 0)
        found.append(edge[:, order])
    return np.concatenate(found)


def border_density_per_mm(
    mask: NDArray[np.bool_], affine: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Return (ni, nj, nk) float32: area of the mask's border per volume, mm²/mm³.

    |∇u| of the mask blurred by a Gaussian as wide as the longest voxel edge: its integral is the
    area of a border that is smooth on that scale (coarea formula). A mask cut off by the end of
    the grid has no border there.
    """
    spacing = np.array(spacing_of(affine))
    sigmas = spacing.max() / spacing
    blurred = ndimage.gaussian_filter(mask.astype(np.float32), sigmas, mode="nearest", truncate=3)
    steepness = np.zeros(mask.shape, dtype=np.float32)
    for axis in range(3):
        steepness += (np.gradient(blurred, axis=axis) / np.float32(spacing[axis])) ** 2
    result: NDArray[np.float32] = np.sqrt(steepness)
    return result


def centres_mm(mask: NDArray[np.bool_], affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (n, 3) LPS mm: the voxel centres of a mask."""
    return to_lps(affine, np.argwhere(mask))
