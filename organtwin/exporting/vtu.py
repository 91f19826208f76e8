"""Meshes as VTK UnstructuredGrid (.vtu): tetrahedra first, then the triangles of the interfaces.

The XML format of VTK (docs.vtk.org, "VTK XML Formats"), binary, compressed, written by VTK itself.
Cell data "region" (0 on triangles), "surface" (0 on tetrahedra) and what a solver told of cells (no
number on triangles); field data give each name its
number and dimension, as Gmsh's physical names do: "liver" → (1, 3), "liver.outside" → (2, 2).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from organtwin import __version__
from organtwin.exporting.header import RESEARCH_USE
from organtwin.exporting.material import Piece
from organtwin.exporting.meshes import MeshFile, Tagged

TETRAHEDRON: Final = 10
TRIANGLE: Final = 5
HEAD: Final = '<?xml version="1.0"?>\n'
SAID: Final = f"<!-- OrganTwin {__version__}; LPS, mm; {RESEARCH_USE} -->\n"


def pieces(tagged: Tagged, name: str) -> Iterator[Piece]:
    """Yield the one file."""
    from vtkmodules.vtkIOXML import vtkXMLUnstructuredGridWriter

    writer: Any = vtkXMLUnstructuredGridWriter()
    writer.SetInputData(_grid(tagged))
    writer.SetDataModeToBinary()
    writer.WriteToOutputStringOn()
    writer.Write()
    text = writer.GetOutputString()
    yield Piece(name, text.replace(HEAD, HEAD + SAID, 1).encode("ascii"))


def _grid(tagged: Tagged) -> Any:
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkUnstructuredGrid

    def array(values: Any, name: str = "") -> Any:
        made = numpy_to_vtk(np.ascontiguousarray(values), deep=1)
        made.SetName(name or None)
        return made

    mesh, sheets = tagged.mesh, tagged.sheets
    triangles = np.concatenate([sheet.triangles for sheet in sheets.values()])
    numbers = np.concatenate([np.full(len(s.triangles), s.number) for s in sheets.values()])
    sizes = np.repeat([4, 3], [len(mesh.tetrahedra), len(triangles)])
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    corners = np.concatenate([mesh.tetrahedra.ravel(), triangles.ravel()]).astype(np.int64)
    points, cells, grid = vtkPoints(), vtkCellArray(), vtkUnstructuredGrid()
    points.SetData(array(mesh.points))
    cells.SetData(array(offsets), array(corners))
    grid.SetPoints(points)
    kinds = np.repeat([TETRAHEDRON, TRIANGLE], [len(mesh.tetrahedra), len(triangles)])
    grid.SetCells(array(kinds.astype(np.uint8)), cells)
    regions = np.concatenate([tagged.regions, np.zeros(len(triangles), np.int32)])
    surfaces = np.concatenate([np.zeros(len(mesh.tetrahedra)), numbers]).astype(np.int32)
    grid.GetCellData().AddArray(array(regions, "region"))
    grid.GetCellData().AddArray(array(surfaces, "surface"))
    for name, values in tagged.fields.items():
        grid.GetPointData().AddArray(array(values, name))
    for name, cellwise in tagged.cell_fields.items():
        none = np.full((len(triangles), *cellwise.shape[1:]), np.nan, cellwise.dtype)
        grid.GetCellData().AddArray(array(np.concatenate([cellwise, none]), name))
    for name, number, dimension in names_of(tagged):
        grid.GetFieldData().AddArray(array(np.array([number, dimension], np.int32), name))
    return grid


def names_of(tagged: Tagged) -> list[tuple[str, int, int]]:
    """Return (name, number, dimension) of all regions (3) and interfaces (2)."""
    regions = [(name, number, 3) for name, number in tagged.regions_by_name.items()]
    return regions + [(name, sheet.number, 2) for name, sheet in tagged.sheets.items()]


MESH: Final = MeshFile(".vtu", "VTK, ParaView, PyVista", pieces)
