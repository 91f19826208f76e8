"""Pieces: parts of structures connected by faces, in voxels and in a mesh, and which is which."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from organtwin.core.organmesh import FACES
from organtwin.meshing.thickness import windows

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
EVERYWHERE = np.ones((3, 3, 3), dtype=int)
SHARE = 0.2


@dataclass(frozen=True, eq=False)
class Pieces:
    """Pieces of labelled voxels, numbered from 1.

    Args:
        numbers: (ni, nj, nk) int32, the piece of each voxel, 0 where nothing is labelled.
        labels: (p + 1,) int64, the label of each piece.
        voxels: (p + 1,) int64, how many it has.
        touching: (p + 1,) int64, a number for pieces of one label that touch at all, if only at a
            corner: a mesh may part or join these.
    """

    numbers: NDArray[np.int32]
    labels: Ints
    voxels: Ints
    touching: Ints

    def mask(self, piece: int) -> NDArray[np.bool_]:
        """Return the voxels of a piece."""
        return np.asarray(self.numbers == piece)


def pieces_of(regions: NDArray[np.uint8]) -> Pieces:
    """Return the pieces of labelled voxels (ni, nj, nk)."""
    numbers = np.zeros(regions.shape, dtype=np.int32, order="F")
    labels, touching = [0], [0]
    for label, window in windows(regions):
        if label == 0:
            continue
        mask = regions[window] == label
        found, count = ndimage.label(mask)
        group = np.arange(1, count + 1)
        if count > 1:
            together, _ = ndimage.label(mask, EVERYWHERE)
            group = np.zeros(count + 1, dtype=np.int64)
            group[found[mask]] = together[mask]
            group = group[1:]
        numbers[window][mask] = found[mask] + (len(labels) - 1)
        touching += (group + max(touching)).tolist()
        labels += [label] * count
    voxels = np.bincount(numbers.ravel(order="K"), minlength=len(labels))
    return Pieces(numbers, np.array(labels), voxels, np.array(touching))


def parts_of(tetrahedra: NDArray[np.integer], regions: NDArray[np.integer]) -> Ints:
    """Return (m,) a number from 1 for the part, of one region and joined by faces, of each cell."""
    count = np.int64(tetrahedra.max()) + 1
    faces = np.sort(tetrahedra.astype(np.int64)[:, FACES].reshape(-1, 3), axis=1)
    keys = (faces[:, 0] * count + faces[:, 1]) * count + faces[:, 2]
    place = np.argsort(keys, kind="stable")
    shared = np.flatnonzero(keys[place[:-1]] == keys[place[1:]])
    first, second = place[shared] // 4, place[shared + 1] // 4
    same = regions[first] == regions[second]
    return joined(first[same], second[same], len(tetrahedra)) + 1


def across(triangles: Ints, numbers: Ints) -> Ints:
    """Return (m,) the number of the other one of two cells that have a triangle in common, or 0.

    Args:
        triangles: (m, 3) one face of each cell.
        numbers: (m,) of each cell.
    """
    count = np.int64(triangles.max()) + 1
    faces = np.sort(triangles, axis=1)
    keys = (faces[:, 0] * count + faces[:, 1]) * count + faces[:, 2]
    place = np.argsort(keys, kind="stable")
    shared = np.flatnonzero(keys[place[:-1]] == keys[place[1:]])
    first, second = place[shared], place[shared + 1]
    found = np.zeros(len(triangles), dtype=np.int64)
    found[first], found[second] = numbers[second], numbers[first]
    return found


def joined(first: Ints, second: Ints, count: int) -> Ints:
    """Return (count,) a number from 0 for the group that pairs (first, second) join each into."""
    graph = coo_matrix((np.ones(len(first), dtype=bool), (first, second)), shape=(count, count))
    found: Ints = connected_components(graph, directed=False)[1].astype(np.int64)
    return found


@dataclass(frozen=True, eq=False)
class Match:
    """Which pieces of voxels are which parts of a mesh.

    Args:
        piece, part: (k,) pairs of those that have much in common, each once.
        pieces, parts: the highest number of each.
    """

    piece: Ints
    part: Ints
    pieces: int
    parts: int

    def lost(self) -> Ints:
        """Return the pieces that no part of the mesh holds."""
        return np.setdiff1d(np.arange(1, self.pieces + 1), self.piece)

    def broken(self) -> Ints:
        """Return the pieces of which a mesh has several parts."""
        return np.flatnonzero(np.bincount(self.piece) > 1)

    def joined(self, pieces: Pieces) -> Ints:
        """Return the parts of a mesh that hold pieces which do not touch each other."""
        pairs = np.unique(np.stack([self.part, pieces.touching[self.piece]], axis=1), axis=0)
        return np.flatnonzero(np.bincount(pairs[:, 0]) > 1)

    def groups(self) -> tuple[Ints, Ints]:
        """Return (pieces + 1,) and (parts + 1,) a number for what belongs together, 0 for none."""
        size = self.pieces + 1
        groups = joined(self.piece, self.part + size, size + self.parts + 1) + 1
        of_piece, of_part = np.zeros(size, dtype=np.int64), np.zeros(self.parts + 1, dtype=np.int64)
        of_piece[self.piece], of_part[self.part] = groups[self.piece], groups[size + self.part]
        return of_piece, of_part


def matched(pieces: Pieces, homes: Ints, parts: Ints, volumes: Floats) -> Match:
    """Return which pieces are which parts: those with a fifth of the smaller one in common.

    Args:
        homes: (m,) the piece of voxels each cell lies in, 0 for none of its label.
        parts: (m,) the part of the mesh it belongs to, from 1.
        volumes: (m,) of each cell, in voxels.
    """
    count, most = len(pieces.labels) - 1, int(parts.max(initial=0))
    inside = homes > 0
    keys, index = np.unique(homes[inside] * (most + 1) + parts[inside], return_inverse=True)
    common = np.bincount(index, volumes[inside], len(keys))
    piece, part = keys // (most + 1), keys % (most + 1)
    sizes = np.bincount(parts, volumes, most + 1)
    kept = common >= SHARE * np.minimum(pieces.voxels[piece], sizes[part])
    return Match(piece[kept], part[kept], count, most)


def homes_of(
    pieces: Pieces, spacing_mm: Floats, middles_mm: Floats, regions: NDArray[np.integer]
) -> Ints:
    """Return (m,) the piece of the voxel at each place, 0 where that has another label.

    Args:
        middles_mm: (m, 3) in mm along the axes of the voxels, from the first one's centre.
        regions: (m,) labels.
    """
    index = np.rint(middles_mm / spacing_mm).astype(np.int64)
    there = ((index >= 0) & (index < pieces.numbers.shape)).all(axis=1)
    found = np.zeros(len(index), dtype=np.int64)
    found[there] = pieces.numbers[tuple(index[there].T)]
    result: Ints = np.where(pieces.labels[found] == regions, found, 0)
    return result


def wanted_volumes(match: Match, pieces: Pieces, parts: Ints, volumes: Floats) -> Floats:
    """Return (parts + 1,) the volume that each part of a mesh shall have, in voxels.

    That of the pieces it holds; several parts of one piece share it as they are large. What holds
    no piece keeps its volume, and pieces that no part holds are given to none.

    Args:
        parts, volumes: (m,) the part and the volume of each cell, as in `matched`.
    """
    of_piece, of_part = match.groups()
    sizes = np.bincount(parts, volumes, match.parts + 1)
    count = max(int(of_piece.max()), int(of_part.max())) + 1
    there = np.bincount(of_part, sizes, count)
    wanted = np.bincount(of_piece, pieces.voxels, count)
    share = np.where(of_part > 0, wanted[of_part] / np.maximum(there[of_part], 1e-12), 1.0)
    result: Floats = sizes * share
    return result
