"""Closed forms on linear tetrahedra: volume, mass, diffusion, and the part above a level."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

_EDGES = np.array([(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)])
_CHUNK = 20_000


def volumes_mm3(points: NDArray[np.float64], cells: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return (m,) float64 mm³, the volume of each tetrahedron of `points` (n, 3) mm."""
    origin, *others = (points[cells[:, corner]].T for corner in range(4))
    a, b, c = (other - origin for other in others)
    return np.asarray(np.abs((a * _crossed(b, c)).sum(axis=0)) / 6.0)


def edge_pairs(cells: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return (e, 2) int32: every edge once, its nodes ascending."""
    return edge_numbers(cells)[0]


def edge_numbers(cells: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return (e, 2) int32 nodes of each edge, ascending, and (m, 6) int32 the edges of each cell.

    A cell's edges join its corners 01, 02, 03, 12, 13, 23.
    """
    size = int(cells.max()) + 1
    keys = np.empty((len(cells), 6), np.int64)
    for edge, (start, end) in enumerate(cells.T[_EDGES]):
        keys[:, edge] = np.minimum(start, end).astype(np.int64) * size + np.maximum(start, end)
    found, numbers = np.unique(keys, return_inverse=True)
    edges = np.stack(np.divmod(found, size), axis=1).astype(np.int32)
    return edges, numbers.reshape(-1, 6).astype(np.int32)


def node_volumes_mm3(points: NDArray[np.float64], cells: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return (n,) float64 mm³: the integral of each node's hat function (the lumped mass)."""
    share = np.repeat(volumes_mm3(points, cells) / 4.0, 4)
    return np.bincount(cells.ravel(), weights=share, minlength=len(points))


def mass_matrix(points: NDArray[np.float64], cells: NDArray[np.int32]) -> sparse.csr_array:
    """Return (n, n) mm³: integrals of products of hat functions, V/20 (1 + δij) on a cell."""
    local = (np.ones((4, 4)) + np.eye(4)) / 20.0
    return _assembled(len(points), cells, volumes_mm3(points, cells)[:, None, None] * local)


def stiffness_matrix(points: NDArray[np.float64], cells: NDArray[np.int32]) -> sparse.csr_array:
    """Return (n, n) mm: integrals of products of the hat functions' gradients."""
    slopes = hat_slopes(points, cells)
    local = np.einsum("kim,kjm->mij", slopes, slopes)
    return _assembled(len(points), cells, volumes_mm3(points, cells)[:, None, None] * local)


def hat_slopes(points: NDArray[np.float64], cells: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return (3, 4, m) 1/mm: the gradient of the hat function of each corner of a cell."""
    origin, *others = (points[cells[:, corner]].T for corner in range(4))
    a, b, c = (other - origin for other in others)
    slopes = np.stack([_crossed(b, c), _crossed(c, a), _crossed(a, b)], axis=1)
    slopes /= (a * slopes[:, 0]).sum(axis=0)
    return np.concatenate([-slopes.sum(axis=1, keepdims=True), slopes], axis=1)


def _crossed(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """The cross product of vectors (3, m)."""
    return np.stack([a[i] * b[j] - a[j] * b[i] for i, j in ((1, 2), (2, 0), (0, 1))])


def edge_weights_mm(
    points: NDArray[np.float64],
    cells: NDArray[np.int32],
    tensor: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Return (m, 6) mm: a cell's part of the stiffness between the ends of each of its edges.

    Args:
        tensor: (m, 6) xx, yy, zz, xy, xz, yz of each cell, unit 1; None: the identity.
    """
    weights = np.empty((len(cells), 6))
    for first in range(0, len(cells), _CHUNK):
        chunk = slice(first, first + _CHUNK)
        slopes = hat_slopes(points, cells[chunk])
        flows = slopes
        if tensor is not None:
            full = tensor[chunk].T[np.array([[0, 3, 4], [3, 1, 5], [4, 5, 2]])]
            flows = np.einsum("klm,lim->kim", full, slopes)
        volumes = volumes_mm3(points, cells[chunk])
        for edge, (start, end) in enumerate(_EDGES):
            weights[chunk, edge] = volumes * (slopes[:, start] * flows[:, end]).sum(axis=0)
    return weights


def _assembled(size: int, cells: NDArray[np.int32], local: NDArray[np.float64]) -> sparse.csr_array:
    rows = np.repeat(cells, 4, axis=1).ravel()
    columns = np.tile(cells, (1, 4)).ravel()
    matrix = sparse.csr_array((local.ravel(), (rows, columns)), shape=(size, size))
    matrix.sum_duplicates()
    return matrix


def volume_above_mm3(
    density: NDArray[np.float64],
    level: float,
    cells: NDArray[np.int32],
    volumes: NDArray[np.float64],
) -> float:
    """Return the volume in mm³ where the linear interpolant of `density` (n,) exceeds `level`.

    Exact: a plane cuts a tetrahedron into a corner, two corners' wedge, or all but a corner. With
    t the part of an edge above the level, a corner has the fraction t1 t2 t3; a wedge is cut into
    three tetrahedra whose fractions are determinants in barycentric coordinates.
    """
    values = density[cells]
    above = values > level
    count = above.sum(axis=1)
    total = float(volumes[count == 4].sum())
    for corners in (1, 2, 3):
        chosen = count == corners
        ascending = np.sort(values[chosen], axis=1)
        total += float(volumes[chosen] @ _FRACTIONS[corners](ascending, level))
    return total


def _part(high: NDArray[np.float64], low: NDArray[np.float64], level: float) -> NDArray[np.float64]:
    return np.asarray((high - level) / (high - low))


def _one_above(v: NDArray[np.float64], level: float) -> NDArray[np.float64]:
    t = [_part(v[:, 3], v[:, low], level) for low in range(3)]
    return np.asarray(t[0] * t[1] * t[2])


def _two_above(v: NDArray[np.float64], level: float) -> NDArray[np.float64]:
    t20, t21, t30, t31 = (_part(v[:, h], v[:, w], level) for h in (2, 3) for w in (0, 1))
    return np.asarray(t20 * t21 + t30 * t21 * (1.0 - t20) + t30 * t31 * (1.0 - t21))


def _three_above(v: NDArray[np.float64], level: float) -> NDArray[np.float64]:
    t = [1.0 - _part(v[:, high], v[:, 0], level) for high in range(1, 4)]
    return np.asarray(1.0 - t[0] * t[1] * t[2])


_FRACTIONS = {1: _one_above, 2: _two_above, 3: _three_above}


def volume_above_slopes_mm3(
    density: NDArray[np.float64],
    level: float,
    cells: NDArray[np.int32],
    volumes: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return (n,) mm³ per density: how `volume_above_mm3` moves with each node's, by complex steps.

    It moves with the level by minus their sum: only the distance to the level counts.
    """
    step = 1e-40
    values = density[cells]
    count = (values > level).sum(axis=1)
    slopes = np.zeros(len(density))
    for corners, fraction in _FRACTIONS.items():
        chosen = np.flatnonzero(count == corners)
        order = np.argsort(values[chosen], axis=1)
        ascending = np.take_along_axis(values[chosen], order, axis=1)
        nodes = np.take_along_axis(cells[chosen], order, axis=1)
        for corner in range(4):
            nudged = ascending + 1j * step * (np.arange(4) == corner)
            slope = volumes[chosen] * np.imag(fraction(nudged, level)) / step
            slopes += np.bincount(nodes[:, corner], slope, minlength=len(density))
    return slopes
