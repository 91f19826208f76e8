"""Surfaces of planned things: a plane, an ablation zone, a probe, an iso-surface. Pure numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Surface = tuple[NDArray[np.float64], NDArray[np.int64]]
"""Points (n, 3) LPS mm and triangles (f, 3)."""


def frame_of(direction: NDArray[Any]) -> NDArray[np.float64]:
    """Return (3, 3): columns are two unit vectors across `direction` and its own."""
    axis = np.asarray(direction, dtype=np.float64)
    axis = axis / max(float(np.linalg.norm(axis)), 1e-12)
    across = np.cross(axis, np.eye(3)[int(np.argmin(np.abs(axis)))])
    across /= np.linalg.norm(across)
    return np.stack([across, np.cross(axis, across), axis], axis=1)


def disc(centre: NDArray[Any], normal: NDArray[Any], radius_mm: float) -> Surface:
    """Return a flat disc across `normal` around `centre` (LPS mm)."""
    angles = np.linspace(0.0, 2.0 * np.pi, 64, endpoint=False)
    ring = np.stack([np.cos(angles), np.sin(angles), np.zeros(64)], axis=1) * radius_mm
    points = np.vstack([np.zeros(3), ring]) @ frame_of(normal).T + centre
    step = np.arange(64)
    triangles = np.stack([np.zeros(64, dtype=int), 1 + step, 1 + (step + 1) % 64], axis=1)
    return points, triangles


def ellipsoid(
    centre: NDArray[Any], axis: NDArray[Any], along_mm: float, across_mm: float
) -> Surface:
    """Return an ellipsoid of revolution: half axes along and across `axis`, in mm."""
    around, up = 48, 24
    theta = np.linspace(0.0, np.pi, up + 1)[:, None]
    phi = np.linspace(0.0, 2.0 * np.pi, around, endpoint=False)[None, :]
    unit = np.stack(
        [
            np.sin(theta) * np.cos(phi),
            np.sin(theta) * np.sin(phi),
            np.broadcast_to(np.cos(theta), (up + 1, around)),
        ],
        axis=-1,
    ).reshape(-1, 3)
    points = unit * (across_mm, across_mm, along_mm) @ frame_of(axis).T + centre
    return points, _lattice(up + 1, around)


def rod(start: NDArray[Any], end: NDArray[Any], radius_mm: float) -> Surface:
    """Return a closed rod between two places (LPS mm)."""
    around = 24
    angles = np.linspace(0.0, 2.0 * np.pi, around, endpoint=False)
    ring = np.stack([np.cos(angles), np.sin(angles), np.zeros(around)], axis=1)
    turned = ring @ frame_of(np.asarray(end) - np.asarray(start)).T
    rings = [(start, 0.0), (start, radius_mm), (end, radius_mm), (end, 0.0)]
    points = np.vstack([np.asarray(place) + turned * radius for place, radius in rings])
    return points, _lattice(4, around)


def isosurface(
    points: NDArray[Any], tetrahedra: NDArray[Any], values: NDArray[Any], level: float
) -> Surface:
    """Return where `values` (n,), linear in each tetrahedron (m, 4), equal `level`.

    Marching tetrahedra (Doi & Koide 1991, IEICE Trans. E74(1):214): one triangle where one corner
    stands apart, two where two do. Triangles face the lower values.
    """
    above = values[tetrahedra] > level
    count = above.sum(axis=1)
    height = values - level
    triangles = []
    for wanted in (1, 3):
        cells = tetrahedra[count == wanted]
        if len(cells):
            lone = np.argmax(above[count == wanted] == (wanted == 1), axis=1)
            edges = [(0, 1), (0, 2), (0, 3)]
            triangles.append(_crossings(points, height, _rolled(cells, lone), edges))
    cells = tetrahedra[count == 2]
    if len(cells):
        order = np.argsort(~above[count == 2], axis=1, kind="stable")
        ordered = np.take_along_axis(cells, order, axis=1)
        for edges in ([(0, 2), (0, 3), (1, 3)], [(0, 2), (1, 3), (1, 2)]):
            triangles.append(_crossings(points, height, ordered, edges))
    if not triangles:
        return np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int64)
    corners = np.concatenate(triangles).reshape(-1, 3)
    welded, index = np.unique(np.round(corners, 3), axis=0, return_inverse=True)
    return welded, index.reshape(-1, 3)


def normals_of(points: NDArray[Any], triangles: NDArray[Any]) -> NDArray[np.float32]:
    """Return (n, 3) unit normals: triangle normals summed at their corners, weighted by area."""
    corners = np.asarray(points, dtype=np.float64)[triangles]
    faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    summed = np.zeros((len(points), 3))
    for axis in range(3):
        for corner in range(3):
            summed[:, axis] += np.bincount(
                triangles[:, corner], weights=faces[:, axis], minlength=len(points)
            )
    length = np.linalg.norm(summed, axis=1, keepdims=True)
    result: NDArray[np.float32] = (summed / np.maximum(length, 1e-12)).astype(np.float32)
    return result


def _crossings(
    points: NDArray[Any],
    values: NDArray[Any],
    cells: NDArray[Any],
    edges: list[tuple[int, int]],
) -> NDArray[np.float64]:
    """Return (m, 3, 3): where `values` (n,) cross zero on three edges of each cell (m, 4).

    The downhill direction is that of the values' moment about the cell's middle: it has the sign
    of the true slope across the triangle.
    """
    corners = []
    for a, b in edges:
        start, end = cells[:, a], cells[:, b]
        part = (values[start] / (values[start] - values[end]))[:, None]
        corners.append(points[start] + part * (points[end] - points[start]))
    found = np.stack(corners, axis=1)
    middle = points[cells].mean(axis=1, keepdims=True)
    downhill = -np.einsum("mi,mij->mj", values[cells], points[cells] - middle)
    normal = np.cross(found[:, 1] - found[:, 0], found[:, 2] - found[:, 0])
    inward = np.einsum("mj,mj->m", normal, downhill) < 0.0
    found[inward] = found[inward][:, ::-1]
    return found


def _rolled(cells: NDArray[Any], first: NDArray[Any]) -> NDArray[Any]:
    order = (first[:, None] + np.arange(4)[None, :]) % 4
    return np.take_along_axis(cells, order, axis=1)


def _lattice(rows: int, around: int) -> NDArray[np.int64]:
    row, column = np.meshgrid(np.arange(rows - 1), np.arange(around), indexing="ij")
    a = (row * around + column).ravel()
    b = (row * around + (column + 1) % around).ravel()
    return np.concatenate(
        [np.stack([a, a + around, b], axis=1), np.stack([b, a + around, b + around], axis=1)]
    )
