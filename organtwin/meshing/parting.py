"""Parting: a mesh whose cells are divided into remnant and specimen, as two meshes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from organtwin.core.cut import Cut
from organtwin.core.errors import BadArgument
from organtwin.core.labelmap import Structure
from organtwin.core.organmesh import OrganMesh, dihedral_angles_deg
from organtwin.meshing.warping import Distance

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Sides:
    """Cells on both sides of a cut.

    Args:
        points: (n, 3) LPS mm.
        cells: (m, 4), indices into points.
        regions: (m,) label of each.
        specimen: (m,) whether it belongs to the specimen.
    """

    points: Floats
    cells: Ints
    regions: NDArray[np.int32]
    specimen: NDArray[np.bool_]

    def faces(self, labels: NDArray[np.integer], *, inner: bool) -> NDArray[np.int32]:
        """Return (f, 3) the faces between cells of different labels (m,), from 1.

        Args:
            inner: only those with cells on both sides, not those on the outside.
        """
        labelled = OrganMesh(self.points, self.cells.astype(np.int32), labels.astype(np.int32), ())
        triangles, sides = labelled.interfaces()
        return triangles[sides[:, 1] > 0] if inner else triangles

    def cut(self) -> NDArray[np.int32]:
        """Return (f, 3) the faces of the cut, normals out of the specimen."""
        return self.faces(self.specimen + 1, inner=True)


def parted(whole: OrganMesh, sides: Sides, surface: Distance | None = None) -> Cut:
    """Return both sides as meshes of their own.

    Args:
        whole: the mesh before.
        surface: what it was cut by, to say how far from it the cut lies.

    Raises:
        BadArgument: one side is empty.
    """
    if sides.specimen.all() or not sides.specimen.any():
        raise BadArgument(
            "one part has no elements: the cut misses the mesh, or is thinner than its elements",
            where="cut",
            advice="move the cut, or mesh with smaller edges",
        )
    faces = sides.cut()
    remnant, remnant_faces = _part(whole, sides, ~sides.specimen, faces[:, ::-1])
    specimen, specimen_faces = _part(whole, sides, sides.specimen, faces)
    angles = np.concatenate([dihedral_angles_deg(p).min(axis=1) for p in (remnant, specimen)])
    on_cut = sides.points[np.unique(faces)]
    return Cut(
        remnant,
        specimen,
        remnant_faces,
        specimen_faces,
        whole_ml=float(whole.volumes_mm3().sum()) / 1000.0,
        min_dihedral_deg=float(angles.min()),
        from_15_deg_percent=100.0 * float((angles >= 15.0).mean()),
        off_mm=float(np.abs(surface(on_cut)).max()) if surface and len(on_cut) else 0.0,
    )


def _part(
    whole: OrganMesh, sides: Sides, mine: NDArray[np.bool_], faces: NDArray[np.int32]
) -> tuple[OrganMesh, NDArray[np.int32]]:
    """Return the mesh of some of the cells with its own points, and faces (f, 3) on these."""
    used, index = np.unique(sides.cells[mine], return_inverse=True)
    place = np.zeros(len(sides.points), dtype=np.int32)
    place[used] = np.arange(len(used))
    found = sides.regions[mine]
    tetrahedra = index.reshape(-1, 4).astype(np.int32)
    part = OrganMesh(sides.points[used], tetrahedra, found, _left(whole, found))
    return part, np.asarray(place[faces], dtype=np.int32)


def _left(mesh: OrganMesh, regions: NDArray[np.int32]) -> tuple[Structure, ...]:
    """Return the structures that have a region left, each within the next one that is left."""
    present = set(np.unique(regions).tolist())
    kept = {s.name: s for s in mesh.structures if s.label in present}
    within = {s.name: s.within for s in mesh.structures}
    found = []
    for structure in kept.values():
        outer = structure.within
        while outer and outer not in kept:
            outer = within.get(outer, "")
        found.append(replace(structure, within=outer))
    return tuple(found)
