"""What a mesh is worth: checks it must pass, and its figures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import BadMesh
from organtwin.core.labelmap import LabelMap
from organtwin.core.organmesh import MeshQuality, OrganMesh, dihedral_angles_deg
from organtwin.meshing.repair import shell_defects

FEWEST_CELLS = 8


def checked(mesh: OrganMesh) -> OrganMesh:
    """Return the mesh if a solver can trust it.

    Raises:
        BadMesh: a region has fewer than 8 cells; the shell of a structure is not a closed
            2-manifold; a point belongs to no tetrahedron.
    """
    cells = np.bincount(mesh.regions, minlength=256)
    for structure in mesh.structures:
        count = int(cells[structure.label])
        if count < FEWEST_CELLS:
            raise BadMesh(
                f"the region {structure.name} has {count} cell{'' if count == 1 else 's'}; "
                f"{FEWEST_CELLS} is the least a solver can trust",
                where="mesh",
                advice=f"mesh with smaller edges, or remove {structure.name} from the labels",
            )
        shell = np.asarray(mesh.surface(structure.name), dtype=np.int64)
        edges, points = shell_defects(shell, len(mesh.points))
        if len(edges) or len(points):
            raise BadMesh(
                f"the surface of {structure.name} is pinched at {len(edges)} edges and "
                f"{len(points)} points",
                where="mesh",
                advice="smooth the labels, or mesh with smaller edges",
            )
    if len(np.unique(mesh.tetrahedra)) != len(mesh.points):
        raise BadMesh("a point belongs to no tetrahedron", where="mesh")
    return mesh


def quality_of(
    mesh: OrganMesh, labels: LabelMap, vessels_ml: dict[str, float] | None = None
) -> MeshQuality:
    """Return the figures of a mesh.

    Args:
        labels: what it was made from; volumes are compared with these voxels.
        vessels_ml: vessel → mL of the part that was wide enough to be meshed; a vessel's volume is
            compared with this, not with the whole vessel.
    """
    angles = dihedral_angles_deg(mesh).min(axis=1)
    errors = []
    for structure in mesh.structures:
        wanted = (vessels_ml or {}).get(structure.name, labels.volume_ml(structure.name))
        errors.append((structure.name, 100.0 * (mesh.volume_ml(structure.name) / wanted - 1.0)))
    return MeshQuality(
        points=len(mesh.points),
        tetrahedra=len(mesh.tetrahedra),
        min_dihedral_deg=float(angles.min()),
        below_10_deg_percent=100.0 * float((angles < 10.0).mean()),
        edge_median_mm=float(np.median(edge_lengths_mm(mesh))),
        volume_error_percent=tuple(errors),
    )


def edge_lengths_mm(mesh: OrganMesh) -> NDArray[np.float64]:
    """Return (e,) the length in mm of each edge."""
    pairs = mesh.tetrahedra[:, [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]].reshape(-1, 2)
    edges = np.unique(np.sort(pairs, axis=1), axis=0)
    result: NDArray[np.float64] = np.linalg.norm(
        mesh.points[edges[:, 0]] - mesh.points[edges[:, 1]], axis=1
    )
    return result
