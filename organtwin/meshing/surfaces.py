"""Smooth surfaces of all structures at once, in LPS mm, from a label map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.core.content import noun, read_only
from organtwin.core.errors import EmptyLabel
from organtwin.core.labelmap import LabelMap
from organtwin.core.volume import spacing_of, to_lps, voxel_ml_of
from organtwin.core.watch import Watch
from organtwin.meshing.interfaces import (
    Interfaces,
    enclosed_mm3,
    nested_labels,
    offset_to_volumes,
)

ITERATIONS = 30
PASS_BAND = 0.06
SMALLEST_PASS_BAND = 0.004


@noun
@dataclass(frozen=True, eq=False)
class Surface:
    """A closed triangle surface of one structure with everything inside it.

    Args:
        points: (n, 3) float64, LPS mm.
        triangles: (f, 3) int32, outward.
    """

    points: NDArray[np.float64]
    triangles: NDArray[np.int32]

    def __post_init__(self) -> None:
        """Freeze the arrays."""
        object.__setattr__(self, "points", read_only(self.points, np.float64))
        object.__setattr__(self, "triangles", read_only(self.triangles, np.int32))

    def volume_ml(self) -> float:
        """Volume in mL it encloses."""
        return enclosed_mm3(self.points, np.asarray(self.triangles, dtype=np.int64)) / 1000.0


def surfaces(labels: LabelMap, watch: Watch) -> Mapping[str, Surface]:
    """Return a smooth surface per structure, each enclosing the volume of its voxels.

    Surface nets (Gibson 1998; Frisken 2022, J. Comput. Graph. Tech. 11(1)) over all labels at
    once, then a windowed-sinc low pass (Taubin, Zhang & Golub 1996), then an offset along the
    normals that restores each volume.

    Raises:
        EmptyLabel: the map has no voxels at all. A structure without voxels has no surface.
    """
    if not labels.labels.any():
        raise EmptyLabel("no structure has voxels", where="labels", advice="segment first")
    watch.tell(0.0, "finding surfaces")
    voxels, affine = cropped(labels.labels, labels.affine)
    raw = surface_nets(voxels, affine)
    watch.tell(0.4, "smoothing surfaces")
    nested = nested_labels(labels.structures)
    counts = np.bincount(voxels.ravel(order="K"), minlength=256)
    nested = {name: inside for name, inside in nested.items() if counts[list(inside)].any()}
    targets = {
        inside: float(counts[list(inside)].sum()) * 1000.0 * voxel_ml_of(affine)
        for inside in nested.values()
    }
    points = smoothed(raw, spacing_of(affine), targets)
    watch.tell(1.0, "surfaces found")
    found = {}
    for name, inside in nested.items():
        triangles = raw.shell(inside)
        used, index = np.unique(triangles, return_inverse=True)
        found[name] = Surface(points[used], index.reshape(-1, 3).astype(np.int32))
    return MappingProxyType(found)


def cropped(
    voxels: NDArray[np.uint8], affine: NDArray[np.float64], margin: int = 2
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Return the box of non-zero voxels with a zero margin, and its index → LPS mm affine."""
    window = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        used = np.flatnonzero(voxels.any(axis=others))
        window.append(slice(int(used[0]), int(used[-1]) + 1))
    box = voxels[tuple(window)]
    padded = np.zeros([n + 2 * margin for n in box.shape], dtype=np.uint8, order="F")
    padded[margin:-margin, margin:-margin, margin:-margin] = box
    placed = affine.copy()
    placed[:3, 3] = to_lps(affine, np.array([w.start - margin for w in window], dtype=float))
    return padded, placed


def surface_nets(voxels: NDArray[np.uint8], affine: NDArray[np.float64]) -> Interfaces:
    """Return the unsmoothed interfaces of a Fortran-ordered label array with a zero margin.

    Computed on the index grid and mapped by the affine, so oblique, anisotropic and left-handed
    grids are placed alike.
    """
    from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkFiltersCore import vtkSurfaceNets3D

    flat = np.asfortranarray(voxels).ravel(order="K")
    image = vtkImageData()
    image.SetDimensions(*voxels.shape)
    image.GetPointData().SetScalars(numpy_to_vtk(flat, deep=1))
    nets = vtkSurfaceNets3D()
    nets.SetInputData(image)
    for number, label in enumerate(np.unique(flat[flat > 0])):
        nets.SetValue(number, float(label))
    nets.SetBackgroundLabel(0)
    nets.SmoothingOff()
    nets.SetOutputMeshTypeToTriangles()
    nets.Update()
    output = nets.GetOutput()
    index = vtk_to_numpy(output.GetPoints().GetData()).astype(np.float64)
    triangles = vtk_to_numpy(output.GetPolys().GetConnectivityArray()).reshape(-1, 3)
    sides = vtk_to_numpy(output.GetCellData().GetArray("BoundaryLabels")).astype(np.int64)
    triangles = triangles.astype(np.int64)
    if np.linalg.det(affine[:3, :3]) < 0:
        triangles = triangles[:, ::-1]
    return Interfaces(to_lps(affine, index), np.ascontiguousarray(triangles), sides)


def smoothed(
    interfaces: Interfaces,
    spacing_mm: tuple[float, float, float],
    targets_mm3: Mapping[tuple[int, ...], float],
) -> NDArray[np.float64]:
    """Return (n, 3) smoothed points of the interfaces, each shell with its volume restored.

    Args:
        spacing_mm: of the voxels; the coarser one axis is, the longer the stairs to be smoothed.
        targets_mm3: labels of a union of regions → the volume in mm³ its shell shall enclose.
    """
    stairs = max(spacing_mm) / min(spacing_mm)
    points = _low_pass(interfaces, max(PASS_BAND / stairs**1.5, SMALLEST_PASS_BAND))
    shells = [(interfaces.shell(inside), target) for inside, target in targets_mm3.items()]
    return offset_to_volumes(points, shells)


def _low_pass(interfaces: Interfaces, pass_band: float) -> NDArray[np.float64]:
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkFiltersCore import vtkWindowedSincPolyDataFilter

    smoother: Any = vtkWindowedSincPolyDataFilter()
    centre = interfaces.points.mean(axis=0)
    smoother.SetInputData(_poly(interfaces.points - centre, interfaces.triangles))
    smoother.SetNumberOfIterations(ITERATIONS)
    smoother.SetPassBand(pass_band)
    smoother.NormalizeCoordinatesOn()
    smoother.NonManifoldSmoothingOn()
    smoother.FeatureEdgeSmoothingOff()
    smoother.BoundarySmoothingOff()
    smoother.Update()
    moved = vtk_to_numpy(smoother.GetOutput().GetPoints().GetData())
    result: NDArray[np.float64] = moved.astype(np.float64) + centre
    return result


def _poly(points: NDArray[np.float64], triangles: NDArray[np.int64]) -> Any:
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData

    held = vtkPoints()
    held.SetData(numpy_to_vtk(np.ascontiguousarray(points), deep=1))
    cells = vtkCellArray()
    offsets = np.arange(0, triangles.size + 1, 3, dtype=np.int64)
    cells.SetData(
        numpy_to_vtk(offsets, deep=1), numpy_to_vtk(np.ascontiguousarray(triangles).ravel(), deep=1)
    )
    poly = vtkPolyData()
    poly.SetPoints(held)
    poly.SetPolys(cells)
    return poly
