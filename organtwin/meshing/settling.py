"""Settling: interface points brought to the smooth interfaces, regions to their volumes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from organtwin.core.watch import Watch
from organtwin.meshing.cones import Cones
from organtwin.meshing.goals import Goals, meetings
from organtwin.meshing.interfaces import Interfaces
from organtwin.meshing.octree import Grid
from organtwin.meshing.relaxing import Shape, centred, moved, shape_of, with_better_diagonals
from organtwin.meshing.volumes import label_volumes, offset

Floats = NDArray[np.float64]
ROUNDS = 8
DIAGONALS_EVERY = 3
VOLUME_ROUNDS = 20
SAFE_ROUNDS = 16
MOST_OF_THE_WAY = 0.7
CLOSE = 5e-4
FLOOR_DEG = 18.0
LAST_FLOOR_DEG = 15.2
LOWEST_FLOOR_DEG = 12.0
SMOOTHING = 0.5
REACH_CELLS = 2.0


def settled(
    grid: Grid,
    made: Cones,
    goals: Goals,
    *,
    wanted_mm3: Mapping[int, float],
    watch: Watch,
) -> Shape:
    """Return the cells with points, in mm along the voxels' axes, where they belong.

    Points on interfaces are evened out and projected; no angle falls below 15° for it. At last
    interfaces are offset until each label has its volume.

    Args:
        wanted_mm3: label → volume.
    """
    shape = shape_of(grid.origin_mm + 0.5 * grid.cell_mm * made.places, made.tetrahedra)
    bound = _Bound(made, goals, REACH_CELLS * grid.edge_mm(grid.depth))
    for turn in range(ROUNDS):
        watch.tell(0.8 * turn / ROUNDS, "fitting to the surfaces")
        shape = moved(shape, bound.goal(shape), FLOOR_DEG)
        shape = moved(shape, centred(shape, bound.free, turn % 2 == 1), FLOOR_DEG)
        if turn % DIAGONALS_EVERY == DIAGONALS_EVERY - 1:
            shape = with_better_diagonals(shape, made)
    return _with_volumes(shape, made, wanted_mm3, free=bound.free, watch=watch.part(0.8, 1.0))


def _with_volumes(
    shape: Shape,
    made: Cones,
    wanted_mm3: Mapping[int, float],
    *,
    free: NDArray[np.bool_],
    watch: Watch,
) -> Shape:
    """Return the shape with interfaces offset until labels have their volumes.

    Points that could not go most of their way are left out of the next step: others go farther.
    """
    able = np.ones(len(shape.points), dtype=bool)
    for turn in range(VOLUME_ROUNDS):
        watch.tell(turn / VOLUME_ROUNDS, "restoring volumes")
        found = interfaces_of(shape, made)
        volumes = label_volumes(found)
        if max(abs(volumes[n] / w - 1.0) for n, w in wanted_mm3.items()) < CLOSE:
            break
        floor = LAST_FLOOR_DEG if turn < SAFE_ROUNDS else LOWEST_FLOOR_DEG
        step = offset(found, wanted_mm3, able)
        after = moved(shape, shape.points + step, floor)
        gone = np.linalg.norm(after.points - shape.points, axis=1)
        able = gone >= MOST_OF_THE_WAY * np.linalg.norm(step, axis=1)
        shape = moved(after, centred(after, free, by_volume=False), floor)
        shape = with_better_diagonals(shape, made)
    return shape


def interfaces_of(shape: Shape, made: Cones) -> Interfaces:
    """Return the interfaces of a mesh as it is."""
    chosen = made.regions > made.beyond
    sides = np.stack([made.regions[chosen], made.beyond[chosen]], axis=1)
    return Interfaces(shape.points, shape.cells[chosen][:, [2, 1, 0]], sides)


class _Bound:
    """The points on interfaces: where they belong, and with which they are evened out."""

    def __init__(self, made: Cones, goals: Goals, reach_mm: float) -> None:
        codes, labels = meetings(made.around[:, 0], made.around[:, 1], len(made.places))
        self.free = labels < 2
        self._made, self._goals, self._reach = made, goals, reach_mm
        self._rows = np.flatnonzero(labels >= 2)
        self._labels, self._kinds = labels, goals.kinds_of(codes)

    def goal(self, shape: Shape) -> Floats:
        """Return (n, 3) the points, those on interfaces evened out and brought to the goals."""
        even = self._evened(shape)
        rows = self._rows
        goal = shape.points.copy()
        goal[rows] = self._goals.nearest(
            even[rows], self._kinds[rows], self._labels[rows], self._reach
        )
        return goal

    def _evened(self, shape: Shape) -> Floats:
        """Return points half-way to the mean of their neighbours on the interface or the seam."""
        made, count = self._made, len(shape.points)
        chosen = made.regions > made.beyond
        edges = shape.cells[chosen][:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
        total, weight = np.zeros((count, 3)), np.zeros(count)
        for here, there in (edges.T, edges.T[::-1]):
            seam = (self._labels[here] == 3) & (self._labels[there] >= 3)
            pulled = (self._labels[here] == 2) | seam
            here, there = here[pulled], there[pulled]
            weight += np.bincount(here, minlength=count)
            for axis in range(3):
                total[:, axis] += np.bincount(here, shape.points[there, axis], count)
        there_is = (weight > 0)[:, None]
        mean = total / np.maximum(weight, 1.0)[:, None]
        result: Floats = np.where(
            there_is, shape.points + SMOOTHING * (mean - shape.points), shape.points
        )
        return result
