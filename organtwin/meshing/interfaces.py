"""Interfaces: triangles between regions, all at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from organtwin.core.labelmap import Structure


@dataclass(frozen=True, eq=False)
class Interfaces:
    """All surfaces between regions at once; regions share their triangles.

    Args:
        points: (n, 3) float64, LPS mm.
        triangles: (f, 3) int64, indices into points; the normal points from side 0 to side 1.
        sides: (f, 2) int64, the labels on the back and on the front of each triangle (0 outside).
    """

    points: NDArray[np.float64]
    triangles: NDArray[np.int64]
    sides: NDArray[np.int64]

    def shell(self, labels: Iterable[int]) -> NDArray[np.int64]:
        """Return (m, 3) int64: the triangles around a union of regions, outward."""
        inside = np.isin(self.sides, list(labels))
        out, back = inside[:, 0] & ~inside[:, 1], inside[:, 1] & ~inside[:, 0]
        result: NDArray[np.int64] = np.concatenate(
            [self.triangles[out], self.triangles[back][:, ::-1]]
        )
        return result


def nested_labels(structures: tuple[Structure, ...]) -> Mapping[str, tuple[int, ...]]:
    """Return name → labels of the structure and of everything inside it."""
    found: dict[str, tuple[int, ...]] = {}
    for outer in structures:
        inside = [outer]
        for structure in inside:
            inside += [s for s in structures if s.within == structure.name]
        found[outer.name] = tuple(s.label for s in inside)
    return found


def area_vectors(points: NDArray[np.float64], triangles: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return (f, 3): normal times area in mm² of each triangle."""
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    result: NDArray[np.float64] = 0.5 * np.cross(b - a, c - a)
    return result


def enclosed_mm3(points: NDArray[np.float64], triangles: NDArray[np.int64]) -> float:
    """Volume in mm³ inside closed outward triangles (divergence theorem)."""
    corner = points[triangles[:, 0]] - points.mean(axis=0)
    return float(np.einsum("ij,ij->", area_vectors(points, triangles), corner)) / 3.0


def unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return vectors (n, 3) of length one; a zero vector stays zero."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    result: NDArray[np.float64] = vectors / np.where(length > 0, length, 1.0)
    return result
