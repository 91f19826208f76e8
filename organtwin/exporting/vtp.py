"""A triangle surface with values at its points as VTK PolyData (.vtp), for pictures elsewhere.

The XML format of VTK (docs.vtk.org, "VTK XML Formats"), binary, compressed, written by VTK itself.
Coordinates are LPS mm.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import BadArgument
from organtwin.core.private import whole_file


def write_vtp(
    path: Path,
    points: NDArray[np.float64],
    triangles: NDArray[np.int64],
    values: Mapping[str, NDArray[Any]],
) -> None:
    """Write a surface to a file that is whole or not there; one that was there is replaced.

    Only its owner may read it.

    Args:
        path: ending in .vtp.
        points: (n, 3) LPS mm.
        triangles: (f, 3), indices into points.
        values: name → (n,) at the points.

    Raises:
        BadArgument: another ending.
        BadInput: the file cannot be written.
    """
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
    from vtkmodules.vtkIOXML import vtkXMLPolyDataWriter

    if path.suffix != ".vtp":
        raise BadArgument("a VTK surface ends in .vtp", where=str(path))
    held, cells, poly = vtkPoints(), vtkCellArray(), vtkPolyData()
    held.SetData(numpy_to_vtk(np.ascontiguousarray(points), deep=1))
    offsets = np.arange(0, triangles.size + 1, 3, dtype=np.int64)
    corners = np.ascontiguousarray(triangles, dtype=np.int64).ravel()
    cells.SetData(numpy_to_vtk(offsets, deep=1), numpy_to_vtk(corners, deep=1))
    poly.SetPoints(held)
    poly.SetPolys(cells)
    for name, array in values.items():
        each = numpy_to_vtk(np.ascontiguousarray(array), deep=1)
        each.SetName(name)
        poly.GetPointData().AddArray(each)
    writer: Any = vtkXMLPolyDataWriter()
    writer.SetInputData(poly)
    writer.WriteToOutputStringOn()
    writer.Write()
    with whole_file(path) as file:
        file.write(writer.GetOutputString().encode("ascii"))
