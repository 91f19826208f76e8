"""Growth at least cost: how dear it is to reach each voxel from the seeds of each name.

A step costs its length times 0.05, more where the image is unlike what the name's seeds show, in a
wall (`walls`; as dear as wholly unlike from 23 times the usual on), and, for a structure, where it
runs through something thinner than the structure is at its seeds, so that a liver does not leave
through the abdominal wall. Least-cost paths are Dijkstra's, as in fast GrowCut (Zhu et al. 2014)
and geodesic segmentation (Criminisi et al. 2008). What costs a structure more than 10 and 0.1 for
each mm between its seeds (twice what such a way costs where all is alike) is nobody's: 10 is 1 mm
of wholly unlike or 10 mm of the thinnest tissue.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from skimage.graph import MCP_Geometric

from organtwin.segmenting.appearance import Appearance
from organtwin.segmenting.field import Field
from organtwin.segmenting.frame import Floats, Spacing
from organtwin.segmenting.marks import Voxels
from organtwin.segmenting.morphology import depth_mm
from organtwin.segmenting.seeds import BACKGROUND

BASE = 0.05
EDGE, EDGE_MOST = 0.5, 10.0
THIN, THIN_SHARE, THICKEST_MM, WALL = 1.0, 0.7, 15.0, 3.0
ALIKE = 1.0
GIVE_UP, GIVE_UP_PER_MM, POINT_MM = 10.0, 0.1, 100.0
FARTHEST = 1e4
TRUST_PLACE, TRUST_VALUE = 5.0, 0.3


def costs_of(field: Field, appearance: Appearance, name: str) -> Floats:
    """Return (ni, nj, nk) float32: the least cost of reaching each voxel from a name's seeds.

    A voxel dearer than what is given up is not looked at (negative, a barrier to MCP_Geometric).
    """
    seeds, spacing_mm = field.marks[name], field.spacing_mm
    unlike = appearance.unlike(name)
    toll = np.float32(BASE) + unlike + np.minimum(np.float32(EDGE) * field.walls, EDGE_MOST)
    if name != BACKGROUND:
        alike = (unlike < ALIKE) & (field.walls < WALL)
        alike[tuple(seeds.T)] = True
        depth = depth_mm(alike, spacing_mm)
        own = THIN_SHARE * float(np.median(depth[tuple(seeds.T)]))
        least = min(THICKEST_MM, max(own, 1.5 * max(spacing_mm)))
        toll += np.float32(THIN) * np.clip(1.0 - depth / np.float32(least), 0.0, 1.0)
    most = FARTHEST if name == BACKGROUND else given_up(seeds, spacing_mm)
    beyond = 0.5 * toll * min(spacing_mm) > most
    beyond[tuple(seeds.T)] = False
    starts = [tuple(int(n) for n in v) for v in seeds]
    paths = MCP_Geometric(np.where(beyond, np.float32(-1), toll), sampling=spacing_mm)
    cost = paths.find_costs(starts)[0]
    return np.where(cost < most, cost, FARTHEST).astype(np.float32)


def given_up(seeds: Voxels, spacing_mm: Spacing) -> float:
    """Cost from which a voxel is no longer a structure's; a point speaks for an organ of 100 mm."""
    extent = float(np.linalg.norm(np.ptp(seeds, axis=0) * np.array(spacing_mm)))
    return GIVE_UP + GIVE_UP_PER_MM * max(extent, POINT_MM)


def shares_of(costs: Mapping[str, Floats], appearance: Appearance) -> dict[str, Floats]:
    """Return how likely each voxel belongs to each name, 0..1, from what it cost and how it looks.

    A logistic of 5 times the cost of the cheapest other less one's own, over their sum, plus 0.3
    times the log of how much likelier the value is; scaled to sum to 1. The costs count for most,
    since values of neighbouring organs overlap.
    """
    found = {}
    for name, own in costs.items():
        rival = np.min([c for n, c in costs.items() if n != name], axis=0)
        lead = (rival - own) / (rival + own + np.float32(1e-6))
        trust = TRUST_PLACE * lead + TRUST_VALUE * appearance.favour(name)
        share = 1.0 / (1.0 + np.exp(-np.clip(trust, -20.0, 20.0)))
        if name != BACKGROUND:
            share[own >= FARTHEST] = 0.0
        found[name] = share.astype(np.float32)
    total = np.sum(list(found.values()), axis=0) + np.float32(1e-6)
    nobody = np.clip(1.0 - total, 0.0, None)
    found[BACKGROUND] = found[BACKGROUND] + nobody.astype(np.float32)
    whole = np.maximum(total, 1.0)
    return {name: (share / whole).astype(np.float32) for name, share in found.items()}
