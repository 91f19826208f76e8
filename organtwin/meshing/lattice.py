"""Points inside: corners and centres of a graded octree, body-centred where it is even."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from organtwin.meshing.sizefield import SizeField

CELL_PER_EDGE = 1.25
SPLIT_BELOW = 0.7
WALL = 0.65
APART = 0.6
JITTER = 0.03
DEEPEST = 6
CORNERS = np.array([[i, j, k] for i in (0, 2) for j in (0, 2) for k in (0, 2)], dtype=np.int64)
CENTRE = np.array([1, 1, 1], dtype=np.int64)


def lattice_points(
    boundary: NDArray[np.float64],
    field: SizeField,
    limit_mm: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return (n, 3) LPS mm points in the box around a boundary, spaced by the field.

    Args:
        boundary: (b, 3) dense points on all interfaces; nothing is placed within half an edge.
        limit_mm: the longest edge of the field.
    """
    low, high = boundary.min(axis=0), boundary.max(axis=0)
    unit_mm = CELL_PER_EDGE * limit_mm / 2.0 ** (DEEPEST + 1)
    cells = _leaves(low, high, field, unit_mm)
    index = np.concatenate(
        [(corner + 2 * CORNERS * (size // 4)).reshape(-1, 3) for corner, size in _offsets(cells)]
        + [corner[:, 0] + CENTRE * (size // 2) for corner, size in _offsets(cells)]
    )
    points = low + unit_mm * np.unique(index, axis=0)
    edges = field.at(points)
    points = points + JITTER * edges[:, None] * rng.uniform(-1.0, 1.0, points.shape)
    wall, _ = cKDTree(boundary).query(points)
    inside = (wall > WALL * edges) & (points > low).all(axis=1) & (points < high).all(axis=1)
    return _thinned(points[inside], edges[inside])


def _offsets(
    cells: list[tuple[NDArray[np.int64], int]],
) -> list[tuple[NDArray[np.int64], int]]:
    return [(corner[:, None, :], size) for corner, size in cells]


def _leaves(
    low: NDArray[np.float64], high: NDArray[np.float64], field: SizeField, unit_mm: float
) -> list[tuple[NDArray[np.int64], int]]:
    """Return leaf cells per level: lower corners (n, 3) and edge, both in units."""
    size = 2 ** (DEEPEST + 1)
    counts = np.ceil((high - low) / (unit_mm * size)).astype(int)
    cells = np.stack(np.meshgrid(*(np.arange(n) for n in counts), indexing="ij"), -1)
    cells = cells.reshape(-1, 3).astype(np.int64) * size
    leaves = []
    while size > 4 and len(cells):
        wanted = field.at(low + unit_mm * (cells + size / 2))
        split = wanted < SPLIT_BELOW * size * unit_mm / CELL_PER_EDGE
        leaves.append((cells[~split], size))
        size //= 2
        children = cells[split][:, None, :] + (CORNERS // 2) * size
        cells = children.reshape(-1, 3)
    leaves.append((cells, size))
    return [(corner, edge) for corner, edge in leaves if len(corner)]


def _thinned(points: NDArray[np.float64], edges_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the points less one of each pair that is far too close (at changes of level)."""
    pairs = cKDTree(points).query_pairs(APART * float(edges_mm.max()), output_type="ndarray")
    gap = np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1)
    close = pairs[gap < APART * edges_mm[pairs].min(axis=1)]
    keep = np.ones(len(points), dtype=bool)
    for first, second in np.sort(close, axis=1)[np.lexsort(close.T[::-1])].tolist():
        if keep[first]:
            keep[second] = False
    return points[keep]
