"""OrganMesh: tetrahedra of an organ, its tumours and vessels, sharing faces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.content import noun, read_only
from organtwin.core.errors import BadArgument, BadMesh
from organtwin.core.labelmap import Structure

FACES = np.array([[1, 2, 3], [0, 3, 2], [0, 1, 3], [0, 2, 1]])
"""The four faces of a tetrahedron, outward when its volume is positive."""


@noun
@dataclass(frozen=True, eq=False)
class OrganMesh:
    """One conforming tetrahedral mesh.

    Args:
        points: (n, 3) float64, LPS mm.
        tetrahedra: (m, 4) int32, indices into points, positive volume.
        regions: (m,) int32, the `Structure.label` each tetrahedron belongs to.
        structures: the regions' structures; the outermost is the organ.
    """

    points: NDArray[np.float64]
    tetrahedra: NDArray[np.int32]
    regions: NDArray[np.int32]
    structures: tuple[Structure, ...]

    def __post_init__(self) -> None:
        """Freeze the arrays; raise BadMesh for indices out of range or inverted tetrahedra."""
        object.__setattr__(self, "points", read_only(self.points, np.float64))
        object.__setattr__(self, "tetrahedra", read_only(self.tetrahedra, np.int32))
        object.__setattr__(self, "regions", read_only(self.regions, np.int32))
        if len(self.tetrahedra) == 0 or len(self.regions) != len(self.tetrahedra):
            raise BadMesh("a mesh needs tetrahedra, each with a region")
        if self.tetrahedra.min() < 0 or self.tetrahedra.max() >= len(self.points):
            raise BadMesh("a tetrahedron names a point that is not there")
        if not (self.volumes_mm3() > 0).all():
            raise BadMesh("a tetrahedron is flat or turned inside out")

    def structure(self, name: str) -> Structure:
        """Return the structure of that name; raises BadArgument when there is none."""
        for structure in self.structures:
            if structure.name == name:
                return structure
        raise BadArgument(
            f"no region {name!r}",
            advice="there are: " + ", ".join(s.name for s in self.structures),
        )

    def volumes_mm3(self) -> NDArray[np.float64]:
        """Return (m,) the volume of each tetrahedron in mm³."""
        a, b, c, d = (self.points[self.tetrahedra[:, i]] for i in range(4))
        result: NDArray[np.float64] = np.einsum("ij,ij->i", np.cross(b - a, c - a), d - a) / 6.0
        return result

    def volume_ml(self, name: str) -> float:
        """Volume in mL of one region with the regions inside it."""
        return (
            float(self.volumes_mm3()[np.isin(self.regions, self.labels_inside(name))].sum())
            / 1000.0
        )

    def surface(self, name: str) -> NDArray[np.int32]:
        """Return (f, 3) int32: the outward triangles around a region with all inside it."""
        cells = self.tetrahedra[np.isin(self.regions, self.labels_inside(name))]
        faces = cells[:, FACES].reshape(-1, 3)
        a, b, c = np.sort(faces, axis=1).astype(np.int64).T
        keys = (a * len(self.points) + b) * len(self.points) + c
        _, first, count = np.unique(keys, return_index=True, return_counts=True)
        result: NDArray[np.int32] = faces[first[count == 1]]
        return result

    def interfaces(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return all faces between different regions, and on the outside, once each.

        Returns:
            (f, 3) int32 triangles, indices into points, and (f, 2) int32 the labels on both sides:
            the normal points from side 0, the larger label, to side 1, which is 0 outside.
        """
        faces = self.tetrahedra[:, FACES].reshape(-1, 3)
        owner = np.repeat(self.regions, 4)
        order = np.sort(faces, axis=1).astype(np.int64)
        keys = (order[:, 0] * len(self.points) + order[:, 1]) * len(self.points) + order[:, 2]
        place = np.argsort(keys, kind="stable")
        shared = np.flatnonzero(keys[place[:-1]] == keys[place[1:]])
        first, second = place[shared], place[shared + 1]
        beyond = np.zeros(len(faces), dtype=np.int32)
        beyond[first], beyond[second] = owner[second], owner[first]
        chosen = owner > beyond
        return faces[chosen], np.stack([owner[chosen], beyond[chosen]], axis=1)

    def labels_inside(self, name: str) -> list[int]:
        """Return the labels of a region and of the regions inside it."""
        found = [self.structure(name)]
        for structure in found:
            found += [s for s in self.structures if s.within == structure.name]
        return [s.label for s in found]


@noun
@dataclass(frozen=True)
class RegionFigures:
    """How well a mesh holds one structure, with everything inside it.

    Args:
        name: of the structure.
        voxels_ml: volume of its voxels in mL.
        mesh_ml: volume of its tetrahedra in mL.
        error_percent: by how much the mesh is larger than the voxels.
        hausdorff95_mm: between its surface in the mesh and the boundary of its voxels, the larger
            of both directions' 95th percentiles.
        hausdorff95_voxels: the same over the longest side of a voxel (1).
        mean_distance_mm: mean distance of its surface from the boundary of its voxels.
        pieces: parts of the mesh connected by faces.
        watertight: whether its surface is closed and a manifold: each edge has two triangles.
        pinches: edges and points where its surface merely touches itself.
        edge_median_mm: median edge of its tetrahedra.
        voxel_pieces: its voxels' pieces connected by faces.
        worst_piece_percent: the largest error in volume of any of these.
        voxels_touch: whether its voxels' surface touches itself as well (looked at if pinched).
        farthest_mm: LPS mm, the place where its surface is farthest from that of its voxels.
        pinch_mm: LPS mm, the first place where its surface touches itself; () for none.
    """

    name: str
    voxels_ml: float
    mesh_ml: float
    error_percent: float
    hausdorff95_mm: float
    hausdorff95_voxels: float
    mean_distance_mm: float
    pieces: int
    watertight: bool
    pinches: int
    edge_median_mm: float = 0.0
    voxel_pieces: int = 0
    worst_piece_percent: float = 0.0
    voxels_touch: bool = False
    farthest_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    pinch_mm: tuple[float, ...] = ()


@noun
@dataclass(frozen=True)
class WorstElement:
    """One of the tetrahedra of poorest shape: its index, where it is (LPS mm), in what region."""

    tetrahedron: int
    min_dihedral_deg: float
    place_mm: tuple[float, float, float]
    structure: str


TOO_SMALL: Final = "pieces too small for the edges"
"""Why something was left out although it was to be meshed: of a RegionFigures' voxels."""
MOSTLY: Final = 0.99


@noun
@dataclass(frozen=True)
class LeftOut:
    """What a setting or the resolution kept out of a mesh: of which structure, mL, and why."""

    name: str
    volume_ml: float
    reason: str


@noun
@dataclass(frozen=True)
class MeshQuality:
    """Figures of one mesh: angles in degrees, edges in mm, volume error against the labels in %.

    Args:
        volume_error_percent: (structure, %) as in `regions`; of vessels against what is meshed.
        from_15_deg_percent: of the tetrahedra have no dihedral angle below 15°; None for a mesh
            made before this was recorded.
        histogram: tetrahedra by their smallest dihedral angle, in steps of 5° from 0 to 75°.
        worst: the poorest tetrahedra, poorest first.
        regions: figures of each structure.
        left_out: what is not a region of the mesh although it is labelled.
        route: how the mesh was made.
        missed: a sentence for each promise that is not kept, with the structure and the place.
    """

    points: int
    tetrahedra: int
    min_dihedral_deg: float
    below_10_deg_percent: float
    edge_median_mm: float
    volume_error_percent: tuple[tuple[str, float], ...]
    from_15_deg_percent: float | None = None
    histogram: tuple[int, ...] = ()
    worst: tuple[WorstElement, ...] = ()
    regions: tuple[RegionFigures, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    route: str = ""
    missed: tuple[str, ...] = ()

    def labelled_ml(self, name: str) -> float:
        """Return mL of a structure's label: what was to be meshed of it, and what was left out."""
        meshed = sum(one.voxels_ml for one in self.regions if one.name == name)
        left = (one for one in self.left_out if one.name == name)
        return meshed + sum(one.volume_ml for one in left if not one.reason.startswith(TOO_SMALL))

    def share_meshed(self, name: str) -> str:
        """Return "8.0 of 22.5 mL" where much of a label was not meshed, "" elsewhere."""
        told = {one.name: one.voxels_ml for one in self.regions}
        whole_ml = self.labelled_ml(name)
        if name not in told or told[name] >= MOSTLY * whole_ml:
            return ""
        return f"{told[name]:.1f} of {whole_ml:.1f} mL"


def dihedral_angles_deg(mesh: OrganMesh) -> NDArray[np.float64]:
    """Return (m, 6): the dihedral angles of each tetrahedron in degrees."""
    corners = mesh.points[mesh.tetrahedra]
    normals = np.stack(
        [_normal(corners[:, face[0]], corners[:, face[1]], corners[:, face[2]]) for face in FACES],
        axis=1,
    )
    pairs = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    cosines = np.stack([np.einsum("ij,ij->i", normals[:, a], normals[:, b]) for a, b in pairs], 1)
    result: NDArray[np.float64] = np.degrees(np.pi - np.arccos(np.clip(cosines, -1.0, 1.0)))
    return result


def _normal(a: NDArray[Any], b: NDArray[Any], c: NDArray[Any]) -> NDArray[Any]:
    normal = np.cross(b - a, c - a)
    result: NDArray[Any] = normal / np.linalg.norm(normal, axis=1, keepdims=True)
    return result
