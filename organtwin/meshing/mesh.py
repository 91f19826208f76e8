"""Labels to one conforming tetrahedral mesh, step by step."""

from __future__ import annotations

import numpy as np

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
from organtwin.meshing.sizes import SizeField, Sizes
from organtwin.meshing.solid import Solid, solid_of
from organtwin.meshing.surfaces import smoothed, surface_nets
from organtwin.meshing.tetrahedra import Cells, Tetrahedra, labelled_delaunay, region_at


def mesh_labels(labels: LabelMap, sizes: Sizes, watch: Watch) -> tuple[OrganMesh, MeshQuality]:
    """Return one conforming mesh of the organ with its tumours and wide vessels, and its figures.

    Regions share faces; the shell of each structure is a closed 2-manifold; all volumes are
    positive; the same labels and sizes give the same mesh. Structures of kind "other" and outside
    the organ are left out; vessels are regions where a ball of `Sizes.vessel_radius_mm` fits.

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
    watch.tell(0.25, "sampling surfaces")
    rng = np.random.default_rng(sizes.seed)
    field = size_field(interfaces, solid.structures, sizes, rng)
    cells = _cells(solid, interfaces, field, sizes, rng, watch)
    watch.tell(0.7, "polishing tetrahedra")
    mesh = _organ_mesh(polished(fitted(cells, solid.targets_mm3), field), solid)
    watch.tell(0.95, "checking the mesh")
    quality = quality_of(checked(mesh), labels, solid.vessels_ml())
    watch.tell(1.0, f"{quality.points} points, {quality.tetrahedra} tetrahedra")
    return mesh, quality


def smooth_interfaces(solid: Solid) -> Interfaces:
    """Return the smooth interfaces of a solid, each structure with its volume."""
    raw = surface_nets(solid.regions, solid.affine)
    points = smoothed(raw, spacing_of(solid.affine), solid.targets_mm3)
    return Interfaces(points, raw.triangles, raw.sides)


def _cells(
    solid: Solid,
    interfaces: Interfaces,
    field: SizeField,
    sizes: Sizes,
    rng: np.random.Generator,
    watch: Watch,
) -> Cells:
    on_surface, dense = samples(interfaces, field, rng)
    watch.tell(0.45, "filling the inside")
    inner = lattice_points(dense.points, field, sizes.organ_edge_mm, rng)
    inner = inner[region_at(inner, solid, dense) > 0]
    watch.tell(0.55, "triangulating")
    cells = labelled_delaunay(np.concatenate([on_surface, inner]), solid, dense)
    watch.tell(0.65, "repairing")
    return repaired(cells, solid.structures)


def _organ_mesh(tetrahedra: Tetrahedra, solid: Solid) -> OrganMesh:
    return OrganMesh(
        tetrahedra.points,
        tetrahedra.cells.astype(np.int32),
        tetrahedra.regions.astype(np.int32),
        solid.structures,
    )
