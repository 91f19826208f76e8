"""Signed distance to the surface of a labelled structure, finer than its voxels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from organtwin.core.labelmap import LabelMap
from organtwin.core.volume import spacing_of, to_index, to_lps, voxel_ml_of

SMOOTHING: Final = 0.6
"""Standard deviation of the smoothing, in voxels of the coarsest axis: removes the staircase."""

SAMPLE_MM: Final = 0.7
NEAR_MM: Final = 4.0
FAR_POINTS: Final = 3000
FAR_ERROR: Final = 0.01
"""Relative error allowed to distances beyond NEAR_MM (a tree search ends earlier)."""


@dataclass(frozen=True, eq=False)
class DistanceGrid:
    """Signed distance on a box around a structure.

    Args:
        distance_mm: (ni, nj, nk) float32, mm, negative inside.
        affine: (4, 4) float64, index → LPS mm.
    """

    distance_mm: NDArray[np.float32]
    affine: NDArray[np.float64]

    def volume_ml(self) -> float:
        """Volume in mL where the distance is negative, each voxel cut by the surface in part."""
        step = spacing_of(self.affine)[0]
        part = np.clip(0.5 - self.distance_mm.astype(np.float64) / step, 0.0, 1.0)
        return float(part.sum()) * voxel_ml_of(self.affine)


def distance_to(
    labels: LabelMap, structure: str, *, margin_mm: float = 40.0, spacing_mm: float = 1.5
) -> DistanceGrid:
    """Return the signed distance to a structure (with all inside it) on an isotropic box.

    The mask is smoothed below the size of a voxel and cut at the level that keeps its volume;
    the distance is taken to points spread densely over that surface and, near it, to their
    tangent planes; a last shift makes the enclosed volume equal to the labelled one.

    Args:
        margin_mm: how far the box reaches beyond the structure, mm.
        spacing_mm: of the box, mm.

    Raises:
        EmptyLabel: the structure has no voxels.
        BadArgument: there is no such structure.
    """
    mask = labels.require(structure)
    wanted_ml = labels.volume_ml(structure)
    field, affine = _smoothed(mask, labels.affine)
    level = _level(field, wanted_ml / voxel_ml_of(affine))
    surface = _Surface.of(field - level, affine)
    points, grid_affine = _box(surface.points, margin_mm=margin_mm, spacing_mm=spacing_mm)
    inside = _inside(field - level, affine, points)
    distance = surface.signed(points.reshape(-1, 3), inside.ravel()).reshape(points.shape[:3])
    return _with_volume(distance, grid_affine, wanted_ml)


def _smoothed(
    mask: NDArray[np.bool_], affine: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Crop a mask with a border of four voxels, smooth it; returns it and its affine."""
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    low = np.array([axis.start for axis in box]) - 4
    cropped = np.pad(mask[box], 4).astype(np.float64)
    spacing = np.array(spacing_of(affine))
    moved = np.array(affine)
    moved[:3, 3] = to_lps(affine, low)
    return ndimage.gaussian_filter(cropped, SMOOTHING * spacing.max() / spacing), moved


def _level(field: NDArray[np.float64], wanted_voxels: float) -> float:
    """The level above which `field` encloses `wanted_voxels`, border voxels counted in part."""
    slope = np.sqrt(sum(g**2 for g in np.gradient(field))) + 1e-12
    low, high = 0.0, float(field.max())
    for _ in range(40):
        middle = 0.5 * (low + high)
        part = np.clip(0.5 + (field - middle) / slope, 0.0, 1.0)
        if part[field > 1e-6].sum() > wanted_voxels:
            low = middle
        else:
            high = middle
    return float(np.clip(0.5 * (low + high), 0.02 * field.max(), 0.98 * field.max()))


def _box(
    points: NDArray[np.float64], *, margin_mm: float, spacing_mm: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    low = points.min(axis=0) - margin_mm
    counts = np.ceil((points.max(axis=0) + margin_mm - low) / spacing_mm).astype(int) + 1
    affine = np.diag([spacing_mm, spacing_mm, spacing_mm, 1.0])
    affine[:3, 3] = low
    index = np.stack(np.meshgrid(*(np.arange(n) for n in counts), indexing="ij"), axis=-1)
    return to_lps(affine, index), affine


def _inside(
    field: NDArray[np.float64], affine: NDArray[np.float64], points: NDArray[np.float64]
) -> NDArray[np.bool_]:
    index = np.moveaxis(to_index(affine, points), -1, 0)
    values = ndimage.map_coordinates(field, index, order=1, mode="nearest")
    result: NDArray[np.bool_] = values > 0.0
    return result


@dataclass(frozen=True, eq=False)
class _Surface:
    """Points spread densely over a surface, with the outward normal at each; LPS mm."""

    points: NDArray[np.float64]
    normals: NDArray[np.float64]

    @classmethod
    def of(cls, field: NDArray[np.float64], affine: NDArray[np.float64]) -> _Surface:
        """Pull a lattice of points near the zero of a field onto it by Newton steps."""
        coefficients = ndimage.spline_filter(field, order=3)
        low, high = to_lps(affine, np.array([[1.0, 1.0, 1.0], np.array(field.shape) - 2.0]))
        points = _near_zero(_lattice(np.minimum(low, high), np.maximum(low, high)), field, affine)
        for _ in range(4):
            value, slope = _value_and_slope(coefficients, affine, points)
            size = np.maximum((slope**2).sum(axis=1), 1e-12)
            points = points - np.clip(value / size, -2.0, 2.0)[:, None] * slope
        value, slope = _value_and_slope(coefficients, affine, points)
        size = np.linalg.norm(slope, axis=1)
        settled = np.abs(value) < 0.02 * size
        return cls(points[settled], -slope[settled] / size[settled, None])

    def signed(self, points: NDArray[Any], inside: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Distance of points (n, 3), negative inside: to the tangent plane where it is near."""
        thin = self.points[:: max(1, len(self.points) // FAR_POINTS)]
        distance, _ = cKDTree(thin).query(points, eps=FAR_ERROR)
        result: NDArray[np.float64] = np.where(inside, -distance, distance)
        near = distance < NEAR_MM
        exact, nearest = cKDTree(self.points).query(points[near])
        away = points[near] - self.points[nearest]
        flat = np.einsum("nd,nd->n", away, self.normals[nearest])
        result[near] = np.where(exact < 2.0 * SAMPLE_MM, flat, np.copysign(exact, result[near]))
        return result


def _lattice(low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.float64]:
    axes = [np.arange(a, b + SAMPLE_MM, SAMPLE_MM) for a, b in zip(low, high, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


def _near_zero(
    points: NDArray[np.float64], field: NDArray[np.float64], affine: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Those points (n, 3) within about a sample's spacing of the zero of a field."""
    slopes = np.moveaxis(np.array(np.gradient(field)), 0, -1) @ np.linalg.inv(affine[:3, :3])
    away = field / np.maximum(np.linalg.norm(slopes, axis=-1), 1e-6)
    index = to_index(affine, points).T
    near = ndimage.map_coordinates(np.clip(away, -5.0, 5.0), index, order=1, mode="nearest")
    result: NDArray[np.float64] = points[np.abs(near) < SAMPLE_MM]
    return result


def _value_and_slope(
    coefficients: NDArray[np.float64], affine: NDArray[np.float64], points: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cubic spline and its gradient (per mm) at points (n, 3) LPS mm."""

    def at(moved: NDArray[np.float64]) -> NDArray[np.float64]:
        index = to_index(affine, moved).T
        result: NDArray[np.float64] = ndimage.map_coordinates(
            coefficients, index, order=3, mode="nearest", prefilter=False
        )
        return result

    steps = [np.array(s) for s in (0.05 * np.eye(3)).tolist()]
    slope = np.stack([(at(points + s) - at(points - s)) / 0.1 for s in steps], axis=-1)
    return at(points), slope


def _with_volume(
    distance: NDArray[np.float64], affine: NDArray[np.float64], wanted_ml: float
) -> DistanceGrid:
    """Shift a distance until it encloses the wanted volume (Newton: dV/dd is the area)."""
    step = spacing_of(affine)[0]
    for _ in range(6):
        part = np.clip(0.5 - distance / step, 0.0, 1.0)
        area_mm2 = float((np.abs(distance) < 0.5 * step).sum()) * step**2
        excess_mm3 = float(part.sum()) * step**3 - wanted_ml * 1000.0
        distance = distance + np.clip(excess_mm3 / max(area_mm2, step**2), -0.5, 0.5)
    return DistanceGrid(np.asfortranarray(distance, dtype=np.float32), affine)
