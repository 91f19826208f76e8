"""A tetrahedral mesh as a file for solvers and viewers, one format a file, found by its ending.

A format is a file with a constant ``MESH``; it turns a Tagged mesh into Pieces. Lengths are mm and
coordinates LPS in all of them (glTF, whose unit is the metre, says so by a scale).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import BadArgument
from organtwin.core.organmesh import FACES, OrganMesh
from organtwin.core.registry import registered
from organtwin.exporting.files import write_pieces
from organtwin.exporting.material import Piece
from organtwin.exporting.naming import told_apart

OUTSIDE: Final = "outside"
CUT: Final = "cut"
LONGEST: Final = 36
"""Two names and a point between them stay below the 80 characters that Abaqus allows."""
NO_CUT: Final = np.zeros((0, 3), dtype=np.int32)


@dataclass(frozen=True)
class Sheet:
    """A part of the interfaces: triangles that lie between the same two regions.

    Args:
        number: from 1.
        triangles: (f, 3) int32, indices into the mesh's points, normals out of the first region.
        cells: (f,) int64, the tetrahedron of the first region at each triangle.
        sides: (f,) int64, which of its faces (0..3, opposite that corner).
    """

    number: int
    triangles: NDArray[np.int32]
    cells: NDArray[np.int64]
    sides: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Tagged:
    """A mesh whose regions and interfaces have names and numbers.

    Args:
        mesh: all of it is written.
        values: structure name → number of its region in the file; its label where none is given.
        cut: (f, 3) triangles on the outside that a cut made; named apart from the organ's own.
        fields: name → (n,) a number at each point, or (n, k); only VTK files hold them.
        cell_fields: name → (m,) a number in each tetrahedron, or (m, k); only VTK files hold them.
    """

    mesh: OrganMesh
    values: Mapping[str, int] = field(default_factory=dict)
    cut: NDArray[np.int32] = field(default_factory=lambda: NO_CUT)
    fields: Mapping[str, NDArray[np.floating]] = field(default_factory=dict)
    cell_fields: Mapping[str, NDArray[np.floating]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise BadArgument for values that do not tell the regions apart."""
        numbers = list(self.regions_by_name.values())
        if len(set(numbers)) != len(numbers) or min(numbers) < 1:
            raise BadArgument("each region needs a number of its own, from 1", where=str(numbers))

    @cached_property
    def regions_by_name(self) -> dict[str, int]:
        """Name, as written, → number of each region, in the mesh's order of structures."""
        return {
            self.names[s.label]: int(self.values.get(s.name, s.label)) for s in self.mesh.structures
        }

    @cached_property
    def names(self) -> dict[int, str]:
        """Label → name as every format can write it: ASCII, a letter first, unique in any case."""
        labels = {s.name: s.label for s in self.mesh.structures}
        words = told_apart(labels, longest=LONGEST, taken=(OUTSIDE, CUT))
        return {label: words[name] for name, label in labels.items()}

    @cached_property
    def regions(self) -> NDArray[np.int32]:
        """(m,) the number of each tetrahedron's region."""
        numbers = np.zeros(256, dtype=np.int32)
        for structure in self.mesh.structures:
            numbers[structure.label] = self.regions_by_name[self.names[structure.label]]
        return numbers[self.mesh.regions]

    @cached_property
    def sheets(self) -> dict[str, Sheet]:
        """Interfaces by name: "tumour-1.liver", "liver.outside", "liver.cut"."""
        mesh = self.mesh
        triangles, sides = mesh.interfaces()
        cells, faces = _owners(mesh, triangles)
        kinds = np.concatenate([sides, self._cut(triangles)[:, None]], axis=1)
        different, which = np.unique(kinds, axis=0, return_inverse=True)
        order = np.argsort(which, kind="stable")
        ends = np.searchsorted(which[order], np.arange(len(different) + 1))
        found: dict[str, Sheet] = {}
        for number, kind in enumerate(different, start=1):
            one = order[ends[number - 1] : ends[number]]
            beyond = CUT if kind[2] else self.names.get(int(kind[1]), OUTSIDE)
            name = f"{self.names[int(kind[0])]}.{beyond}"
            found[name] = Sheet(number, triangles[one], cells[one], faces[one])
        return found

    def _cut(self, triangles: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return (f,) 1 for the triangles that a cut made."""
        size = len(self.mesh.points)
        made = np.isin(_keys(triangles, size), _keys(self.cut, size))
        result: NDArray[np.int32] = made.astype(np.int32)
        return result

    def shells(self) -> dict[str, tuple[NDArray[np.float64], NDArray[np.int64]]]:
        """Name → points (n, 3) and triangles (f, 3) around each structure with all inside it."""
        found = {}
        for structure in self.mesh.structures:
            used, index = np.unique(self.mesh.surface(structure.name), return_inverse=True)
            name = self.names[structure.label]
            found[name] = (self.mesh.points[used], index.reshape(-1, 3).astype(np.int64))
        return found


@dataclass(frozen=True)
class MeshFile:
    """A format.

    Args:
        name: the ending of its files, ".vtu".
        title: one line for a person.
        pieces: makes the files of a mesh; the first has the name given.
        note: what somebody who opens it elsewhere has to know, "" for nothing.
    """

    name: str
    title: str
    pieces: Callable[[Tagged, str], Iterable[Piece]]
    note: str = ""


def mesh_files() -> Mapping[str, MeshFile]:
    """Return every format by the ending of its files."""
    import organtwin.exporting as package

    return registered(package, "MESH")


def mesh_file(path: Path) -> MeshFile:
    """Return the format that a file's ending asks for; raises BadArgument naming all."""
    found = mesh_files()
    if path.suffix.lower() not in found:
        raise BadArgument(
            f"no format of meshes ends in {path.suffix!r}",
            where=path.name,
            advice="there are: " + ", ".join(found),
        )
    return found[path.suffix.lower()]


def write_mesh(path: Path, tagged: Tagged, *, replace: bool = True) -> tuple[Path, ...]:
    """Write a mesh in the format of the path's ending; returns the files, whole or not there.

    Args:
        replace: files that are there.

    Raises:
        BadArgument: no such format.
        WouldReplace: there is such a file already.
        BadInput: the files cannot be written.
    """
    pieces = mesh_file(path).pieces(tagged, path.name)
    return tuple(written for written, _ in write_pieces(pieces, path.parent, replace=replace))


def _keys(triangles: NDArray[np.integer], points: int) -> NDArray[np.int64]:
    a, b, c = np.sort(triangles, axis=1).astype(np.int64).T
    result: NDArray[np.int64] = (a * points + b) * points + c
    return result


def _owners(
    mesh: OrganMesh, triangles: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the tetrahedron that each triangle is the outward face of, and which of its faces."""
    faces = mesh.tetrahedra[:, FACES].reshape(-1, 3)
    turned = np.argmin(faces, axis=1)
    sized = [_turned(faces, turned), _turned(triangles, np.argmin(triangles, axis=1))]
    size = len(mesh.points)
    known, wanted = ((t[:, 0] * size + t[:, 1]) * size + t[:, 2] for t in sized)
    order = np.argsort(known)
    place = order[np.searchsorted(known[order], wanted)]
    return place // 4, place % 4


def _turned(triangles: NDArray[np.int32], start: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return triangles with their smallest index first and their orientation kept."""
    index = (start[:, None] + np.arange(3)) % 3
    result: NDArray[np.int64] = np.take_along_axis(triangles, index, axis=1).astype(np.int64)
    return result
