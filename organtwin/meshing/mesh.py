"""Labels to one conforming tetrahedral mesh, step by step."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from organtwin.core.errors import BadMesh
from organtwin.core.labelmap import LabelMap
from organtwin.core.organmesh import MeshQuality, OrganMesh
from organtwin.core.volume import spacing_of
from organtwin.core.watch import Watch
from organtwin.meshing.fitting import fitted
from organtwin.meshing.interfaces import Interfaces
from organtwin.meshing.lattice import lattice_points
from organtwin.meshing.polish import polished
from organtwin.meshing.quality import checked, quality_of
from organtwin.meshing.repair import repaired
from organtwin.meshing.sampling import samples, size_field
from organtwin.meshing.sizes import Sizes
from organtwin.meshing.solid import Solid, solid_of
from organtwin.meshing.surfaces import smoothed, surface_nets
from organtwin.meshing.tetrahedra import labelled_delaunay, region_at

GOOD_DIHEDRAL_DEG = 8.0
ATTEMPTS_FROM = (0.2, 0.75, 0.85, 0.95)


def mesh_labels(labels: LabelMap, sizes: Sizes, watch: Watch) -> tuple[OrganMesh, MeshQuality]:
    """Return one conforming mesh of the organ with its tumours and wide vessels, and its figures.

    Regions share faces; the shell of each structure is a closed 2-manifold; all volumes are
    positive; the same labels and sizes give the same mesh. Where the worst dihedral angle stays
    below 8° new random points are drawn, twice at most, and the best mesh is returned.
    Structures of kind "other" and outside the organ are left out; vessels are regions
    where a ball of `Sizes.vessel_radius_mm` fits.

    Raises:
        BadArgument: not exactly one outermost organ.
        EmptyLabel: a structure of the organ has no voxels.
        MisplacedLabel: a tumour lies outside the organ.
        BadMesh: a region is too small or in too many pieces to be meshed.
        Stopped: the watch asked to stop.
    """
    watch.tell(0.0, "checking labels")
    solid = solid_of(labels, sizes)
    watch.tell(0.1, "finding surfaces")
    interfaces = smooth_interfaces(solid)
    meshed = LabelMap(solid.regions, solid.affine, solid.structures)
    best: tuple[OrganMesh, MeshQuality] | None = None
    failure: BadMesh | None = None
    for attempt, (start, end) in enumerate(pairwise(ATTEMPTS_FROM)):
        try:
            rng = np.random.default_rng([sizes.seed, attempt])
            mesh = _mesh(solid, interfaces, sizes, rng=rng, watch=watch.part(start, end))
        except BadMesh as error:
            failure = error
            continue
        quality = quality_of(mesh, meshed)
        if best is None or quality.min_dihedral_deg > best[1].min_dihedral_deg:
            best = mesh, quality
        if best[1].min_dihedral_deg >= GOOD_DIHEDRAL_DEG:
            break
    if best is None:
        raise failure or BadMesh("no mesh was made", where="mesh")
    watch.tell(1.0, f"{best[1].points} points, {best[1].tetrahedra} tetrahedra")
    return best


def smooth_interfaces(solid: Solid) -> Interfaces:
    """Return the smooth interfaces of a solid, each structure with its volume."""
    raw = surface_nets(solid.regions, solid.affine)
    points = smoothed(raw, spacing_of(solid.affine), solid.targets_mm3)
    return Interfaces(points, raw.triangles, raw.sides)


def _mesh(
    solid: Solid,
    interfaces: Interfaces,
    sizes: Sizes,
    *,
    rng: np.random.Generator,
    watch: Watch,
) -> OrganMesh:
    """Return a checked mesh from one draw of random points."""
    watch.tell(0.0, "sampling surfaces")
    field = size_field(interfaces, solid.structures, sizes, rng)
    on_surface, dense = samples(interfaces, field, rng)
    watch.tell(0.4, "filling the inside")
    inner = lattice_points(dense.points, field, sizes.organ_edge_mm, rng)
    inner = inner[region_at(inner, solid, dense) > 0]
    watch.tell(0.5, "triangulating")
    cells = labelled_delaunay(on_surface, inner, solid, dense)
    watch.tell(0.6, "repairing")
    cells = repaired(cells, solid.structures)
    watch.tell(0.65, "polishing tetrahedra")
    found = polished(fitted(cells, dense, solid.targets_mm3), field)
    watch.tell(0.95, "checking the mesh")
    tetrahedra, regions = found.cells.astype(np.int32), found.regions.astype(np.int32)
    return checked(OrganMesh(found.points, tetrahedra, regions, solid.structures))
