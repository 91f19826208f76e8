"""Outlines of a structure in the slices of its grid, exact at pixel centres."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

import numpy as np
from contourpy import FillType, contour_generator
from numpy.typing import NDArray

EDGE: Final = 0.5
Polygon = NDArray[np.float64]


def outlines(mask: NDArray[np.bool_]) -> Iterator[tuple[int, list[Polygon]]]:
    """Yield (k, polygons) for each slice in which a mask (ni, nj, nk) has voxels.

    A polygon is (n, 2), continuous indices (i, j), closed by itself, its vertices half-way between
    a voxel inside and one outside, so that the centres inside it are exactly those of the mask. A
    hole is joined to the outline around it by a keyhole: an edge there and the same edge back.
    """
    for k in np.flatnonzero(mask.any(axis=(0, 1))):
        yield int(k), _polygons(mask[:, :, k])


def _polygons(plane: NDArray[np.bool_]) -> list[Polygon]:
    rows, columns = np.nonzero(plane)
    low = np.array([rows.min(), columns.min()])
    cut = plane[low[0] : rows.max() + 1, low[1] : columns.max() + 1]
    grown = np.pad(cut, 1).astype(np.float64)
    generator = contour_generator(z=grown, name="serial", fill_type=FillType.OuterOffset)
    found = []
    for points, offsets in zip(*generator.filled(EDGE, 2.0), strict=True):
        rings = [_corners(points[a : b - 1, ::-1] + (low - 1)) for a, b in pairwise(offsets)]
        found.append(_keyholed(rings))
    return found


def _corners(ring: NDArray[Any]) -> Polygon:
    """Return a ring (n, 2) without the vertices on a straight line between their neighbours."""
    before, after = ring - np.roll(ring, 1, axis=0), np.roll(ring, -1, axis=0) - ring
    turns = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    result: Polygon = ring[np.abs(turns) > 1e-9]
    return result


def _keyholed(rings: list[Polygon]) -> Polygon:
    """Return the first ring with the others, its holes, joined to it where they come nearest."""
    outline = rings[0]
    for hole in rings[1:]:
        gaps = np.linalg.norm(outline[:, None] - hole[None], axis=2)
        a, b = np.unravel_index(int(np.argmin(gaps)), gaps.shape)
        around = np.roll(hole, -int(b), axis=0)
        outline = np.concatenate([outline[: a + 1], around, around[:1], outline[a:]])
    return outline
