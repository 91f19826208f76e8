"""Repair of labelled cells: islands, ears, flat boundary cells, pinched edges and points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from organtwin.core.errors import BadMesh
from organtwin.core.labelmap import Structure
from organtwin.meshing.interfaces import nested_labels
from organtwin.meshing.shells import shell_defects
from organtwin.meshing.tetrahedra import OPPOSITE, Cells
from organtwin.meshing.volumes import signed_volumes

ROUNDS = 40
ONLY_FILL_AFTER = 12
SMALLEST_PIECE = 12
EAR_ROUNDS = 4
FLAT = 0.15
DIAGONAL_ROUNDS = 4
LEAVING = 0.8
STAYING = 1.3


def repaired(cells: Cells, structures: tuple[Structure, ...]) -> Cells:
    """Return the cells with regions changed until every structure's shell is a closed 2-manifold.

    Raises:
        BadMesh: a shell is still pinched after many rounds.
    """
    regions = cells.regions.copy()
    sets = [np.array(inside) for inside in nested_labels(structures).values()]
    incidence = _incidence(cells)
    regions = without_islands(cells, regions)
    for inside in sets:
        regions = without_ears(cells, regions, inside)
        regions = with_good_diagonals(cells, regions, inside)
    for turn in range(ROUNDS):
        regions = without_islands(cells, regions)
        changed = False
        for inside in sets:
            regions, touched = _unpinched(cells, regions, inside, incidence=incidence, turn=turn)
            changed |= touched
        if not changed:
            return replace(cells, regions=regions)
    raise BadMesh(
        "the surface of a structure touches itself and could not be separated",
        where="mesh",
        advice="smooth the labels, or mesh with smaller edges",
    )


def without_islands(cells: Cells, regions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give pieces of a region of few cells, and cavities, to the region most around them."""
    for _ in range(3):
        piece, sizes, label = _pieces(cells, regions)
        main = np.zeros(len(sizes), dtype=bool)
        for value in np.unique(label):
            mine = np.flatnonzero(label == value)
            best = mine[sizes[mine].argmax()]
            main[best] = True
            if value != 0:
                main[mine[sizes[mine] >= SMALLEST_PIECE]] = True
        small = np.flatnonzero(~main)
        if len(small) == 0:
            return regions
        regions = _surrounded(cells, regions, piece, small)
    return regions


def _pieces(
    cells: Cells, regions: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the piece of each cell, cells per piece, label per piece."""
    own, face = np.nonzero(cells.neighbours >= 0)
    other = cells.neighbours[own, face]
    same = regions[own] == regions[other]
    graph = coo_matrix((np.ones(same.sum()), (own[same], other[same])), shape=(len(regions),) * 2)
    count, piece = connected_components(graph, directed=False)
    label = np.zeros(count, dtype=np.int64)
    label[piece] = regions
    return piece.astype(np.int64), np.bincount(piece), label


def _surrounded(
    cells: Cells, regions: NDArray[np.int64], piece: NDArray[np.int64], small: NDArray[np.int64]
) -> NDArray[np.int64]:
    regions = regions.copy()
    order = np.argsort(piece, kind="stable")
    starts = np.searchsorted(piece[order], small)
    ends = np.searchsorted(piece[order], small, side="right")
    for start, end in zip(starts, ends, strict=True):
        members = order[start:end]
        regions[members] = _around(cells, regions, members)
    return regions


def _around(
    cells: Cells,
    regions: NDArray[np.int64],
    members: NDArray[np.int64],
    allowed: NDArray[np.bool_] | None = None,
) -> int:
    """Return the label most often across the faces of a group of cells (of the allowed labels)."""
    beyond = np.setdiff1d(cells.neighbours[members].ravel(), np.append(members, -1))
    labels = regions[beyond]
    if allowed is not None:
        labels = labels[allowed[labels]]
    if len(labels) == 0:
        return int(regions[members[0]])
    return int(np.bincount(labels).argmax())


def without_ears(
    cells: Cells, regions: NDArray[np.int64], inside: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Move cells with three or four faces beyond one structure's shell to the other side of it."""
    within = np.zeros(256, dtype=bool)
    within[inside] = True
    regions = regions.copy()
    for _ in range(EAR_ROUNDS):
        beyond = np.where(cells.neighbours >= 0, regions[cells.neighbours], 0)
        across = within[beyond] != within[regions][:, None]
        ears = np.flatnonzero(across.sum(axis=1) >= 3)
        if len(ears) == 0:
            break
        labels = np.sort(np.where(across[ears], beyond[ears], 256), axis=1)
        regions[ears] = labels[:, 1]
    return regions


def flatness(points: NDArray[np.float64], tetrahedra: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return (m,) volume over that of a regular tetrahedron of the same mean square edge (0..1)."""
    corner = points[tetrahedra]
    pairs = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
    square = np.mean([((corner[:, a] - corner[:, b]) ** 2).sum(axis=1) for a, b in pairs], axis=0)
    result: NDArray[np.float64] = (
        signed_volumes(points, tetrahedra) * 6.0 * np.sqrt(2.0) / square**1.5
    )
    return result


def with_good_diagonals(
    cells: Cells, regions: NDArray[np.int64], inside: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Move flat cells with two faces on a structure's shell across it where that is better.

    Such a cell is a quadrangle of the shell with both its diagonals: moving it swaps the diagonal.
    It is moved when the worse of the two triangles becomes rounder; out of the mesh altogether
    unless that triangle becomes clearly worse.
    """
    within = np.zeros(256, dtype=bool)
    within[inside] = True
    regions = regions.copy()
    flat = flatness(cells.points, cells.tetrahedra) < FLAT
    chosen = np.flatnonzero(flat & (cells.neighbours >= 0).all(axis=1))
    roundness = _roundness(cells.points, cells.tetrahedra[chosen][:, OPPOSITE])
    shell = replace(cells, regions=regions).interfaces().shell(inside)
    edges = set(map(tuple, np.sort(shell[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)).tolist()))
    for _ in range(DIAGONAL_ROUNDS):
        moved = 0
        for cell, faces in zip(chosen.tolist(), roundness, strict=True):
            beyond = regions[cells.neighbours[cell]]
            across = within[beyond] != within[regions[cell]]
            if across.sum() != 2:
                continue
            label = int(beyond[across].max())
            gain = faces[~across].min() / max(faces[across].min(), 1e-12)
            edge = tuple(sorted(cells.tetrahedra[cell][across].tolist()))
            if edge not in edges and gain > (LEAVING if label == 0 else STAYING):
                edges.add(edge)
                edges.discard(tuple(sorted(cells.tetrahedra[cell][~across].tolist())))
                regions[cell] = label
                moved += 1
        if moved == 0:
            break
    return regions


def _roundness(points: NDArray[np.float64], triangles: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return (...) area over square edges of triangles (..., 3), 1 for an equilateral one."""
    a, b, c = (points[triangles[..., corner]] for corner in range(3))
    area = 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=-1)
    square = ((b - a) ** 2 + (c - b) ** 2 + (a - c) ** 2).sum(axis=-1)
    result: NDArray[np.float64] = 4.0 * np.sqrt(3.0) * area / square
    return result


def _incidence(cells: Cells) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (starts, cells): the cells around point p are cells[starts[p]:starts[p + 1]]."""
    flat = cells.tetrahedra.ravel()
    order = np.argsort(flat, kind="stable")
    starts = np.searchsorted(flat[order], np.arange(len(cells.points) + 1))
    return starts, order // 4


def _unpinched(
    cells: Cells,
    regions: NDArray[np.int64],
    inside: NDArray[np.int64],
    *,
    incidence: tuple[NDArray[np.int64], NDArray[np.int64]],
    turn: int,
) -> tuple[NDArray[np.int64], bool]:
    """Separate or join what touches at edges and points of one structure's shell."""
    within = np.zeros(256, dtype=bool)
    within[inside] = True
    shell = replace(cells, regions=regions).interfaces().shell(inside)
    pinched, touching = shell_defects(shell, len(cells.points))
    if len(pinched) == 0 and len(touching) == 0:
        return regions, False
    regions = regions.copy()
    starts, around = incidence
    for edge in pinched:
        first, second = (around[starts[p] : starts[p + 1]] for p in edge)
        _settle(cells, regions, np.intersect1d(first, second), within, turn=turn)
    for point in touching:
        _settle(
            cells, regions, np.sort(around[starts[point] : starts[point + 1]]), within, turn=turn
        )
    return regions, True


def _settle(
    cells: Cells,
    regions: NDArray[np.int64],
    star: NDArray[np.int64],
    within: NDArray[np.bool_],
    *,
    turn: int,
) -> None:
    """Change, in place, the smallest group of a star that keeps inside or outside apart."""
    inner = within[regions[star]]
    groups = list(_groups(cells, star[inner])[1:])
    fills = list(_groups(cells, star[~inner])[1:])
    options = fills if turn >= ONLY_FILL_AFTER and fills else groups + fills
    if not options:
        return
    volumes = [abs(signed_volumes(cells.points, cells.tetrahedra[g])).sum() for g in options]
    chosen = options[int(np.argmin(volumes))]
    allowed = within if not within[regions[chosen[0]]] else ~within
    regions[chosen] = _around(cells, regions, chosen, allowed)


def _groups(cells: Cells, members: NDArray[np.int64]) -> Sequence[NDArray[np.int64]]:
    """Return the face-connected groups of some cells, the most voluminous first."""
    if len(members) == 0:
        return []
    beside = cells.neighbours[members]
    place = np.searchsorted(members, beside)
    place = np.minimum(place, len(members) - 1)
    row, face = np.nonzero(members[place] == beside)
    graph = coo_matrix((np.ones(len(row)), (row, place[row, face])), shape=(len(members),) * 2)
    count, group = connected_components(graph, directed=False)
    volume = np.bincount(group, abs(signed_volumes(cells.points, cells.tetrahedra[members])))
    return [members[group == g] for g in np.argsort(-volume, kind="stable")[:count]]
