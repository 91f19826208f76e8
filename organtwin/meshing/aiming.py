"""Aiming: the plan whose mesh has as many tetrahedra as asked for, or no more than are allowed.

Where not all can be had, long edges are lengthened first, then what is thin gets one cell across
instead of two, and pieces of structures are given up last.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from organtwin.core.watch import Watch
from organtwin.meshing.cones import squares, tetrahedra_of
from organtwin.meshing.planning import BLOCK_PER_CELL, Plan, planned
from organtwin.meshing.sizes import Sizes
from organtwin.meshing.solid import Solid
from organtwin.meshing.thickness import ThinVoxels

MOST_SCALES = 8
LARGEST_SCALE = 2.5
NEAR_ENOUGH = 1.06
NEAR = 1.1
FAR_OVER = 2.0
LEAST_PER_LEAF = 12
USUAL_PER_LEAF = 17
KEPT, WITHOUT_VESSELS, GIVEN_UP = 0, 1, 2
WAYS = ((KEPT, 1.0), (KEPT, BLOCK_PER_CELL), (GIVEN_UP, BLOCK_PER_CELL))
"""Whose pieces are held, and how much of a cell's edge has to fit into what is thin."""
COARSENINGS = (
    (1.0, KEPT),
    (2.0, KEPT),
    (1.0, WITHOUT_VESSELS),
    (2.0, WITHOUT_VESSELS),
    (4.0, WITHOUT_VESSELS),
    (4.0, GIVEN_UP),
)
"""How much longer the smallest edge is, and whose pieces are held."""


@dataclass(frozen=True, eq=False)
class _Counted:
    """A plan that holds its pieces, and how many tetrahedra it makes; far more where too many."""

    plan: Plan
    tetrahedra: float


def limited(solid: Solid, sizes: Sizes, most: int) -> Plan:
    """Return the first plan with no more tetrahedra, else the coarsest one tried.

    Edges stay those asked for; the smallest is lengthened, pieces of vessels are given up, then
    all.
    """
    slim = ThinVoxels(solid.regions)
    for coarser, held in COARSENINGS:
        loose = _loose(solid, held)
        plan = planned(solid, sizes, coarser=coarser, loose=loose, thin_voxels=slim)
        found = _counted(plan, solid, most)
        if found.tetrahedra <= most:
            break
    return found.plan


def aimed(solid: Solid, sizes: Sizes, watch: Watch) -> Plan:
    """Return the plan whose mesh has about as many tetrahedra as the sizes ask for.

    Pieces are held where some scale of the edges leaves room for them.
    """
    for turn, (held, fit) in enumerate(WAYS):
        part = watch.part(turn / len(WAYS), (turn + 1) / len(WAYS))
        best, off = _scaled(solid, sizes, part, fit=fit, loose=_loose(solid, held))
        if off <= NEAR:
            break
    return best


def _scaled(
    solid: Solid, sizes: Sizes, watch: Watch, *, fit: float, loose: frozenset[int]
) -> tuple[Plan, float]:
    """Return the plan with the scale of the edges that comes nearest, and by how much it is off.

    Counts fall with the scale about as its power -2.5 (between a surface's and a volume's); a few
    steps by that rule, kept between the nearest scales tried so far. The largest scale comes first
    where pieces are held, and none after it when even that makes too many.
    """
    target = sizes.target_tetrahedra
    scale, low, high = 1.0 if loose else LARGEST_SCALE, 0.0, np.inf
    best: Plan | None = None
    nearest = np.inf
    for turn in range(MOST_SCALES):
        watch.tell(turn / MOST_SCALES, "aiming at the number of tetrahedra")
        plan = planned(solid, sizes, scale=scale, fit=fit, loose=loose)
        found = _counted(plan, solid, FAR_OVER * target)
        ratio = found.tetrahedra / target
        if abs(np.log(ratio)) < nearest or best is None:
            best, nearest = found.plan, abs(np.log(ratio))
        if nearest < np.log(NEAR_ENOUGH) or (not loose and turn == 0 and ratio > NEAR):
            break
        low, high = (scale, high) if ratio > 1.0 else (low, scale)
        scale *= min(ratio, FAR_OVER) ** 0.4
        if not low < scale < high:
            scale = float(np.sqrt(low * high))
    assert best is not None
    return best, float(np.exp(nearest))


def _counted(plan: Plan, solid: Solid, most: float) -> _Counted:
    held = plan.held(solid.pieces, most_leaves=most / LEAST_PER_LEAF)
    leaves = held.octree().labelled_leaves()
    if leaves * LEAST_PER_LEAF > most:
        return _Counted(held, float(leaves * LEAST_PER_LEAF))
    held, tree = held.unpinched(solid, most / USUAL_PER_LEAF)
    return _Counted(held, float(tetrahedra_of(squares(tree), held.grid.shape)))


def _loose(solid: Solid, held: int) -> frozenset[int]:
    """Return the labels whose pieces are not held."""
    if held == KEPT:
        return frozenset()
    kinds = [s for s in solid.structures if held == GIVEN_UP or s.kind == "vessel"]
    return frozenset(s.label for s in kinds)
