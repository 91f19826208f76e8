"""Warping: points near a surface moved onto it, those of interfaces along their interface."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from organtwin.meshing.relaxing import moved, shape_of
from organtwin.meshing.splitting import edges_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Distance = Callable[[Floats], Floats]
"""Points (n, 3) LPS mm → (n,) signed distance in mm, or what falls off like one."""

NEAR = 0.3
REACH = 0.5
BENT = 0.15
"""Share of an interface's area across a direction from which on it binds along it, too."""
NEWTON = 4
H_MM = 1e-3
FLOOR_DEG = 9.0
ON_MM = 1e-6
ALONG = 0.5
"""Square of the surface's slope along an interface, up to which it is said to run along it."""


@dataclass(frozen=True, eq=False)
class Warped:
    """Points after warping, and the surface's distance there (n,), 0 where taken as on it."""

    points: Floats
    values: Floats


@dataclass(frozen=True)
class Slack:
    """How far from the surface a point may be to be taken as on it, of its shortest edge.

    Args:
        off: any point that angles do not let go onto it.
        along: a point of an interface that the surface runs along.
    """

    off: float
    along: float


def freedom(points: Floats, interfaces: NDArray[np.int32]) -> Floats:
    """Return (n, 3, 3): projections onto the directions in which points keep the interfaces.

    Inside a region all; on an interface those along it; on a seam or a sharp edge those along
    that; at a corner none. No direction changes the volume of a region to first order.
    """
    count = len(points)
    a, b, c = (points[interfaces[:, corner]] for corner in range(3))
    area = np.cross(b - a, c - a)
    size = np.linalg.norm(area, axis=1)
    outer = area[:, :, None] * area[:, None, :] / np.maximum(size, 1e-30)[:, None, None]
    bound, total = np.zeros((count, 3, 3)), np.zeros(count)
    for corner in range(3):
        np.add.at(bound, interfaces[:, corner], outer)
        np.add.at(total, interfaces[:, corner], size)
    rows = np.unique(interfaces)
    share, axes = np.linalg.eigh(bound[rows] / total[rows, None, None])
    free = np.where(share < BENT, 1.0, 0.0)
    allowed = np.tile(np.eye(3), (count, 1, 1))
    allowed[rows] = np.einsum("nij,nj,nkj->nik", axes, free, axes)
    return allowed


def gradient(surface: Distance, points: Floats) -> Floats:
    """Return (n, 3) the surface's gradient by differences."""
    found = np.empty_like(points)
    for axis in range(3):
        step = np.zeros(3)
        step[axis] = H_MM
        found[:, axis] = (surface(points + step) - surface(points - step)) / (2 * H_MM)
    return found


def onto(surface: Distance, points: Floats, allowed: Floats) -> Floats:
    """Return points brought to the surface along their allowed directions (Newton's method)."""
    found = points.copy()
    for _ in range(NEWTON):
        value = surface(found)
        if np.abs(value).max(initial=0.0) < ON_MM:
            break
        slope = np.einsum("nij,nj->ni", allowed, gradient(surface, found))
        square = (slope**2).sum(axis=1)
        found -= np.where(square > 1e-2, value / np.maximum(square, 1e-2), 0.0)[:, None] * slope
    return found


def warped(
    points: Floats, cells: Ints, surface: Distance, allowed: Floats, *, slack: Slack
) -> Warped:
    """Return points such that the surface crosses no edge near one of its ends.

    Points of an interface along which the surface runs close by are taken as on it: it follows the
    interface there, for between the two there is no room for good elements. Another point, nearer
    to the crossing of one of its edges than 0.3 of the edge, goes to the surface as far as angles
    allow. When it is then within the slack of its shortest edge, it is taken as on it; else its
    edges will be split.
    """
    values = surface(points)
    edges, _ = edges_of(cells, len(points))
    close = np.abs(values) < slack.along * _shortest(edges, points)
    values[_along(points, np.flatnonzero(close), surface, allowed)] = 0.0
    shape = shape_of(points, cells)
    refused = np.zeros(len(points), dtype=bool)
    while True:
        chosen = _nearest(edges, values, refused)
        if len(chosen) == 0:
            return Warped(shape.points, values)
        to = shape.points.copy()
        to[chosen] = onto(surface, shape.points[chosen], allowed[chosen])
        shortest = _shortest(edges, shape.points)
        far = np.linalg.norm(to - shape.points, axis=1) > REACH * shortest
        to[far] = shape.points[far]
        shape = moved(shape, to, FLOOR_DEG)
        values[chosen] = surface(shape.points[chosen])
        there = np.abs(values[chosen]) < slack.off * shortest[chosen]
        values[chosen[there]] = 0.0
        refused[chosen[~there]] = True


def _along(points: Floats, close: Ints, surface: Distance, allowed: Floats) -> Ints:
    """Return those of some points (k,) that lie on an interface or seam the surface runs along."""
    directions = np.einsum("nii->n", allowed[close])
    close = close[(directions > 0.5) & (directions < 2.5)]
    slope = np.einsum("nij,nj->ni", allowed[close], gradient(surface, points[close]))
    result: Ints = close[(slope**2).sum(axis=1) < ALONG]
    return result


def _nearest(edges: Ints, values: Floats, refused: NDArray[np.bool_]) -> Ints:
    """Return points near the surface, no two of them sharing an edge."""
    crossed = edges[values[edges[:, 0]] * values[edges[:, 1]] < 0.0]
    near = np.full(len(values), np.inf)
    size = np.abs(values[crossed])
    share = size / size.sum(axis=1, keepdims=True)
    for end in (0, 1):
        np.minimum.at(near, crossed[:, end], share[:, end])
    near[(near > NEAR) | refused] = np.inf
    rivals = edges[np.isfinite(near[edges]).all(axis=1)]
    first = near[rivals[:, 0]] <= near[rivals[:, 1]]
    beaten = np.where(first, rivals[:, 1], rivals[:, 0])
    near[beaten] = np.inf
    return np.flatnonzero(np.isfinite(near))


def _shortest(edges: Ints, points: Floats) -> Floats:
    """Return (n,) mm: the shortest edge of each point."""
    length = np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1)
    shortest = np.full(len(points), np.inf)
    for end in (0, 1):
        np.minimum.at(shortest, edges[:, end], length)
    return shortest
