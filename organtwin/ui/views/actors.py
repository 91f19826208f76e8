"""Layers as VTK actors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.ui.scene import Layer, Scale
from organtwin.ui.shapes import normals_of


def actor_of(layer: Layer, scale: Scale | None) -> Any:
    """Return the vtkActor of a layer; its numbers are coloured by `scale`."""
    import vtkmodules.vtkRenderingOpenGL2  # noqa: F401  (without it a mapper draws nothing)
    from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper

    mapper = vtkPolyDataMapper()
    mapper.SetInputData(_polydata(layer))
    mapper.SetScalarVisibility(layer.values is not None)
    if layer.values is not None and scale is not None:
        mapper.SetLookupTable(_table(scale.colours))
        mapper.SetScalarRange(scale.low, max(scale.high, scale.low + 1e-9))
    actor = vtkActor()
    actor.SetMapper(mapper)
    look = actor.GetProperty()
    look.SetColor(*layer.colour)
    look.SetOpacity(layer.opacity)
    look.SetInterpolationToPhong()
    look.SetSpecular(0.22)
    look.SetSpecularPower(28.0)
    look.SetAmbient(0.06)
    if layer.values is not None and scale is not None and scale.diverging:
        look.SetSpecular(0.0)
        look.SetDiffuse(0.72)
    if layer.edges:
        look.EdgeVisibilityOn()
        look.SetEdgeColor(*(0.45 * part for part in layer.colour))
        look.SetInterpolationToFlat()
        look.SetDiffuse(0.82)
        look.SetSpecular(0.0)
    if layer.flat:
        look.LightingOff()
    elif layer.opacity < 1.0:
        look.BackfaceCullingOn()
    return actor


def _polydata(layer: Layer) -> Any:
    from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData

    points = vtkPoints()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(layer.points, dtype=np.float32), deep=True))
    cells = vtkCellArray()
    corners = np.ascontiguousarray(layer.triangles, dtype=np.int64)
    starts = np.arange(0, 3 * len(corners) + 1, 3, dtype=np.int64)
    cells.SetData(
        numpy_to_vtkIdTypeArray(starts, deep=True),
        numpy_to_vtkIdTypeArray(corners.ravel(), deep=True),
    )
    surface = vtkPolyData()
    surface.SetPoints(points)
    surface.SetPolys(cells)
    if not layer.edges:
        normals = layer.normals
        if normals is None:
            normals = normals_of(layer.points, layer.triangles)
        shading = np.ascontiguousarray(normals, dtype=np.float32)
        surface.GetPointData().SetNormals(numpy_to_vtk(shading, deep=True))
    if layer.values is not None:
        values = np.ascontiguousarray(layer.values, dtype=np.float32)
        surface.GetPointData().SetScalars(numpy_to_vtk(values, deep=True))
    return surface


def _table(colours: NDArray[Any]) -> Any:
    from vtkmodules.vtkCommonCore import vtkLookupTable

    table = vtkLookupTable()
    table.SetNumberOfTableValues(256)
    place = np.linspace(0, len(colours) - 1, 256)
    for row in range(256):
        red, green, blue = (
            float(np.interp(place[row], np.arange(len(colours)), colours[:, c])) / 255
            for c in range(3)
        )
        table.SetTableValue(row, red, green, blue, 1.0)
    table.Build()
    return table
