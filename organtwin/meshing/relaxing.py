"""Relaxing: points moved to where they belong, never at the cost of the worst angles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

from organtwin.meshing.angles import worst_cosine
from organtwin.meshing.cones import Cones

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
HALVINGS = 5
FREE_STEP = 0.8
TINY = 1e-9


@dataclass(frozen=True, eq=False)
class Shape:
    """Points, cells, and the worst cosine of each cell (see `angles`)."""

    points: Floats
    cells: Ints
    cosines: Floats


def shape_of(points: Floats, cells: Ints) -> Shape:
    """Return points and cells with the cells' cosines."""
    return Shape(points, cells, worst_cosine(points, cells))


def moved(shape: Shape, to: Floats, floor_deg: float) -> Shape:
    """Return the shape with points moved to `to`, or part of the way.

    No cell's smallest angle falls below the floor, or below what it was where that is less: where
    it would, the cell's points go half as far, again and again, and in the end not at all.
    """
    step = to - shape.points
    moving = np.abs(step).sum(axis=1) > 0
    active = np.flatnonzero(moving[shape.cells].any(axis=1))
    limit = np.maximum(np.cos(np.radians(floor_deg)), shape.cosines) + TINY
    share, cosines, pending = np.ones((len(step), 1)), shape.cosines.copy(), active
    for turn in count():
        points = shape.points + share * step
        cosines[pending] = worst_cosine(points, shape.cells[pending])
        bad = pending[cosines[pending] > limit[pending]]
        if len(bad) == 0:
            break
        touched = np.zeros(len(step), dtype=bool)
        touched[shape.cells[bad]] = True
        share[touched] *= 0.5 if turn < HALVINGS else 0.0
        pending = active[touched[shape.cells[active]].any(axis=1)]
    return Shape(points, shape.cells, cosines)


def centred(shape: Shape, free: NDArray[np.bool_], by_volume: bool) -> Floats:
    """Return (n, 3) the points, the free ones moved to the middle of the cells around them."""
    corners = shape.points[shape.cells]
    middles = corners.mean(axis=1)
    weight = np.ones(len(corners))
    if by_volume:
        a, b, c, d = (corners[:, corner] for corner in range(4))
        weight = np.einsum("ij,ij->i", np.cross(b - a, c - a), d - a)
    total = summed(shape.cells, weight, len(shape.points))
    goal = shape.points.copy()
    for axis in range(3):
        mean = summed(shape.cells, weight * middles[:, axis], len(goal)) / total
        # a point is a quarter of each middle: 4/3 of the way is the mean of the others
        goal[free, axis] += FREE_STEP * 4.0 / 3.0 * (mean - goal[:, axis])[free]
    return goal


def summed(cells: Ints, values: Floats, points: int) -> Floats:
    """Return (points,) for each point the sum of a value over the cells (m, k) around it."""
    total = np.zeros(points)
    for corner in range(cells.shape[1]):
        total += np.bincount(cells[:, corner], values, points)
    return total


def with_better_diagonals(shape: Shape, made: Cones) -> Shape:
    """Return the shape with the diagonal of each square the way that makes the worst angle better.

    Each square's tetrahedra are its own, so all squares are judged at once.
    """
    a, b, c, d = made.quads.T
    cells = shape.cells.copy()
    now, then = np.full(len(a), -1.0), np.full(len(a), -1.0)
    sides = []
    for side in (0, 1):
        here = np.flatnonzero(made.pairs[:, side, 0] >= 0)
        first, second = made.pairs[here, side].T
        now[here] = np.maximum(now[here], np.maximum(shape.cosines[first], shape.cosines[second]))
        tip = cells[first, 3]
        through = (cells[first][:, :3] == a[here, None]).any(axis=1)  # the diagonal is a-c
        p, q, r, s = (
            np.where(through, x[here], y[here]) for x, y in ((b, a), (c, b), (d, c), (a, d))
        )
        new = [np.stack([p, q, r, tip], axis=1), np.stack([p, r, s, tip], axis=1)]
        if side == 0:
            new = [cell[:, [2, 1, 0, 3]] for cell in new]
        cosines = [worst_cosine(shape.points, cell) for cell in new]
        then[here] = np.maximum(then[here], np.maximum(*cosines))
        sides.append((here, made.pairs[here, side].T, new))
    better = then < now - TINY
    for here, places, new in sides:
        for place, cell in zip(places, new, strict=True):
            cells[place[better[here]]] = cell[better[here]]
    return shape_of(shape.points, cells)


def rounds(
    shape: Shape,
    goal: Callable[[Floats], Floats],
    free: NDArray[np.bool_],
    *,
    floor_deg: float,
    turn: int,
) -> Shape:
    """Return the shape after one round: bound points to their goals, then free ones centred."""
    shape = moved(shape, goal(shape.points), floor_deg)
    return moved(shape, centred(shape, free, by_volume=turn % 2 == 1), floor_deg)
