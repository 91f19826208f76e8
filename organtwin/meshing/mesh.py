"""Labels to one conforming tetrahedral mesh, step by step."""

from __future__ import annotations

from contextlib import suppress
from itertools import count

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import BadArgument, BadMesh
from organtwin.core.labelmap import LabelMap
from organtwin.core.organmesh import MeshQuality, OrganMesh
from organtwin.core.volume import spacing_of
from organtwin.core.watch import Watch
from organtwin.meshing.aiming import USUAL_PER_LEAF, aimed, limited
from organtwin.meshing.cones import Cones, cones, squares, tetrahedra_of
from organtwin.meshing.delaunay import delaunay_meshes
from organtwin.meshing.goals import Goals
from organtwin.meshing.interfaces import Interfaces
from organtwin.meshing.misfits import misfits
from organtwin.meshing.planning import Plan
from organtwin.meshing.promises import MOST_FROM_15_PERCENT, fits
from organtwin.meshing.quality import checked, quality_of
from organtwin.meshing.relaxing import Shape
from organtwin.meshing.settling import interfaces_of, settled
from organtwin.meshing.sizes import Sizes
from organtwin.meshing.solid import Solid, solid_of
from organtwin.meshing.surfaces import placed, smoothed, surface_nets

DELAUNAY = "label-aware Delaunay"
OCTREE = "octree of coned cells"
TOLERANCE_VOXELS = 0.8
ATTEMPTS = 4
MOST_OVER_TARGET = 1.1
NEAR_TARGET = 0.1
MOST_EVER = 8_000_000
MOST_OF_ORGAN = 80_000
Made = tuple[OrganMesh, MeshQuality]


def mesh_labels(labels: LabelMap, sizes: Sizes, watch: Watch) -> tuple[OrganMesh, MeshQuality]:
    """Return one conforming mesh of all that is labelled, and its figures.

    Regions share faces; all volumes are positive; the same labels and sizes give the same mesh.
    With `Sizes.organ_alone` only the organ with its tumours and vessels is meshed, by Delaunay's
    triangulation when its angles, volumes and distances are as promised (`fits`).

    Raises:
        BadArgument: organ alone, and not exactly one outermost organ; edges so small that the mesh
            would be too large, told before it is made.
        EmptyLabel: a structure has no voxels.
        MisplacedLabel: organ alone, and a tumour lies outside it.
        BadMesh: organ alone, and a region is too small or the organ in too many pieces.
        Stopped: the watch asked to stop.
    """
    watch.tell(0.0, "checking labels")
    sizes = sizes.on(spacing_of(labels.affine))
    solid = solid_of(labels, sizes)
    watch.tell(0.05, "finding surfaces")
    raw = surface_nets(solid.regions, spacing_of(solid.affine))
    smooth = smoothed(raw, solid.regions, np.asarray(spacing_of(solid.affine)))
    found = None
    if sizes.organ_alone and not sizes.target_tetrahedra:
        found = _by_delaunay(solid, smooth, sizes, watch.part(0.2, 0.6))
    if found is None:
        found = _by_octree(solid, smooth, sizes, watch.part(0.2, 0.95))
    watch.tell(1.0, f"{found[1].points} points, {found[1].tetrahedra} tetrahedra")
    return found


def _by_delaunay(solid: Solid, smooth: Interfaces, sizes: Sizes, watch: Watch) -> Made | None:
    """Return the first mesh that fits; None when none does."""
    there = Interfaces(placed(smooth.points, solid.affine), smooth.triangles, smooth.sides)
    if np.linalg.det(solid.affine[:3, :3]) < 0:
        there = Interfaces(there.points, there.triangles[:, ::-1], there.sides)
    for mesh in delaunay_meshes(solid, there, sizes, watch):
        with suppress(BadMesh):
            made = _judged(mesh, solid, DELAUNAY)
            if fits(made[1]):
                return made
    return None


def _by_octree(solid: Solid, smooth: Interfaces, sizes: Sizes, watch: Watch) -> Made:
    watch.tell(0.0, "dividing space")
    target = sizes.target_tetrahedra
    most = MOST_OF_ORGAN if sizes.organ_alone else sizes.most_tetrahedra
    most = int(MOST_OVER_TARGET * target) if target else most
    part = watch.part(0.0, 0.2)
    plan = aimed(solid, sizes, part) if target else limited(solid, sizes, most)
    made, shape = _fitted(solid, plan, Goals(smooth), most=most, watch=watch.part(0.2, 1.0))
    missed = (*_off_target(len(made.regions), target), *plan.coarser())
    return _judged(_mesh(shape, made, solid), solid, OCTREE, missed)


def _off_target(count: int, target: int) -> tuple[str, ...]:
    if not target or abs(count / target - 1.0) <= NEAR_TARGET:
        return ()
    return (f"{count} tetrahedra where about {target} were asked for",)


def _judged(mesh: OrganMesh, solid: Solid, route: str, missed: tuple[str, ...] = ()) -> Made:
    labels = solid.labels()
    mesh = checked(mesh, labels)
    return mesh, quality_of(
        mesh, labels, left_out=solid.left_out, missed=missed, route=route, pieces=solid.pieces
    )


def _fitted(
    solid: Solid, plan: Plan, goals: Goals, *, most: int, watch: Watch
) -> tuple[Cones, Shape]:
    """Return cells fitted to the interfaces, divided again where they could not follow them.

    Not when that makes more than `most` tetrahedra.
    """
    tolerance_mm = TOLERANCE_VOXELS * max(spacing_of(solid.affine))
    for attempt in count():
        part = watch.part(attempt / ATTEMPTS, (attempt + 1) / ATTEMPTS)
        part.tell(0.0, "dividing space")
        plan, tree = plan.held(solid.pieces).unpinched(solid, most / USUAL_PER_LEAF)
        found = squares(tree)
        expected = tetrahedra_of(found, plan.grid.shape)
        if attempt > 0 and expected > most:
            break
        if expected > MOST_EVER:
            raise BadArgument(
                f"the edges asked for make {expected / 1e6:.0f} million tetrahedra; "
                f"{MOST_EVER / 1e6:.0f} million are the most",
                where="Sizes",
                advice="mesh with longer edges, or ask for a number of tetrahedra",
            )
        made = cones(found, plan.grid.shape)
        shape = settled(
            plan.grid, made, goals, pieces=solid.pieces, spacing_mm=plan.spacing_mm, watch=part
        )
        places = misfits(goals, interfaces_of(shape, made), tolerance_mm)
        places = np.concatenate([places, _poor(shape)])
        finer = plan.finer_at(tree, places) if len(places) else None
        if finer is None or attempt == ATTEMPTS - 1:
            break
        plan = finer
    return made, shape


def _poor(shape: Shape) -> NDArray[np.float64]:
    """Return the middles (n, 3) of tetrahedra with angles below 15°; none where these are few."""
    poor = shape.cosines > np.cos(np.radians(15.0))
    few = 1.0 - MOST_FROM_15_PERCENT / 100.0
    rows = np.flatnonzero(poor) if poor.mean() > few else np.zeros(0, dtype=np.int64)
    result: NDArray[np.float64] = shape.points[shape.cells[rows]].mean(axis=1)
    return result


def _mesh(shape: Shape, made: Cones, solid: Solid) -> OrganMesh:
    cells = shape.cells
    if np.linalg.det(solid.affine[:3, :3]) < 0:
        cells = cells[:, [1, 0, 2, 3]]
    return OrganMesh(
        placed(shape.points, solid.affine),
        cells.astype(np.int32),
        made.regions.astype(np.int32),
        solid.structures,
    )
