"""Overlaps: exact integrals over what tetrahedra and voxels have in common.

A solid is what lies below its upper faces less what lies below its lower ones (Gauss). Faces are
cut by the planes between voxels. Each piece counts in its own voxel by what lies below it there,
and in the voxels below by whole columns, which running sums gather. A linear function is so
integrated to round-off, however small or large voxels are beside tetrahedra.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.organmesh import FACES, OrganMesh

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
AT_ONCE: Final = 200_000
NOTHING: Final = 1e-11
"""Share of a voxel that is round-off."""


def in_index(points: Floats, affine: Floats) -> Floats:
    """Return points (n, 3) LPS mm as indices of voxels, whole numbers at their centres."""
    inverse = np.linalg.inv(affine)
    result: Floats = points @ inverse[:3, :3].T + inverse[:3, 3]
    return result


@dataclass(frozen=True, eq=False)
class _Pieces:
    """Parts of faces, each within one voxel; lengths in voxels, from the face's first corner.

    Args:
        face: (k,) the face.
        place: (k,) column times (layers + 1) plus layer; the last layer is all above the grid.
        shadow: (3, k) integrals of 1, u, v over the piece seen along w; signed: below what is
            outside the solid.
        under: (4, k) integrals of 1, u, v, w over what lies below the piece in its voxel.
    """

    face: Ints
    place: Ints
    shadow: Floats
    under: Floats


class Overlaps:
    """A mesh on a grid of voxels; volumes in voxels. All that they have in common is in `box`."""

    def __init__(self, mesh: OrganMesh, shape: tuple[int, ...], affine: Floats) -> None:
        index, self._shape = in_index(mesh.points, affine), tuple(shape)
        low = np.clip(np.floor(index.min(axis=0) + 0.5), 0, shape).astype(np.int64)
        high = np.clip(np.floor(index.max(axis=0) + 0.5) + 1, low, shape).astype(np.int64)
        self.box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
        self._size = tuple((high - low).tolist())
        self._tetrahedra, points = mesh.tetrahedra, index - low
        self._triangles, self._cells = _faces(mesh)
        self._corners = points[self._triangles]
        self._gradients = _gradients(points[mesh.tetrahedra])
        self._turn = np.sign(np.linalg.det(affine[:3, :3]))

    def shares(self) -> Floats:
        """Return (ni, nj, nk) the part of each voxel that lies in the mesh."""
        outer = np.flatnonzero(self._cells[:, 1] < 0)
        return self._summed(outer, np.ones(len(outer)), np.zeros((len(outer), 3)))

    def amounts(self, density: Floats) -> Floats:
        """Return (ni, nj, nk) the integral over each voxel of a field (n,) at the points."""
        at_corner = np.where(self._cells[:, 1] < 0, density[self._triangles[:, 0]], 0.0)
        corners = density[self._tetrahedra].astype(np.float64)
        slopes = np.einsum("mp,mpi->mi", corners - corners[:, :1], self._gradients)
        slopes = np.concatenate([slopes, np.zeros((1, 3))])
        jump = slopes[self._cells[:, 0]] - slopes[self._cells[:, 1]]
        return self._summed(np.arange(len(jump)), at_corner, jump)

    def gathered(self, fields: Sequence[Floats], points: int) -> list[Floats]:
        """Return for fields on the box their integrals (n,) with the hat function of each point."""
        moments = np.zeros((len(fields), 4, len(self._cells)))
        sums = [_below(field) for field in fields]
        for piece in self._pieces(np.arange(len(self._cells))):
            height = self._corners[piece.face, 0, 2]
            for found, (here, below, risen) in zip(moments, sums, strict=True):
                one = here[piece.place] * piece.under
                one[:3] += below[piece.place] * piece.shadow
                one[3] += (risen[piece.place] - height * below[piece.place]) * piece.shadow[0]
                for column in range(4):
                    found[column] += np.bincount(piece.face, one[column], found.shape[1])
        return [self._at_points(found.T, points) for found in moments]

    def _at_points(self, moments: Floats, points: int) -> Floats:
        total = np.zeros(points)
        for side, sign in ((0, self._turn), (1, -self._turn)):
            some = np.flatnonzero(self._cells[:, side] >= 0)
            cells = self._cells[some, side]
            there = self._tetrahedra[cells]
            here = (there == self._triangles[some, :1]) * moments[some, :1]
            here = here + np.einsum("fpi,fi->fp", self._gradients[cells], moments[some, 1:])
            total += sign * np.bincount(there.ravel(), here.ravel(), points)
        return total

    def _summed(self, faces: Ints, at_corner: Floats, slope: Floats) -> Floats:
        """Return (ni, nj, nk) the sum over faces of a linear function below each.

        Args:
            faces: (f,) which.
            at_corner: (f,) the function at the first corner; `slope` (f, 3) a voxel.
        """
        i, j, layers = self._size
        inside, whole, rising = np.zeros((3, i * j * (layers + 1)))
        constant, gradient = np.zeros(len(self._cells)), np.zeros((len(self._cells), 3))
        constant[faces], gradient[faces] = at_corner, slope
        for piece in self._pieces(faces):
            flat, steep = constant[piece.face], gradient[piece.face].T
            under = flat * piece.under[0] + (steep * piece.under[1:]).sum(axis=0)
            along = steep[2] * piece.shadow[0]
            column = flat * piece.shadow[0] + (steep[:2] * piece.shadow[1:]).sum(axis=0)
            column -= along * self._corners[piece.face, 0, 2]
            for total, part in ((inside, under), (whole, column), (rising, along)):
                total += np.bincount(piece.place, part, len(total))
        rows = (i * j, layers + 1)
        found = inside.reshape(rows)[:, :-1] + _above(whole.reshape(rows))
        found += np.arange(layers) * _above(rising.reshape(rows))
        full = np.zeros(self._shape, order="F")
        full[self.box] = self._turn * found.reshape(self._size)
        return full

    def _pieces(self, faces: Ints) -> Iterator[_Pieces]:
        """Yield faces cut by the planes between voxels, without what covers no voxel."""
        size = np.array(self._size)
        low, high = self._corners[faces].min(axis=1), self._corners[faces].max(axis=1)
        over = (high > -0.5).all(axis=1) & (low < size - 0.5)[:, :2].all(axis=1) & size.all()
        span = np.clip(high, 0, size) - np.clip(low, 0, size) + 1
        count = (span.prod(axis=1)[:, None] / span).sum(axis=1)[over]
        faces, group = faces[over], np.cumsum(count) // AT_ONCE
        for chosen in np.split(faces, np.flatnonzero(np.diff(group)) + 1):
            corners, face = self._corners[chosen].transpose(1, 2, 0), chosen
            for axis in range(3):
                corners, face = _sliced(corners, face, axis, self._size[axis])
            yield self._measured(corners, face)

    def _measured(self, corners: Floats, face: Ints) -> _Pieces:
        layers = self._size[2]
        voxel = np.floor(corners.mean(axis=0) + 0.5).astype(np.int64)
        on = (voxel >= 0).all(axis=0) & (voxel[0] < self._size[0]) & (voxel[1] < self._size[1])
        corners, face, (i, j, k) = corners[:, :, on], face[on], voxel[:, on]
        k = np.minimum(k, layers)
        local = corners - self._corners[face, 0].T
        (au, av, _), (bu, bv, _), (cu, cv, _) = local
        area = 0.5 * ((bu - au) * (cv - av) - (bv - av) * (cu - au))
        u, v, w = 0.5 * (local + np.roll(local, 1, axis=0)).swapaxes(0, 1)
        floor = k - 0.5 - self._corners[face, 0, 2]
        third = (w - floor) * (area / 3.0)
        under = [third, third * u, third * v, third * 0.5 * (w + floor)]
        shadow = np.stack([area, area * u.mean(axis=0), area * v.mean(axis=0)])
        place = (i * self._size[1] + j) * (layers + 1) + k
        return _Pieces(face, place, shadow, np.stack([part.sum(axis=0) for part in under]))


def _faces(mesh: OrganMesh) -> tuple[NDArray[np.int32], Ints]:
    """Return (f, 3) each face once, and (f, 2) the cells behind and before it, -1 for none."""
    triangles = mesh.tetrahedra[:, FACES].reshape(-1, 3)
    a, b, c = np.sort(triangles, axis=1).astype(np.int64).T
    keys = (a * len(mesh.points) + b) * len(mesh.points) + c
    order = np.argsort(keys, kind="stable")
    _, start, count = np.unique(keys[order], return_index=True, return_counts=True)
    first, last = order[start], order[start + count - 1]
    return triangles[first], np.stack([first // 4, np.where(count > 1, last // 4, -1)], axis=1)


def _gradients(corners: Floats) -> Floats:
    """Return (m, 4, 3) the gradients of the hat functions of tetrahedra (m, 4, 3)."""
    others = np.linalg.inv(corners[:, 1:] - corners[:, :1]).swapaxes(1, 2)
    return np.concatenate([-others.sum(axis=1, keepdims=True), others], axis=1)


def _sliced(corners: Floats, face: Ints, axis: int, layers: int) -> tuple[Floats, Ints]:
    """Return triangles (corner, axis, k) cut by all planes at half numbers within the grid."""
    done: list[tuple[Floats, Ints]] = []
    while len(face):
        along = corners[:, axis]
        first = np.maximum(np.floor(along.min(axis=0) + 0.5) + 0.5, -0.5)
        last = np.minimum(np.ceil(along.max(axis=0) - 0.5) - 0.5, layers - 0.5)
        crossed = first <= last
        done.append((corners[:, :, ~crossed], face[~crossed]))
        corners, face = corners[:, :, crossed], np.tile(face[crossed], 3)
        first, last = first[crossed], last[crossed]
        plane = np.clip(np.floor(0.5 * (first + last)) + 0.5, first, last)
        above = corners[:, axis] > plane
        lone = np.where(above.sum(axis=0) == 1, above.argmax(axis=0), above.argmin(axis=0))
        turned = (lone + np.arange(3)[:, None]) % 3
        a, b, c = np.take_along_axis(corners, turned[:, None], axis=0)
        ab, ac = (_meeting(a, end, plane, axis) for end in (b, c))
        halves = ((a, ab, ac), (ab, b, c), (ab, c, ac))
        corners = np.concatenate([np.stack(half) for half in halves], axis=2)
    if not done:
        return corners, face
    return (
        np.concatenate([part for part, _ in done], axis=2),
        np.concatenate([part for _, part in done]),
    )


def _meeting(start: Floats, end: Floats, plane: Floats, axis: int) -> Floats:
    """Return (3, k) where edges (3, k) meet planes across an axis."""
    share = (plane - start[axis]) / (end - start)[axis]
    found: Floats = start + share * (end - start)
    found[axis] = plane
    return found


def _above(totals: Floats) -> Floats:
    """Return (columns, layers) the sums of all layers above each, of (columns, layers + 1)."""
    result: Floats = np.cumsum(totals[:, ::-1], axis=1)[:, ::-1][:, 1:]
    return result


def _below(field: Floats) -> tuple[Floats, Floats, Floats]:
    """Return a field with a layer of 0 on top, and the sums below of it and of layer times it."""
    rows = field.reshape(-1, field.shape[2]) if field.size else np.zeros((0, 0))
    padded = np.pad(rows, ((0, 0), (0, 1)))
    sums = [
        (np.cumsum(part, axis=1) - part).ravel()
        for part in (padded, padded * np.arange(padded.shape[1]))
    ]
    return padded.ravel(), sums[0], sums[1]
