"""Meshes as an Abaqus input file (.inp): nodes, C3D4 elements in sets, surfaces and node sets.

After the keyword reference of Abaqus (*NODE, *ELEMENT, *SURFACE, *NSET); CalculiX reads the same.
The faces of C3D4 are S1 1-2-3, S2 1-4-2, S3 2-4-3, S4 3-4-1. No materials and no steps: they are
for the person who solves to write.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from organtwin import __version__
from organtwin.exporting.header import RESEARCH_USE
from organtwin.exporting.material import Piece
from organtwin.exporting.meshes import MeshFile, Tagged

FACE: Final = np.array([3, 4, 2, 1])
"""Abaqus's number of the face opposite each corner: opposite corner 0 lie corners 2, 3, 4: S3."""
A_LINE: Final = 8


def pieces(tagged: Tagged, name: str) -> Iterator[Piece]:
    """Yield the one file."""
    mesh = tagged.mesh
    lines = [
        "*HEADING",
        f"OrganTwin {__version__}; LPS, mm; {RESEARCH_USE}",
        *(f"** region {name}: {number}" for name, number in tagged.regions_by_name.items()),
        "*NODE, NSET=all",
        *(f"{n}, {x!r}, {y!r}, {z!r}" for n, (x, y, z) in enumerate(mesh.points.tolist(), 1)),
    ]
    for word, number in tagged.regions_by_name.items():
        lines.append(f"*ELEMENT, TYPE=C3D4, ELSET={word}")
        chosen = np.flatnonzero(tagged.regions == number)
        rows = np.column_stack([chosen + 1, mesh.tetrahedra[chosen] + 1]).tolist()
        lines += [", ".join(map(str, row)) for row in rows]
    for word, sheet in tagged.sheets.items():
        lines.append(f"*SURFACE, TYPE=ELEMENT, NAME={_word(word)}")
        rows = zip((sheet.cells + 1).tolist(), FACE[sheet.sides].tolist(), strict=True)
        lines += [f"{cell}, S{face}" for cell, face in rows]
        lines.append(f"*NSET, NSET={_word(word)}")
        nodes = (np.unique(sheet.triangles) + 1).tolist()
        lines += [
            ", ".join(map(str, nodes[n : n + A_LINE])) + "," for n in range(0, len(nodes), A_LINE)
        ]
    yield Piece(name, ("\n".join(lines) + "\n").encode("ascii"))


def _word(name: str) -> str:
    """Return a surface's name without the full stop, which Abaqus keeps for its instances."""
    return name.replace(".", "_")


MESH: Final = MeshFile(
    ".inp", "Abaqus, CalculiX", pieces, note="materials and steps are for you to write"
)
