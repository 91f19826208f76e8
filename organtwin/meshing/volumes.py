"""Volumes: interface points offset along normals until every label has the volume it shall have."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from organtwin.meshing.interfaces import Interfaces, area_vectors, unit

Floats = NDArray[np.float64]


def signed_volumes(points: Floats, cells: NDArray[np.int64]) -> Floats:
    """Return (m,) the signed volume of each tetrahedron in mm³."""
    a, b, c, d = (points[cells[:, i]] for i in range(4))
    result: Floats = np.einsum("ij,ij->i", np.cross(b - a, c - a), d - a) / 6.0
    return result


def label_volumes(interfaces: Interfaces) -> Floats:
    """Return (256,) mm³ inside each label's shell (divergence theorem); that of 0 is negative."""
    points, triangles = interfaces.points, interfaces.triangles
    corner = points[triangles[:, 0]] - points.mean(axis=0)
    parts = np.einsum("ij,ij->i", area_vectors(points, triangles), corner) / 3.0
    back, front = interfaces.sides.T
    result: Floats = np.bincount(back, parts, 256) - np.bincount(front, parts, 256)
    return result


def offset(
    interfaces: Interfaces, wanted_mm3: Mapping[int, float], free: NDArray[np.bool_] | None = None
) -> Floats:
    """Return (n, 3) steps in mm that give each label its volume, to first order.

    The shell of each label is offset by a distance of its own along its unit normals n. With a, the
    third of the area vectors of a shell around a point, the volume of label L changes with the
    distance of label M by Σ a(L) · n(M) over their common points: a small linear system.

    Args:
        wanted_mm3: label → volume.
        free: (n,) bool, the points that may move.
    """
    labels = np.array(sorted(wanted_mm3))
    vectors = _shell_vectors(interfaces, labels)
    normals = unit(vectors[2])
    keep = np.ones(len(normals), dtype=bool) if free is None else free[vectors[0]]
    shape = (len(interfaces.points), len(labels))
    point, place = vectors[0][keep], vectors[1][keep]
    area = [csr_array((vectors[2][keep, a], (point, place)), shape) for a in range(3)]
    normal = [csr_array((normals[keep, a], (point, place)), shape) for a in range(3)]
    slope = sum((area[a].T @ normal[a]).toarray() for a in range(3))
    missing = np.array([wanted_mm3[int(n)] for n in labels]) - label_volumes(interfaces)[labels]
    distances = np.linalg.lstsq(slope, missing, rcond=1e-6)[0]
    return np.column_stack([n @ distances for n in normal])


def _shell_vectors(
    interfaces: Interfaces, labels: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """Return (k,) points, (k,) places in labels, (k, 3) a third of the outward area vectors."""
    place = np.full(256, len(labels))
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
