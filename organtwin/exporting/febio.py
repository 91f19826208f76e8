"""Meshes as an FEBio model (.feb, specification 4.0): nodes, tet4 by part, surfaces, node sets.

After the FEBio User's Manual 4.0 (Mesh, MeshDomains). There is no Material section: nothing of a
patient's tissue is known here and nothing is made up. FEBio Studio opens the file, each region a
part without a material, and a person gives it one; FEBio itself refuses to solve until then.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from organtwin import __version__
from organtwin.exporting.header import RESEARCH_USE
from organtwin.exporting.material import Piece
from organtwin.exporting.meshes import MeshFile, Sheet, Tagged


def pieces(tagged: Tagged, name: str) -> Iterator[Piece]:
    """Yield the one file."""
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f"<!-- OrganTwin {__version__}; LPS, mm; {RESEARCH_USE} -->",
        *(f"<!-- region {name}: {n} -->" for name, n in tagged.regions_by_name.items()),
        '<febio_spec version="4.0">',
        '<Module type="solid"><units>mm-N-s</units></Module>',
        "<Mesh>",
        '<Nodes name="organ">',
        *(
            f'<node id="{n}">{x!r},{y!r},{z!r}</node>'
            for n, (x, y, z) in enumerate(tagged.mesh.points.tolist(), 1)
        ),
        "</Nodes>",
    ]
    for word, number in tagged.regions_by_name.items():
        chosen = np.flatnonzero(tagged.regions == number)
        lines += _elements(word, chosen, tagged.mesh.tetrahedra[chosen])
    for word, sheet in tagged.sheets.items():
        lines += _surface(word, sheet)
    lines.append("</Mesh>\n<MeshDomains>")
    lines += [f'<SolidDomain name="{word}"/>' for word in tagged.regions_by_name]
    lines.append("</MeshDomains>\n</febio_spec>\n")
    yield Piece(name, "\n".join(lines).encode("ascii"))


def _elements(name: str, numbers: NDArray[np.int64], cells: NDArray[np.int32]) -> list[str]:
    rows = zip((numbers + 1).tolist(), (cells + 1).tolist(), strict=True)
    body = [f'<elem id="{n}">{a},{b},{c},{d}</elem>' for n, (a, b, c, d) in rows]
    return [f'<Elements type="tet4" name="{name}">', *body, "</Elements>"]


def _surface(name: str, sheet: Sheet) -> list[str]:
    rows = enumerate((sheet.triangles + 1).tolist(), 1)
    nodes = ",".join(map(str, (np.unique(sheet.triangles) + 1).tolist()))
    return [
        f'<Surface name="{name}">',
        *(f'<tri3 id="{n}">{a},{b},{c}</tri3>' for n, (a, b, c) in rows),
        "</Surface>",
        f'<NodeSet name="{name}">{nodes}</NodeSet>',
    ]


MESH: Final = MeshFile(
    ".feb", "FEBio, FEBio Studio", pieces, note="its parts have no material until you give one"
)
