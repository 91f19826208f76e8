"""Misfits: where the interfaces of a mesh lie too far from those they stand for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from organtwin.meshing.distances import spread
from organtwin.meshing.goals import APART_MM, Goals, pair_codes
from organtwin.meshing.interfaces import Interfaces

Floats = NDArray[np.float64]
MOST_PLACES = 100_000
PERCENTILE = 95.0
WORST_PART = 0.7


def misfits(goals: Goals, found: Interfaces, tolerance_mm: float) -> Floats:
    """Return (n, 3) places where a label's surface is off, of labels too much of which is.

    Both ways, as a Hausdorff distance: from the smooth interfaces to the mesh's and back, each
    between places of the same two labels. A label is looked at when the 95th percentile of its
    distances is more than the tolerance; its places farther than 0.7 of it are returned.
    """
    places, kinds, sides = _samples(found, goals, 0.5 * tolerance_mm)
    there = kinds >= 0
    chosen = _some(np.flatnonzero(goals.labels == 2))
    given, wanted = goals.places[chosen], goals.kind[chosen]
    tree = cKDTree(np.column_stack([places[there], kinds[there] * APART_MM]))
    missing, _ = tree.query(np.column_stack([given, wanted * APART_MM]))
    rows = _some(np.arange(len(places)))
    excess = goals.distance(places[rows], kinds[rows])
    off = np.concatenate([missing, excess])
    at = np.concatenate([given, places[rows]])
    both = np.concatenate([goals.sides[chosen], sides[rows]])
    marked = np.zeros(len(off), dtype=bool)
    for label in np.unique(both):
        if label > 0:
            mine = (both == label).any(axis=1)
            halves = (mine[: len(missing)], mine[len(missing) :])
            parts = (missing[halves[0]], excess[halves[1]])
            worst = max(float(np.percentile(p, PERCENTILE)) for p in parts if len(p))
            if worst > tolerance_mm:
                marked |= mine & (off > WORST_PART * tolerance_mm)
    result: Floats = at[marked]
    return result


def _samples(
    found: Interfaces, goals: Goals, step_mm: float
) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
    """Return places on the triangles with the kind of goal they have and their sides."""
    places, triangle = spread(found.points[found.triangles], step_mm)
    kinds = goals.kinds_of(pair_codes(found.sides))
    return places, kinds[triangle], found.sides[triangle]


def _some(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return at most MOST_PLACES rows, evenly spread."""
    return rows[:: max(1, -(-len(rows) // MOST_PLACES))]
