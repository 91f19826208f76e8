"""How far a surface of a mesh lies from the boundary of the voxels it stands for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from organtwin.core.volume import spacing_of

MOST_PLACES = 20_000
PER_VOXEL = 3.0
NEAREST = 6
MOST_PARTS = 64


@dataclass(frozen=True)
class Apart:
    """Distances in mm between two surfaces: 95th percentile (larger direction) and mean.

    And the place, LPS mm, where they are farthest apart.
    """

    hausdorff95_mm: float
    mean_mm: float
    farthest_mm: tuple[float, float, float]


def apart(
    points: NDArray[np.float64],
    triangles: NDArray[np.integer],
    mask: NDArray[np.bool_],
    affine: NDArray[np.float64],
) -> Apart:
    """Return how far triangles lie from the faces between voxels inside and outside a mask.

    From the triangles to the voxels' faces exactly; from the faces' centres to points a third of a
    voxel apart on the triangles, hence up to a sixth of a voxel's diagonal too much.

    Args:
        points: (n, 3) LPS mm.
        triangles: (f, 3) indices into points.
        mask: (ni, nj, nk) bool; beyond its border nothing is inside.
        affine: (4, 4) index → LPS mm of orthogonal axes.
    """
    spacing = np.asarray(spacing_of(affine))
    axes = affine[:3, :3] / spacing
    centres, across = _faces(mask)
    centres = centres * spacing
    corners = ((points - affine[:3, 3]) @ axes)[triangles]
    places, _ = spread(corners, float(spacing.min()) / PER_VOXEL)
    chosen = _some(len(places))
    outward = _to_rectangles(places[chosen], centres, across, spacing)
    some = _some(len(centres))
    back, _ = cKDTree(places).query(centres[some])
    worst = max(float(np.percentile(outward, 95)), float(np.percentile(back, 95)))
    ends = [places[chosen[outward.argmax()]], centres[some[back.argmax()]]]
    x, y, z = (axes @ ends[int(back.max() > outward.max())] + affine[:3, 3]).tolist()
    return Apart(worst, float(outward.mean()), (x, y, z))


def _faces(mask: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return centres (n, 3), in index units, of a mask's faces, and the axis each one crosses."""
    padded = np.pad(mask, 1)
    centres, across = [], []
    for axis in range(3):
        here = np.argwhere(np.diff(padded, axis=axis)).astype(np.float64) - 1.0
        here[:, axis] += 0.5
        centres.append(here)
        across.append(np.full(len(here), axis))
    return np.concatenate(centres), np.concatenate(across)


def _some(count: int) -> NDArray[np.int64]:
    """Return at most MOST_PLACES indices, evenly spread."""
    return np.unique(np.linspace(0, count - 1, min(count, MOST_PLACES)).astype(np.int64))


def spread(
    corners: NDArray[np.float64], step_mm: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return points on triangles (f, 3, 3), about a step apart, and the triangle of each."""
    if len(corners) == 0:
        return np.zeros((0, 3)), np.zeros(0, dtype=np.int64)
    edges = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    parts = np.clip(np.ceil(edges / step_mm).astype(np.int64), 1, MOST_PARTS)
    places, owners = [], []
    for count in np.unique(parts):
        u, v = (a.ravel() for a in np.meshgrid(np.arange(count), np.arange(count)))
        inside = u + v < count
        first, second = (u[inside] + 1 / 3) / count, (v[inside] + 1 / 3) / count
        weights = np.stack([1.0 - first - second, first, second], axis=1)
        chosen = np.flatnonzero(parts == count)
        places.append((weights @ corners[chosen]).reshape(-1, 3))
        owners.append(np.repeat(chosen, len(weights)))
    return np.concatenate(places), np.concatenate(owners)


def _to_rectangles(
    places: NDArray[np.float64],
    centres: NDArray[np.float64],
    across: NDArray[np.int64],
    spacing: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return (n,) distances to the nearest of the rectangles about centres."""
    half = np.tile(0.5 * spacing, (3, 1))
    half[np.arange(3), np.arange(3)] = 0.0
    _, near = cKDTree(centres).query(places, k=min(NEAREST, len(centres)))
    near = near.reshape(len(places), -1)
    beyond = np.maximum(np.abs(places[:, None] - centres[near]) - half[across[near]], 0.0)
    result: NDArray[np.float64] = np.linalg.norm(beyond, axis=2).min(axis=1)
    return result
