"""Volumes: interface points offset along normals until every label has the volume it shall have."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.linalg import lsmr

from organtwin.meshing.interfaces import Interfaces, area_vectors

Floats = NDArray[np.float64]
MOST_AT_ONCE = 300
MOST_STEPS = 200
TINY = 1e-12
MOST_AT_A_TIME = 0.5
RCOND = 1e-6


def signed_volumes(points: Floats, cells: NDArray[np.int64]) -> Floats:
    """Return (m,) the signed volume of each tetrahedron in mm³."""
    a, b, c, d = (points[cells[:, i]] for i in range(4))
    result: Floats = np.einsum("ij,ij->i", np.cross(b - a, c - a), d - a) / 6.0
    return result


def label_volumes(interfaces: Interfaces) -> Floats:
    """Return (n,) mm³ inside the shell of each number that sides have, from 0; that is negative.

    By the divergence theorem.
    """
    points, triangles = interfaces.points, interfaces.triangles
    corner = points[triangles[:, 0]] - points.mean(axis=0)
    parts = np.einsum("ij,ij->i", area_vectors(points, triangles), corner) / 3.0
    back, front = interfaces.sides.T
    count = int(interfaces.sides.max()) + 1
    result: Floats = np.bincount(back, parts, count) - np.bincount(front, parts, count)
    return result


def offset(
    interfaces: Interfaces, wanted_mm3: Mapping[int, float], free: NDArray[np.bool_] | None = None
) -> Floats:
    """Return (n, 3) steps in mm that give each label its volume, to first order.

    With a(L), the third of the area vectors of the shell of L around a point, its volume changes by
    a(L) · x when the point steps by x. Of all steps that give the volumes this is the smallest one,
    weighed by the area around a point: x = Σ d(L) a(L) / Σ |a(L)|, the shell of each label offset
    by a distance d of its own; their Gram matrix is a small linear system. No volume changes by
    more than half at a time.

    Args:
        wanted_mm3: number of a side → volume.
        free: (n,) bool, the points that may move.
    """
    labels = np.array(sorted(wanted_mm3))
    vectors = _shell_vectors(interfaces, labels)
    length = np.linalg.norm(vectors[2], axis=1)
    around = np.bincount(vectors[0], length, len(interfaces.points))
    normals = vectors[2] / np.maximum(around, TINY)[vectors[0]][:, None]
    keep = np.ones(len(normals), dtype=bool) if free is None else free[vectors[0]]
    shape = (len(interfaces.points), len(labels))
    point, place = vectors[0][keep], vectors[1][keep]
    area = [csr_array((vectors[2][keep, a], (point, place)), shape) for a in range(3)]
    normal = [csr_array((normals[keep, a], (point, place)), shape) for a in range(3)]
    slope = csr_array(sum(area[a].T @ normal[a] for a in range(3)))
    there = label_volumes(interfaces)[labels]
    wanted = np.array([wanted_mm3[int(n)] for n in labels])
    missing = (
        np.clip(wanted, there - MOST_AT_A_TIME * there, there + MOST_AT_A_TIME * there) - there
    )
    distances = _solved(slope, missing)
    return np.column_stack([n @ distances for n in normal])


def _solved(slope: csr_array, missing: Floats) -> Floats:
    """Return the least solution, unknowns and rows scaled; iteratively where there are many."""
    scale = 1.0 / np.sqrt(np.maximum(np.abs(slope).sum(axis=0), TINY))
    even = slope.multiply(scale[None, :]).multiply(scale[:, None])
    if len(missing) <= MOST_AT_ONCE:
        found = np.linalg.lstsq(even.toarray(), scale * missing, rcond=RCOND)[0]
    else:
        found = lsmr(csr_array(even), scale * missing, atol=1e-6, btol=1e-6, maxiter=MOST_STEPS)[0]
    result: Floats = scale * found
    return result


def _shell_vectors(
    interfaces: Interfaces, labels: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """Return (k,) points, (k,) places in labels, (k, 3) a third of the outward area vectors."""
    place = np.full(int(interfaces.sides.max()) + 1, len(labels))
    place[labels] = np.arange(len(labels))
    third = area_vectors(interfaces.points, interfaces.triangles) / 3.0
    keys, pushes = [], []
    for side, sign in ((0, 1.0), (1, -1.0)):
        for corner in range(3):
            at = place[interfaces.sides[:, side]]
            keys.append(interfaces.triangles[:, corner] * (len(labels) + 1) + at)
            pushes.append(sign * third)
    found, index = np.unique(np.concatenate(keys), return_inverse=True)
    push = np.concatenate(pushes)
    total = np.column_stack([np.bincount(index, push[:, a], len(found)) for a in range(3)])
    inside = found % (len(labels) + 1) < len(labels)
    found, total = found[inside], total[inside]
    return found // (len(labels) + 1), found % (len(labels) + 1), total


def restored(
    interfaces: Interfaces, wanted_mm3: Mapping[int, float], rounds: int = 4
) -> Interfaces:
    """Return the interfaces with each label's volume, by a few Newton rounds."""
    found = interfaces
    for _ in range(rounds):
        step = offset(found, wanted_mm3)
        found = Interfaces(found.points + step, found.triangles, found.sides)
    return found
