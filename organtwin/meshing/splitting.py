"""Splitting: edges cut in two, and with each edge every tetrahedron around it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

PAIRS = np.array([(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)])
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def edges_of(cells: Ints, points: int) -> tuple[Ints, Ints]:
    """Return the edges (e, 2) of tetrahedra (m, 4), smaller index first, and their keys (e,)."""
    pairs = np.sort(cells[:, PAIRS].reshape(-1, 2), axis=1)
    keys = np.unique(pairs[:, 0] * points + pairs[:, 1])
    return np.stack([keys // points, keys % points], axis=1), keys


def split(points: Floats, cells: Ints, edges: Ints, at: Floats) -> tuple[Floats, Ints, Ints]:
    """Return a conforming mesh in which some edges have a point between their ends.

    Longest edges go first, each once it is the first to go in all tetrahedra around it; whatever
    the order, two tetrahedra that shared a face share all its parts.

    Args:
        points: (n, 3) mm.
        cells: (m, 4).
        edges: (k, 2) those to be split, smaller index first; no two may become one line.
        at: (k, 3) mm, the point on each.

    Returns:
        points (n + k, 3); cells; (…,) the tetrahedron each was a part of.
    """
    size = len(points) + len(edges)
    lengths = np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1)
    order = np.argsort(-lengths, kind="stable")
    keys = (edges[:, 0] * size + edges[:, 1])[order]
    rank = np.argsort(keys)
    keys, names = keys[rank], len(points) + order
    done: list[tuple[Ints, Ints]] = []
    parent = np.arange(len(cells))
    while True:
        first, corner = _first_to_go(cells, keys, rank, size)
        done.append((cells[first < 0], parent[first < 0]))
        cells, parent, corner, first = (x[first >= 0] for x in (cells, parent, corner, first))
        if len(cells) == 0:
            break
        ready = _ready(cells, keys, rank, first, size=size)
        one, other = cells[ready].copy(), cells[ready].copy()
        rows, new = np.arange(len(one)), names[first[ready]]
        one[rows, PAIRS[corner[ready], 1]] = new
        other[rows, PAIRS[corner[ready], 0]] = new
        cells = np.concatenate([cells[~ready], one, other])
        parent = np.concatenate([parent[~ready], parent[ready], parent[ready]])
    return (
        np.concatenate([points, at]),
        np.concatenate([part for part, _ in done]),
        np.concatenate([part for _, part in done]),
    )


def _ranks(cells: Ints, keys: Ints, rank: Ints, size: int) -> Ints:
    """Return (m, 6) the rank of each edge to be split, a number beyond all where it is none."""
    pairs = np.sort(cells[:, PAIRS], axis=2)
    wanted = pairs[..., 0] * size + pairs[..., 1]
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, rank[place], len(keys))


def _first_to_go(cells: Ints, keys: Ints, rank: Ints, size: int) -> tuple[Ints, Ints]:
    """Return (m,) the rank of the edge each tetrahedron splits first, -1 for none, and which it is.

    Which: 0..5, of `PAIRS`.
    """
    if len(keys) == 0:
        return np.full(len(cells), -1), np.zeros(len(cells), dtype=np.int64)
    ranks = _ranks(cells, keys, rank, size)
    first = ranks.min(axis=1)
    return np.where(first < len(keys), first, -1), ranks.argmin(axis=1)


def _ready(cells: Ints, keys: Ints, rank: Ints, first: Ints, *, size: int) -> NDArray[np.bool_]:
    """Return (m,) whether the edge a tetrahedron splits first is that in all around it."""
    ranks = _ranks(cells, keys, rank, size)
    around = np.bincount(ranks.ravel(), minlength=len(keys) + 1)
    asked = np.bincount(first, minlength=len(keys) + 1)
    result: NDArray[np.bool_] = (around == asked)[first]
    return result
