"""Cones: each cell of an octree as tetrahedra from its faces to its centre.

No tetrahedron has all its corners on interfaces: one is always the centre of a cell. So interface
points may be moved to a smooth surface without flattening anything (the property that Molino,
Bridson, Teran & Fedkiw 2003, "A crystalline, red green strategy", select cells for). Faces between
cells of two sizes are those of the smaller ones; a face with points amid its edges is a fan about
its middle. Angles start at 35° or more (45° where nothing is graded).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from organtwin.meshing.octree import Octree

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Squares:
    """Faces between leaves: corner, axis and edge (in half finest cells), and what is either side.

    Args:
        corners: (n, 4, 3) int64, coordinates, anticlockwise seen from the positive axis.
        edges: (n,) int64.
        centres: (n, 2, 3) int64, of the cells behind and before.
        labels: (n, 2) int64, of the cells behind and before, 0 for nothing.
    """

    corners: Ints
    edges: Ints
    centres: Ints
    labels: Ints


@dataclass(frozen=True, eq=False)
class Cones:
    """Tetrahedra between squares and the centres of cells.

    Args:
        places: (n, 3) int64, coordinates of each point in half finest cells.
        tetrahedra: (m, 4) int64, positive volume, the last corner the centre of a cell.
        regions: (m,) int64, labels.
        beyond: (m,) int64, the label across the face of the first three corners, 0 for nothing.
        quads: (q, 4) int64, corners of the squares made of two triangles.
        pairs: (q, 2, 2) int64, the two tetrahedra behind and the two before each, -1 for none.
        around: (k, 2) int64: (point, label) of every label that meets a point.
    """

    places: Ints
    tetrahedra: Ints
    regions: Ints
    beyond: Ints
    quads: Ints
    pairs: Ints
    around: Ints


def squares(tree: Octree) -> Squares:
    """Return all faces between leaves of which at least one has a label."""
    parts = [
        _squares_of(tree, level, axis, ahead)
        for level in range(tree.grid.depth + 1)
        for axis in range(3)
        for ahead in (False, True)
    ]
    return Squares(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("corners", "edges", "centres", "labels")
        )
    )


def _squares_of(tree: Octree, level: int, axis: int, ahead: bool) -> Squares:
    """Return the faces that a level's leaves own: those to as large or larger leaves.

    Between leaves of one size the one behind owns the face.
    """
    leaf, label = tree.leaves[level], tree.labels[level]
    cells = np.argwhere(leaf)
    edge = 2 << level
    beside = cells.copy()
    beside[:, axis] += 1 if ahead else -1
    there = (beside[:, axis] >= 0) & (beside[:, axis] < leaf.shape[axis])
    safe = tuple(np.clip(beside, 0, np.array(leaf.shape) - 1).T)
    same = there & leaf[safe]
    larger = np.zeros(len(cells), dtype=bool)
    other = np.where(same, label[safe], 0).astype(np.int64)
    centre = beside * edge + edge // 2
    if level < tree.grid.depth:
        parents = tuple(axis_cells >> 1 for axis_cells in safe)
        larger = there & tree.leaves[level + 1][parents]
        other = np.where(larger, tree.labels[level + 1][parents], other)
        centre = np.where(larger[:, None], (beside >> 1) * 2 * edge + edge, centre)
    mine = label[tuple(cells.T)].astype(np.int64)
    owned = (~there | larger | (same & ahead)) & ((mine > 0) | (other > 0))
    corner = cells[owned] * edge
    corner[:, axis] += edge if ahead else 0
    u, v = (edge * np.eye(3, dtype=np.int64)[(axis + turn) % 3] for turn in (1, 2))
    quad = np.stack([corner, corner + u, corner + u + v, corner + v], axis=1)
    order = [0, 1] if ahead else [1, 0]
    centres = np.stack([cells[owned] * edge + edge // 2, centre[owned]], axis=1)[:, order]
    labels = np.stack([mine[owned], other[owned]], axis=1)[:, order]
    return Squares(quad, np.full(len(quad), edge, dtype=np.int64), centres, labels)


def cones(found: Squares, shape: tuple[int, int, int]) -> Cones:
    """Return the tetrahedra between squares and the labelled cells' centres.

    Args:
        shape: of the finest cells.
    """
    span = _span(shape)
    corners = _keys(found.corners, span)
    triangles, square, plain = _triangles(found, corners, span)
    chosen = square[:plain]
    tips = _keys(found.centres, span)[square]
    labels = found.labels[square]
    back, front = labels[:, 0] > 0, labels[:, 1] > 0
    cells = np.concatenate(
        [
            np.column_stack([triangles[back][:, ::-1], tips[back, 0]]),
            np.column_stack([triangles[front], tips[front, 1]]),
        ]
    )
    place = np.full((len(triangles), 2), -1, dtype=np.int64)
    place[back, 0] = np.arange(back.sum())
    place[front, 1] = back.sum() + np.arange(front.sum())
    pairs = np.stack([place[:plain], place[plain : 2 * plain]], axis=2)
    keys, index = np.unique(cells, return_inverse=True)
    met = np.concatenate(
        [np.column_stack([triangles.ravel(), np.repeat(labels[:, s], 3)]) for s in (0, 1)]
    )
    met = np.unique(met[:, 0] * 256 + met[:, 1])
    around = np.column_stack([np.searchsorted(keys, met // 256), met % 256])
    return Cones(
        places=np.stack(_places(keys, span), axis=1),
        tetrahedra=index.reshape(-1, 4),
        regions=np.concatenate([labels[back, 0], labels[front, 1]]),
        beyond=np.concatenate([labels[back, 1], labels[front, 0]]),
        quads=np.searchsorted(keys, corners[chosen]),
        pairs=pairs,
        around=around,
    )


def tetrahedra_of(found: Squares, shape: tuple[int, int, int]) -> int:
    """Return how many tetrahedra `cones` makes of squares."""
    span = _span(shape)
    _, square, _ = _triangles(found, _keys(found.corners, span), span)
    return int((found.labels[square] > 0).sum())


def _span(shape: tuple[int, int, int]) -> Ints:
    return 2 * np.array(shape, dtype=np.int64) + 5


def _keys(places: Ints, span: Ints) -> Ints:
    result: Ints = (
        ((places[..., 0] + 1) * span[1] + places[..., 1] + 1) * span[2] + places[..., 2] + 1
    )
    return result


def _places(keys: Ints, span: Ints) -> tuple[Ints, Ints, Ints]:
    return keys // (span[2] * span[1]) - 1, keys // span[2] % span[1] - 1, keys % span[2] - 1


def _triangles(found: Squares, corners: Ints, span: Ints) -> tuple[Ints, Ints, int]:
    """Return triangles of point keys, the square of each, and how many squares are plain.

    The first triangles of all plain squares come first, then their second ones, then the fans.
    """
    known = np.unique(corners)
    middles = (found.corners + np.roll(found.corners, -1, axis=1)) // 2
    middle = _keys(middles, span)
    near = np.minimum(np.searchsorted(known, middle), len(known) - 1)
    hanging = (known[near] == middle) & (found.edges > 2)[:, None]
    plain = np.flatnonzero(~hanging.any(axis=1))
    fans = np.flatnonzero(hanging.any(axis=1))
    parts = [corners[plain][:, [0, 1, 2]], corners[plain][:, [0, 2, 3]]]
    owners = [plain, plain]
    hub = _keys((found.corners[fans, 0] + found.corners[fans, 2]) // 2, span)
    for turn in range(4):
        first, last = corners[fans, turn], corners[fans, (turn + 1) % 4]
        amid, broken = middle[fans, turn], hanging[fans, turn]
        for start, end, chosen in (
            (first, last, ~broken),
            (first, amid, broken),
            (amid, last, broken),
        ):
            parts.append(np.stack([start[chosen], end[chosen], hub[chosen]], axis=1))
            owners.append(fans[chosen])
    return np.concatenate(parts), np.concatenate(owners), len(plain)
