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
from organtwin.meshing.pieces import (
    Pieces,
    across,
    homes_of,
    matched,
    parts_of,
    wanted_volumes,
)
from organtwin.meshing.relaxing import Shape, centred, moved, shape_of, with_better_diagonals
from organtwin.meshing.volumes import label_volumes, offset, signed_volumes

Floats = NDArray[np.float64]
ROUNDS = 8
DIAGONALS_EVERY = 3
VOLUME_ROUNDS = 20
PART_ROUNDS = 10
SAFE_ROUNDS = 16
MOST_OF_THE_WAY = 0.7
CLOSE = 5e-4
NEAR = 5e-3
WELL = 8e-3
SMALL = 0.1
MOST_OF_SMALL = 0.2
LEAST_OF_LARGE = 0.004
MOST_OF_LARGE = 0.05
MOST_OF_CRUMBS = 0.05
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
    pieces: Pieces,
    spacing_mm: Floats,
    watch: Watch,
) -> Shape:
    """Return the cells with points, in mm along the voxels' axes, where they belong.

    Points on interfaces are evened out and projected; no angle falls below 15° for it. At last
    interfaces are offset until each part has the volume of the pieces of voxels it holds.

    Args:
        pieces: of the voxels.
        spacing_mm: (3,) of the voxels.
    """
    shape = shape_of(grid.origin_mm + 0.5 * grid.cell_mm * made.places, made.tetrahedra)
    parts = _Parts(made, shape, pieces, spacing_mm)
    bound = _Bound(made, goals, REACH_CELLS * grid.edge_mm(grid.depth))
    for turn in range(ROUNDS):
        watch.tell(0.8 * turn / ROUNDS, "fitting to the surfaces")
        shape = moved(shape, bound.goal(shape), FLOOR_DEG)
        shape = moved(shape, centred(shape, bound.free, turn % 2 == 1), FLOOR_DEG)
        if turn % DIAGONALS_EVERY == DIAGONALS_EVERY - 1:
            shape = with_better_diagonals(shape, made)
    return _with_volumes(shape, made, parts, free=bound.free, watch=watch.part(0.8, 1.0))


class _Parts:
    """The parts of a mesh, what is on both sides of their faces, and the volumes wanted in mm³."""

    def __init__(self, made: Cones, shape: Shape, pieces: Pieces, spacing_mm: Floats) -> None:
        part = parts_of(made.tetrahedra, made.regions)
        beyond = across(made.tetrahedra[:, :3], part)
        chosen = made.regions > made.beyond
        self.sides = np.stack([part[chosen], beyond[chosen]], axis=1)
        voxel_mm3 = float(np.prod(spacing_mm))
        middles = shape.points[made.tetrahedra].mean(axis=1)
        volumes = signed_volumes(shape.points, made.tetrahedra) / voxel_mm3
        homes = homes_of(pieces, spacing_mm, middles, made.regions)
        match = matched(pieces, homes, part, volumes)
        wanted = voxel_mm3 * wanted_volumes(match, pieces, part, volumes)
        self._labels = np.zeros(len(wanted), dtype=np.int64)
        self._labels[part] = made.regions
        there = voxel_mm3 * np.bincount(pieces.labels, pieces.voxels, self._labels.max() + 1)
        self._wanted = self._aim = wanted * _made_up(self._labels, wanted, there)[self._labels]

    def aim_mm3(self) -> Mapping[int, float]:
        """Return part → the volume it is offset to."""
        return {number: float(self._aim[number]) for number in range(1, len(self._aim))}

    def share_out(self, volumes: Floats) -> None:
        """Ask parts for what others of their label cannot give; large ones shrink next to nothing.

        Thin parts that no angle lets grow leave a label too small: its others grow for them. Those
        too large are islands beside a body, which is not to shrink for them.
        """
        missing, whole = (
            np.bincount(self._labels, each)[self._labels]
            for each in (self._wanted - volumes, self._wanted)
        )
        small = self._wanted < SMALL * whole
        least, most = (np.where(small, MOST_OF_SMALL, of) for of in (LEAST_OF_LARGE, MOST_OF_LARGE))
        share = missing / np.maximum(whole, 1e-9)
        more = np.clip(self._aim / np.maximum(self._wanted, 1e-9) - 1.0 + share, -least, most)
        self._aim = self._wanted * (1.0 + more)

    def missing(self, volumes: Floats) -> tuple[float, float]:
        """Return how far off labels and parts are, the worst of each, as a share."""
        labels = [np.bincount(self._labels, each)[1:] for each in (volumes, self._wanted)]
        there = labels[1] > 0
        off = np.abs(labels[0] - labels[1])[there] / labels[1][there]
        parts = np.abs(volumes[1:] / self._wanted[1:] - 1.0)
        return float(off.max()), float(parts.max())


def _made_up(labels: NDArray[np.int64], wanted: Floats, there: Floats) -> Floats:
    """Return by how much the parts of each label (l,) grow for the crumbs that none of them holds.

    Crumbs of a twentieth at most, and just as far as the label as a whole comes within `WELL`.
    """
    held = np.bincount(labels, wanted, len(there))
    lost = 1.0 - held / np.maximum(there, 1e-12)
    crumbs = (held > 0) & (lost > WELL) & (lost < MOST_OF_CRUMBS)
    return np.where(crumbs, (1.0 - WELL) * there / np.maximum(held, 1e-12), 1.0)


def _with_volumes(
    shape: Shape, made: Cones, parts: _Parts, *, free: NDArray[np.bool_], watch: Watch
) -> Shape:
    """Return the shape with interfaces offset until parts have their volumes.

    Points that could not go most of their way are left out of the next step: others go farther.
    """
    able = np.ones(len(shape.points), dtype=bool)
    for turn in range(VOLUME_ROUNDS):
        watch.tell(turn / VOLUME_ROUNDS, "restoring volumes")
        faces = interfaces_of(shape, made)
        found = Interfaces(faces.points, faces.triangles, parts.sides)
        volumes = label_volumes(found)
        label, part = parts.missing(volumes)
        if label < CLOSE and (part < NEAR or turn >= PART_ROUNDS):
            break
        if turn >= SAFE_ROUNDS and label < WELL:
            break
        if turn >= PART_ROUNDS:
            parts.share_out(volumes)
        floor = LAST_FLOOR_DEG if turn < SAFE_ROUNDS else LOWEST_FLOOR_DEG
        step = offset(found, parts.aim_mm3(), able)
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
