"""Closed contours to pixels, exact at pixel centres: even-odd, or with holes and overlaps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import UnreadableFile

CROSSING_LIMIT: Final = 50_000_000
FINE: Final = 4
"""Parts of a pixel to which one contour is found to lie inside another."""


def filled(polygons: Sequence[NDArray[Any]], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return (ni, nj) bool: pixels whose centre an odd number of polygons encloses.

    Holes, keyholes and islands follow from the even-odd rule. Vertices are not rounded; a centre
    on an edge counts on the low side only, so that neighbours neither overlap nor leave a gap.

    Args:
        polygons: each (n, 2), continuous pixel indices (i, j), closed by itself.

    Raises:
        UnreadableFile: one polygon crosses the lines of pixels more than 50 million times.
    """
    ni, nj = shape
    toggles = np.zeros(nj * (ni + 1), dtype=np.int64)
    for polygon in polygons:
        j, i = _crossings(np.round(polygon, 6), nj)
        first = np.clip(np.ceil(i), 0, ni).astype(np.int64)
        toggles += np.bincount(j * (ni + 1) + first, minlength=len(toggles))
    inside = np.cumsum(toggles.reshape(nj, ni + 1)[:, :ni], axis=1) % 2 == 1
    return np.asfortranarray(inside.T)


def united(polygons: Sequence[NDArray[Any]], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return (ni, nj) bool of outlines that each stand for themselves (CLOSED_PLANAR).

    One wholly inside another, to a quarter of a pixel, is a hole in it, and an island again inside
    a hole; those that overlap in part add up; two that fill the same pixels are one. Raises and
    arguments as `filled`.
    """
    boxes = np.array([[*p.min(axis=0), *p.max(axis=0)] for p in polygons])
    order = np.argsort(-np.prod(boxes[:, 2:] - boxes[:, :2], axis=1), kind="stable")
    result = np.zeros(shape, dtype=bool, order="F")
    for rank, n in enumerate(order):
        mask = filled([polygons[n]], shape)
        wider = order[:rank]
        near = (boxes[wider, :2] <= boxes[n, :2] + 1 / FINE).all(axis=1)
        near &= (boxes[wider, 2:] >= boxes[n, 2:] - 1 / FINE).all(axis=1)
        around = [
            polygons[m] for m in wider[near] if _is_within(polygons[n], polygons[m], shape[1])
        ]
        if any(np.array_equal(filled([one], shape), mask) for one in around):
            continue
        if around and not (mask & ~result).any():
            result &= ~mask
        else:
            result |= mask
    return result


def area_of(polygon: NDArray[Any]) -> float:
    """Return the area that (n, 2) points enclose, in the square of their unit (shoelace rule)."""
    x, y = (polygon - polygon[0]).T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)


def _is_within(inner: NDArray[Any], outer: NDArray[Any], nj: int) -> bool:
    """Return whether no part of one polygon lies outside another, to a quarter of a pixel.

    Along lines a quarter of a pixel apart, between j = 0 and nj: where the inner one is entered or
    left and the outer one is not around it.
    """
    low, high = (int(np.clip(j, 0, nj)) for j in (inner[:, 1].min(), inner[:, 1].max() + 1))
    lines = FINE * (high - low) + 1
    scaled = [np.round((p - [0, low]) * [1, FINE], 6) for p in (inner, outer)]
    (j, i), (outer_j, outer_i) = (_crossings(p, lines) for p in scaled)
    of_inner = np.repeat([1, 0], [len(j), len(outer_j)])
    j, i = np.concatenate([j, outer_j]), np.concatenate([i, outer_i])
    order = np.lexsort((i, j))
    inside, around = (np.cumsum(of[order]) % 2 == 1 for of in (of_inner, 1 - of_inner))
    outside = inside & ~around
    return not (outside[:-1] & (np.diff(i[order]) > 1 / FINE)).any()


def _crossings(
    polygon: NDArray[np.float64], nj: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return where edges cross the lines j = 0 … nj - 1: the line and the i there."""
    begin, end = polygon, np.roll(polygon, -1, axis=0)
    upward = begin[:, 1] <= end[:, 1]
    low = np.where(upward[:, None], begin, end)
    high = np.where(upward[:, None], end, begin)
    first, last = (np.clip(np.ceil(end[:, 1]), 0, nj).astype(np.int64) for end in (low, high))
    count = last - first
    if count.sum() > CROSSING_LIMIT:
        raise UnreadableFile("a contour is longer than any in a patient")
    edge = np.repeat(np.arange(len(polygon)), count)
    within = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count)
    j = first[edge] + within
    rise = high[edge, 1] - low[edge, 1]
    share = (j - low[edge, 1]) / rise
    return j, low[edge, 0] + share * (high[edge, 0] - low[edge, 0])
