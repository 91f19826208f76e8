"""Dihedral angles of many tetrahedra at once, as cosines: the figure all improvement looks at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

INVERTED = 2.0
PAIRS = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))


def worst_cosine(points: NDArray[np.float64], cells: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return (m,) the cosine of the smallest dihedral angle; 2 where the volume is not positive.

    Args:
        points: (n, 3) mm.
        cells: (m, 4) indices into points.
    """
    # coordinates first: rows of one coordinate are contiguous, several times faster
    a, b, c, d = (points.T[:, cells[:, corner]] for corner in range(4))
    ab, ac, ad, bc, bd = b - a, c - a, d - a, c - b, d - b
    normals = [_cross(bc, bd), _cross(ad, ac), _cross(ab, ad), _cross(ac, ab)]
    volume = -_dot(normals[3], ad)
    lengths = [np.sqrt(_dot(n, n)) for n in normals]
    worst = np.full(len(cells), -1.0)
    for i, j in PAIRS:
        size = np.maximum(lengths[i] * lengths[j], 1e-300)
        np.maximum(worst, -_dot(normals[i], normals[j]) / size, out=worst)
    worst[volume <= 0.0] = INVERTED
    return worst


def degrees(cosines: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return angles in degrees; negative for inverted cells."""
    angles: NDArray[np.float64] = np.degrees(np.arccos(np.clip(cosines, -1.0, 1.0)))
    return np.where(cosines > 1.0, -1.0, angles)


def _cross(u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack(
        [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]]
    )


def _dot(u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.float64]:
    result: NDArray[np.float64] = u[0] * v[0] + u[1] * v[1] + u[2] * v[2]
    return result
