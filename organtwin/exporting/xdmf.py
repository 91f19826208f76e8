"""Meshes as XDMF 3 (.xdmf), numbers as text: the tetrahedra, and a second file of the interfaces.

Two files because a reader such as DOLFINx's takes one kind of cell from a grid; points and their
numbers are the same in both. Attributes "region" and "surface"; names as meshio writes them
("field_data": number, dimension, name). XDMF Model and Format, www.xdmf.org.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from organtwin import __version__
from organtwin.exporting.header import RESEARCH_USE
from organtwin.exporting.material import Piece
from organtwin.exporting.meshes import MeshFile, Tagged
from organtwin.exporting.vtu import names_of


def pieces(tagged: Tagged, name: str) -> Iterator[Piece]:
    """Yield the tetrahedra, then the triangles."""
    mesh, sheets = tagged.mesh, tagged.sheets
    named = names_of(tagged)
    regions = [one for one in named if one[2] == 3]
    cells = _cells("Tetrahedron", mesh.tetrahedra, "region", tagged.regions)
    yield Piece(name, _grid("mesh", mesh.points, cells, regions))
    triangles = np.concatenate([sheet.triangles for sheet in sheets.values()])
    numbers = np.concatenate([np.full(len(s.triangles), s.number) for s in sheets.values()])
    cells = _cells("Triangle", triangles, "surface", numbers)
    surfaces = [one for one in named if one[2] == 2]
    path = PurePath(name)
    beside = f"{path.stem}-surfaces{path.suffix}"
    yield Piece(beside, _grid("surfaces", mesh.points, cells, surfaces))


def _grid(
    name: str, points: NDArray[np.float64], cells: str, named: list[tuple[str, int, int]]
) -> bytes:
    rows = "".join(f'<map key="{number}" dim="{dim}">{word}</map>' for word, number, dim in named)
    lines = (
        '<?xml version="1.0"?>',
        f"<!-- OrganTwin {__version__}; LPS, mm; {RESEARCH_USE} -->",
        f'<Xdmf Version="3.0"><Domain><Grid Name="{name}" GridType="Uniform">',
        f'<Geometry GeometryType="XYZ">{_item(points, 3)}</Geometry>',
        cells,
        f'<Information Name="field_data" Value="{len(named)}">',
        f"<![CDATA[<main>{rows}</main>]]></Information>",
        "</Grid></Domain></Xdmf>\n",
    )
    return "\n".join(lines).encode("ascii")


def _cells(kind: str, cells: NDArray[Any], what: str, numbers: NDArray[Any]) -> str:
    corners = cells.shape[1]
    return (
        f'<Topology TopologyType="{kind}" NumberOfElements="{len(cells)}" '
        f'NodesPerElement="{corners}">{_item(cells, corners)}</Topology>\n'
        f'<Attribute Name="{what}" AttributeType="Scalar" Center="Cell">{_item(numbers, 1)}'
        "</Attribute>"
    )


def _item(values: NDArray[Any], columns: int) -> str:
    real = values.dtype.kind == "f"
    kind, size = ("Float", 8) if real else ("Int", 4)
    shape = f"{len(values)} {columns}" if columns > 1 else f"{len(values)}"
    rows = values.reshape(-1, columns).tolist()
    text = "\n".join(" ".join(map(repr, row)) for row in rows)
    return (
        f'<DataItem DataType="{kind}" Precision="{size}" Dimensions="{shape}" Format="XML">\n'
        f"{text}\n</DataItem>"
    )


MESH: Final = MeshFile(".xdmf", "XDMF for FEniCS and ParaView", pieces)
