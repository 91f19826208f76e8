"""OrganMesh: tetrahedra of an organ, its tumours and vessels, sharing faces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
        return float(self.volumes_mm3()[np.isin(self.regions, self._labels(name))].sum()) / 1000.0

    def surface(self, name: str) -> NDArray[np.int32]:
        """Return (f, 3) int32: the outward triangles around a region with all inside it."""
        cells = self.tetrahedra[np.isin(self.regions, self._labels(name))]
        faces = cells[:, FACES].reshape(-1, 3)
        _, first, count = np.unique(
            np.sort(faces, axis=1), axis=0, return_index=True, return_counts=True
        )
        result: NDArray[np.int32] = faces[first[count == 1]]
        return result

    def _labels(self, name: str) -> list[int]:
        found = [self.structure(name)]
        for structure in found:
            found += [s for s in self.structures if s.within == structure.name]
        return [s.label for s in found]


@noun
@dataclass(frozen=True)
class MeshQuality:
    """Figures of one mesh: angles in degrees, edges in mm, volume error against the labels in %."""

    points: int
    tetrahedra: int
    min_dihedral_deg: float
    below_10_deg_percent: float
    edge_median_mm: float
    volume_error_percent: tuple[tuple[str, float], ...]


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
