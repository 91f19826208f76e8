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
from organtwin.core.volume import spacing_of, to_lps
from organtwin.core.watch import Watch
from organtwin.meshing.interfaces import (
    Interfaces,
    area_vectors,
    enclosed_mm3,
    nested_labels,
    unit,
)
from organtwin.meshing.pieces import pieces_of
from organtwin.meshing.thickness import in_a_cube
from organtwin.meshing.volumes import restored

Floats = NDArray[np.float64]
ITERATIONS = 30
MOST = 0.75
MOST_AT_THIN = 0.2
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
    raw = surface_nets(voxels, spacing_of(affine))
    watch.tell(0.4, "smoothing surfaces")
    smooth = smoothed(raw, voxels, np.asarray(spacing_of(affine)))
    points = placed(smooth.points, affine)
    turned = float(np.linalg.det(affine[:3, :3])) < 0
    watch.tell(1.0, "surfaces found")
    found = {}
    for name, inside in nested_labels(labels.structures).items():
        triangles = smooth.shell(inside)
        if len(triangles) == 0:
            continue
        if turned:
            triangles = triangles[:, ::-1]
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


def placed(points_mm: Floats, affine: Floats) -> Floats:
    """Return (n, 3) LPS mm of places in mm along the voxels' axes from the first voxel's centre."""
    return to_lps(affine, points_mm / np.asarray(spacing_of(affine)))


def surface_nets(voxels: NDArray[np.uint8], spacing_mm: tuple[float, float, float]) -> Interfaces:
    """Return the unsmoothed interfaces of a Fortran-ordered label array with a zero margin.

    In mm along the axes of the voxels from the centre of the first, so that oblique, anisotropic
    and left-handed grids are all treated alike.
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
    triangles = np.ascontiguousarray(triangles, dtype=np.int64)
    return Interfaces(index * np.asarray(spacing_mm), triangles, sides)


def smoothed(raw: Interfaces, voxels: NDArray[np.uint8], spacing_mm: Floats) -> Interfaces:
    """Return the interfaces smooth, each piece of a label with the volume of its voxels.

    No point moves farther than 3/4 of a voxel in smoothing, a fifth where a label is one voxel
    thick: it would be smoothed away. Volumes are restored afterwards.

    Args:
        raw: of `surface_nets` of the voxels, in mm along their axes from the first voxel's centre.
        spacing_mm: (3,) of the voxels; the coarser one axis is, the longer the stairs.
    """
    stairs = float(spacing_mm.max() / spacing_mm.min())
    step = _low_pass(raw, max(PASS_BAND / stairs**1.5, SMALLEST_PASS_BAND)) - raw.points
    share = np.linalg.norm(step / spacing_mm, axis=1)
    most = np.where(_at_thin(raw.points / spacing_mm, voxels), MOST_AT_THIN, MOST)
    step *= np.minimum(1.0, most / np.maximum(share, 1e-9))[:, None]
    pieces = pieces_of(voxels)
    voxel_mm3 = float(np.prod(spacing_mm))
    wanted = {n: int(v) * voxel_mm3 for n, v in enumerate(pieces.voxels) if n > 0}
    sides = _pieces_beside(raw, pieces.numbers, spacing_mm)
    found = restored(Interfaces(raw.points + step, raw.triangles, sides), wanted)
    return Interfaces(found.points, raw.triangles, raw.sides)


def _pieces_beside(
    raw: Interfaces, numbers: NDArray[np.int32], spacing_mm: Floats
) -> NDArray[np.int64]:
    """Return (f, 2) the pieces of voxels on both sides of triangles that halve voxels' faces."""
    middle = raw.points[raw.triangles].mean(axis=1) / spacing_mm
    step = 0.5 * unit(area_vectors(raw.points / spacing_mm, raw.triangles))
    index = [np.rint(middle + sign * step).astype(np.int64) for sign in (-1.0, 1.0)]
    return np.stack([numbers[tuple(side.T)] for side in index], axis=1).astype(np.int64)


def _at_thin(index: Floats, voxels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return (n,) whether one of the eight voxels around a corner of voxels is thin."""
    thin = _thin(voxels)
    corner = np.floor(index).astype(np.int64)
    found = np.zeros(len(index), dtype=bool)
    for shift in np.ndindex(2, 2, 2):
        beside = np.clip(corner + shift, 0, np.array(voxels.shape) - 1)
        found |= thin[tuple(beside.T)]
    return found


def _thin(voxels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return the voxels in no cube of eight voxels of one label, nor beside one of their label."""
    thick = in_a_cube(voxels)
    near = thick.copy()
    for axis in range(3):
        label, held, grown = (np.moveaxis(a, axis, 0) for a in (voxels, thick, near))
        same = label[1:] == label[:-1]
        grown[1:] |= held[:-1] & same
        grown[:-1] |= held[1:] & same
    found: NDArray[np.bool_] = ~near
    return found


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
