"""Shells: where the surface of a structure is not a closed 2-manifold."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

CornerOf = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.int64]]


def shell_defects(
    triangles: NDArray[np.int64], points: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return edges (e, 2) not shared by two triangles, and points (p,) where fans merely touch.

    Args:
        triangles: (m, 3) of one shell.
        points: how many points there are in all.
    """
    directed = triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
    edges = np.sort(directed, axis=1)
    keys = edges[:, 0] * np.int64(points) + edges[:, 1]
    order = np.argsort(keys, kind="stable")
    _, starts, counts = np.unique(keys[order], return_index=True, return_counts=True)
    pinched = edges[order[starts[counts != 2]]]
    first, second = order[starts[counts == 2]], order[starts[counts == 2] + 1]
    corner_of = _corner_numbers(triangles)
    rows, columns = [], []
    for end in (0, 1):
        rows.append(corner_of(first, edges[first, end]))
        columns.append(corner_of(second, edges[second, end]))
    row, column = np.concatenate(rows), np.concatenate(columns)
    graph = coo_matrix((np.ones(len(row)), (row, column)), shape=(triangles.size,) * 2)
    _, fan = connected_components(graph, directed=False)
    pairs = np.unique(np.stack([triangles.ravel(), fan], axis=1), axis=0)
    owner, fans = np.unique(pairs[:, 0], return_counts=True)
    touching = np.setdiff1d(owner[fans > 1], pinched)
    return pinched, touching


def _corner_numbers(triangles: NDArray[np.int64]) -> CornerOf:
    """Return a function (half edge, point at one of its ends) → the triangle corner there."""
    flat = triangles.ravel()

    def corner_of(half_edge: NDArray[np.int64], point: NDArray[np.int64]) -> NDArray[np.int64]:
        base = 3 * (half_edge // 3)
        start = half_edge
        following = base + (half_edge - base + 1) % 3
        return np.where(flat[start] == point, start, following)

    return corner_of
