"""Climbing: points of the worst tetrahedra moved to where the worst angle is better."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from organtwin.meshing.angles import worst_cosine

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
DIRECTIONS = np.array(
    [[x, y, z] for x in (-1.0, 0.0, 1.0) for y in (-1.0, 0.0, 1.0) for z in (-1.0, 0.0, 1.0)
     if (x, y, z) != (0.0, 0.0, 0.0)]
)  # fmt: skip
STEPS = (0.3, 0.1, 0.03)
LEAST_GAIN = 1e-4


def climbed(
    points: Floats,
    cells: Ints,
    allowed: Floats,
    settle: Callable[[Floats, Ints], Floats],
    *,
    until_deg: float,
    rounds: int,
) -> Floats:
    """Return points moved until no tetrahedron has an angle below `until_deg`, or rounds are over.

    A point moves only to where the smallest angle around it is larger than before.

    Args:
        points: (n, 3) mm.
        cells: (m, 4) with positive volumes.
        allowed: (n, 3, 3) projections onto the directions that each point may move along.
        settle: puts points (k, 3), moved from those of these indices (k,), back to where they must
            lie.
    """
    points = points.copy()
    cosines = worst_cosine(points, cells)
    limit = np.cos(np.radians(until_deg))
    stars = _Stars(cells, len(points))
    for turn in range(rounds):
        bad = np.flatnonzero(cosines > limit)
        if len(bad) == 0:
            break
        for chosen in _apart(cells, bad, cosines, len(points)):
            _move(points, stars, chosen, allowed, settle=settle, step=STEPS[turn % len(STEPS)])
        touched = np.unique(cells[bad])
        around = np.unique(stars.around(touched)[1])
        cosines[around] = worst_cosine(points, cells[around])
    return points


class _Stars:
    """The tetrahedra around each point."""

    def __init__(self, cells: Ints, points: int) -> None:
        flat = cells.ravel()
        order = np.argsort(flat, kind="stable")
        self.cells = cells
        self._members = order // 4
        self._starts = np.searchsorted(flat[order], np.arange(points + 1))

    def around(self, chosen: Ints) -> tuple[Ints, Ints]:
        """Return for points (k,): (…,) which of them, and (…,) a tetrahedron around it."""
        counts = self._starts[chosen + 1] - self._starts[chosen]
        owner = np.repeat(np.arange(len(chosen)), counts)
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return owner, self._members[self._starts[chosen][owner] + within]


def _apart(cells: Ints, bad: Ints, cosines: Floats, count: int) -> list[Ints]:
    """Return groups of the points of bad tetrahedra; those of a group share no tetrahedron."""
    worst = np.full(count, -2.0)
    np.maximum.at(worst, cells[bad].ravel(), np.repeat(cosines[bad], 4))
    pending = np.flatnonzero(worst > -2.0)
    pending = pending[np.argsort(-worst[pending], kind="stable")]
    near = cells[np.isin(cells, pending).any(axis=1)]
    rank = np.full(count, count)
    groups = []
    while len(pending):
        rank[:] = count
        rank[pending] = np.arange(len(pending))
        least = rank[near].min(axis=1)
        beaten = np.zeros(count, dtype=bool)
        beaten[near[rank[near] > least[:, None]]] = True
        groups.append(pending[~beaten[pending]])
        pending = pending[beaten[pending]]
    return groups


def _move(
    points: Floats,
    stars: _Stars,
    chosen: Ints,
    allowed: Floats,
    *,
    settle: Callable[[Floats, Ints], Floats],
    step: float,
) -> None:
    """Move points that share no tetrahedron, each to the best of some places, in place."""
    owner, around = stars.around(chosen)
    star = stars.cells[around]
    before = points[chosen]
    reach = np.full(len(chosen), np.inf)
    others = np.linalg.norm(points[star] - before[owner][:, None], axis=2)
    others[star == chosen[owner][:, None]] = np.inf
    np.minimum.at(reach, owner, others.min(axis=1))
    best = np.full(len(chosen), -2.0)
    np.maximum.at(best, owner, worst_cosine(points, star))
    kept = before.copy()
    for direction in DIRECTIONS:
        along = allowed[chosen] @ (direction / np.linalg.norm(direction))
        places = settle(before + step * reach[:, None] * along, chosen)
        points[chosen] = places
        found = np.full(len(chosen), -2.0)
        np.maximum.at(found, owner, worst_cosine(points, star))
        better = found < best - LEAST_GAIN
        best[better], kept[better] = found[better], places[better]
    points[chosen] = kept
