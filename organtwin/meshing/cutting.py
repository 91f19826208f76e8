"""Cutting: a mesh divided by a surface into remnant and specimen, in place.

Points near the surface go onto it (`warping`), edges that it still crosses are split there
(`splitting`, after the idea of isosurface stuffing, Labelle & Shewchuk 2007), and points around
the poorest tetrahedra are moved until their angles are better (`climbing`). Elements away from
the cut stay as they are; both parts share the faces of the cut, point by point.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from organtwin.core.cut import Cut
from organtwin.core.errors import BadArgument, BadMesh
from organtwin.core.organmesh import OrganMesh
from organtwin.core.watch import Watch
from organtwin.meshing.easing import eased
from organtwin.meshing.knives import finite
from organtwin.meshing.parting import Sides, parted
from organtwin.meshing.remarks import remarked
from organtwin.meshing.splitting import edges_of, split
from organtwin.meshing.touching import untouching
from organtwin.meshing.warping import Distance, Slack, freedom, warped

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
ATTEMPTS = (Slack(0.08, 0.3), Slack(0.08, 0.4), Slack(0.2, 0.5), Slack(0.4, 0.5))
BISECTIONS = 40


def cut(mesh: OrganMesh, surface: Distance, watch: Watch) -> Cut:
    """Divide a mesh by a surface; regions stay, a cut tumour is in both parts.

    Where a promise of quality is not kept (see `Cut.keeps_promises`) the cut is made again with
    points farther from the surface taken as on it, and the best is returned.

    Args:
        surface: signed distance in mm of points (n, 3) LPS mm, negative in the specimen, continuous
            (see `knives`); any function with such a sign and a slope of about one near zero will
            do.

    Raises:
        BadArgument: the surface leaves everything on one side, or has no finite distance somewhere.
        BadMesh: an element would be inverted, or the surface of a part touch itself; says where.
        Stopped: the watch asked to stop.
    """
    watch.tell(0.0, "finding the cut")
    surface = finite(surface)
    values = surface(mesh.points)
    if not ((values < 0).any() and (values > 0).any()):
        raise BadArgument("the cut leaves all of the mesh on one side", where="cut")
    allowed = freedom(mesh.points, mesh.interfaces()[0])
    made: list[Cut] = []
    refused: BadArgument | BadMesh | None = None
    for number, slack in enumerate(ATTEMPTS):
        part = watch.part(0.05 + 0.2 * number, 0.25 + 0.2 * number)
        try:
            made.append(_cut(mesh, surface, allowed, part, slack=slack))
        except (BadArgument, BadMesh) as error:
            refused = refused or error
            continue
        if made[-1].keeps_promises:
            break
    if refused and not made:
        raise refused
    best = max(made, key=lambda found: (found.keeps_promises, found.min_dihedral_deg))
    watch.tell(1.0, f"smallest angle {best.min_dihedral_deg:.1f}°")
    return best


def _cut(mesh: OrganMesh, surface: Distance, allowed: Floats, watch: Watch, *, slack: Slack) -> Cut:
    watch.tell(0.0, "moving points to the cut")
    cells = mesh.tetrahedra.astype(np.int64)
    found = warped(mesh.points.copy(), cells, surface, allowed, slack=slack)
    watch.tell(0.3, "splitting tetrahedra")
    points, cells, parent = _divided(found.points, cells, found.values, surface)
    values = np.concatenate([found.values, np.zeros(len(points) - len(found.values))])
    sides = Sides(points, cells, mesh.regions[parent], _beyond(points, cells, values, surface))
    sides = replace(sides, specimen=untouching(sides, mesh))
    watch.tell(0.5, "improving angles")
    sides = replace(sides, points=eased(sides, surface))
    watch.tell(0.95, "parting")
    return remarked(parted(mesh, sides, surface), sides, mesh)


def cut_regions(mesh: OrganMesh, names: Sequence[str]) -> Cut:
    """Divide a mesh along its own interfaces: the specimen is the regions named, with all inside.

    Raises:
        BadArgument: no such region, or all of them.
    """
    labels = [label for name in names for label in mesh.labels_inside(name)]
    cells = mesh.tetrahedra.astype(np.int64)
    sides = Sides(mesh.points, cells, mesh.regions, np.isin(mesh.regions, labels))
    return remarked(parted(mesh, sides), sides, mesh)


def _divided(
    points: Floats, cells: Ints, values: Floats, surface: Distance
) -> tuple[Floats, Ints, Ints]:
    """Return points, cells and their parents after all edges are split that are crossed."""
    edges, _ = edges_of(cells, len(points))
    crossed = edges[values[edges[:, 0]] * values[edges[:, 1]] < 0.0]
    return split(points, cells, crossed, _roots(points, crossed, values, surface))


def _roots(points: Floats, edges: Ints, values: Floats, surface: Distance) -> Floats:
    """Return (k, 3) where the surface crosses edges: regula falsi (Illinois), to 1 µm."""
    start, end = points[edges[:, 0]], points[edges[:, 1]]
    low, high = np.zeros(len(edges)), np.ones(len(edges))
    at_low, at_high = values[edges[:, 0]].copy(), values[edges[:, 1]].copy()
    share = np.zeros(len(edges))
    for _ in range(BISECTIONS):
        share = (low * at_high - high * at_low) / (at_high - at_low)
        value = surface(start + share[:, None] * (end - start))
        if np.abs(value).max(initial=0.0) < 1e-3 * 1e-3:
            break
        left = value * at_low > 0
        at_high = np.where(left, at_high * 0.5, value)
        at_low = np.where(left, value, at_low * 0.5)
        low, high = np.where(left, share, low), np.where(left, high, share)
    share = np.clip(share, 0.05, 0.95)
    result: Floats = start + share[:, None] * (end - start)
    return result


def _beyond(points: Floats, cells: Ints, values: Floats, surface: Distance) -> NDArray[np.bool_]:
    """Return (m,) which tetrahedra belong to the specimen."""
    side = np.sign(values)[cells].sum(axis=1)
    flat = np.flatnonzero(side == 0)
    side[flat] = np.sign(surface(points[cells[flat]].mean(axis=1)))
    result: NDArray[np.bool_] = side < 0
    return result
