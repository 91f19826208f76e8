"""A tetrahedral mesh of a VTK file (.vtu) with the fields at its points."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import BadInput
from organtwin.core.labelmap import CodedTerm, Structure
from organtwin.core.organmesh import OrganMesh

TETRAHEDRON: Final = 10
LARGEST: Final = 4 * 2**30
MOST_REGIONS: Final = 255
HEAD: Final = 1 << 20
COUNTS: Final = re.compile(rb'NumberOf(?:Points|Cells)="(\d+)"')
DIGITS: Final = 8
GREY: Final = (0.7, 0.7, 0.7)
UNKNOWN: Final = CodedTerm("region", "99ORGANTWIN", "Region of a mesh")


def mesh_fields(
    path: Path,
) -> tuple[OrganMesh, dict[str, int], dict[str, NDArray[np.float64]]]:
    """Return the mesh, name → number of its regions, name → (n,) point data of one number each.

    Points in LPS mm, as our own files have them; regions by the cell data `region`, named by the
    field data; one region where the file tells of none. Cells other than tetrahedra are left.

    Raises:
        BadInput: no such file, too large, no VTK XML of an unstructured grid, no tetrahedra, or
            points that none of them uses.
        BadMesh: a tetrahedron is flat or turned inside out.
    """
    grid, mesh, values = _mesh(path)
    return mesh, values, _fields(grid)


def moved_mesh(path: Path, field: str) -> tuple[OrganMesh, dict[str, int], NDArray[np.float64]]:
    """Return the mesh, name → number of its regions, and point data (n, 3) of the name `field`.

    Raises:
        BadInput, BadMesh: as `mesh_fields`; no such point data of three numbers.
    """
    from vtkmodules.util.numpy_support import vtk_to_numpy

    grid, mesh, values = _mesh(path)
    arrays = grid.GetPointData()
    found = arrays.GetArray(field)
    if found is None or found.GetNumberOfComponents() != 3:
        there = [arrays.GetArrayName(n) for n in range(arrays.GetNumberOfArrays())]
        raise BadInput(
            f"this mesh has no point data {field!r} of three numbers",
            where=str(path),
            advice="there are: " + (", ".join(map(str, there)) or "none"),
        )
    return mesh, values, np.array(vtk_to_numpy(found), dtype=np.float64)


def _mesh(path: Path) -> tuple[Any, OrganMesh, dict[str, int]]:
    grid = _grid(path)
    from vtkmodules.util.numpy_support import vtk_to_numpy

    if not grid.GetNumberOfCells():
        raise _bad("has no cells", path)
    kinds = vtk_to_numpy(grid.GetCellTypes())
    offsets = vtk_to_numpy(grid.GetCells().GetOffsetsArray())[:-1]
    corners = vtk_to_numpy(grid.GetCells().GetConnectivityArray())
    chosen = np.flatnonzero(kinds == TETRAHEDRON)
    if len(chosen) == 0:
        raise _bad("has no tetrahedra", path)
    cells = corners[np.minimum(offsets[chosen][:, None] + np.arange(4), len(corners) - 1)]
    points = np.array(vtk_to_numpy(grid.GetPoints().GetData()), dtype=np.float64)
    if not np.isfinite(points).all():
        raise _bad("has points that are no numbers", path)
    if not np.array_equal(np.unique(cells), np.arange(len(points))):
        raise _bad("has points of no tetrahedron, or tetrahedra of points that are not there", path)
    found = grid.GetCellData().GetArray("region")
    regions = vtk_to_numpy(found)[chosen] if found is not None else np.ones(len(chosen))
    numbers, labels = np.unique(regions, return_inverse=True)
    if len(numbers) > MOST_REGIONS:
        raise _bad(f"has more than {MOST_REGIONS} regions", path)
    values = _names(grid, numbers.astype(int).tolist())
    structures = tuple(
        Structure(name, label, "other", UNKNOWN, GREY) for label, name in enumerate(values, 1)
    )
    mesh = OrganMesh(points, cells.astype(np.int32), (labels + 1).astype(np.int32), structures)
    return grid, mesh, values


def _grid(path: Path) -> Any:
    from vtkmodules.vtkIOXML import vtkXMLUnstructuredGridReader

    if not path.is_file():
        raise _bad("is not there", path)
    if path.stat().st_size > LARGEST:
        raise _bad("is larger than 4 GiB", path)
    with path.open("rb") as file:
        counts = COUNTS.findall(file.read(HEAD))
    if any(len(count) > DIGITS for count in counts):
        raise _bad("says that it has more points or cells than fit", path)
    reader: Any = vtkXMLUnstructuredGridReader()
    failed: list[int] = []
    reader.AddObserver("ErrorEvent", lambda *_: failed.append(1))
    reader.SetFileName(str(path))
    if reader.CanReadFile(str(path)):
        reader.Update()
        if not failed and reader.GetErrorCode() == 0:
            return reader.GetOutput()
    raise _bad("is no VTK file of an unstructured grid", path)


def _names(grid: Any, numbers: list[int]) -> dict[str, int]:
    """Return name → number of each region, as our own files keep them."""
    told: dict[int, str] = {}
    fields = grid.GetFieldData()
    for place in range(fields.GetNumberOfArrays()):
        array = fields.GetArray(place)
        if array is not None and array.GetNumberOfValues() == 2 and array.GetValue(1) == 3:
            told[int(array.GetValue(0))] = str(array.GetName())
    return {told.get(number, f"region-{number}"): number for number in numbers}


def _fields(grid: Any) -> dict[str, NDArray[np.float64]]:
    from vtkmodules.util.numpy_support import vtk_to_numpy

    found: dict[str, NDArray[np.float64]] = {}
    arrays = grid.GetPointData()
    for place in range(arrays.GetNumberOfArrays()):
        array = arrays.GetArray(place)
        if array is not None and array.GetNumberOfComponents() == 1:
            found[str(array.GetName())] = np.array(vtk_to_numpy(array), dtype=np.float64)
    return found


def _bad(what: str, path: Path) -> BadInput:
    return BadInput(f"this mesh {what}", where=str(path), advice="give a .vtu of tetrahedra")
