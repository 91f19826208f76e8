"""Any plane through a grid, sampled by vtkImageReslice (no OpenGL); the voxels are not copied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from organtwin.ui.views.framing import Frame

Mode = Literal["thin", "mean", "highest", "lowest"]
MODES: Final[tuple[Mode, ...]] = ("thin", "mean", "highest", "lowest")
SLAB_SAMPLES: Final = 48


@dataclass(frozen=True)
class Slab:
    """How thick a cut is: `thickness_mm` across the plane, joined by `mode`; "thin" is a plane."""

    mode: Mode = "thin"
    thickness_mm: float = 10.0


@dataclass(frozen=True)
class Raster:
    """Where samples lie in a Frame: the first at (left, top) mm, `step_mm` apart.

    Args:
        size: columns and rows.
        depth_mm: through the frame.
    """

    left_mm: float
    top_mm: float
    step_mm: float
    size: tuple[int, int]
    depth_mm: float

    def part(self, flat_mm: NDArray[np.float64]) -> tuple[slice, slice, Raster] | None:
        """Return rows, columns and the samples about places (n, 3) of the frame, None beside it."""
        corner = np.array([self.left_mm, self.top_mm])
        index = (flat_mm[:, :2] - corner) / self.step_mm
        first = np.maximum(np.floor(index.min(axis=0)), 0).astype(int)
        last = np.minimum(np.ceil(index.max(axis=0)) + 1, self.size).astype(int)
        if (last <= first).any():
            return None
        left, top = (corner + first * self.step_mm).tolist()
        size = (int(last[0] - first[0]), int(last[1] - first[1]))
        columns, rows = (slice(a, b) for a, b in zip(first.tolist(), last.tolist(), strict=True))
        return rows, columns, Raster(left, top, self.step_mm, size, self.depth_mm)


class Reslicer:
    """Samples planes of one grid.

    Args:
        array: (ni, nj, nk) Fortran order, uint8, int16 or float32; kept, not copied.
        affine: (4, 4) float64, index → LPS mm.
        nearest: labels are taken from the nearest voxel, values linearly from eight.
    """

    def __init__(
        self, array: NDArray[Any], affine: NDArray[np.float64], *, nearest: bool = False
    ) -> None:
        from vtkmodules.util.numpy_support import numpy_to_vtk
        from vtkmodules.vtkCommonDataModel import vtkImageData
        from vtkmodules.vtkImagingCore import vtkImageReslice

        self._affine = affine
        self._line = array.reshape(-1, order="F")
        lowest = np.iinfo(array.dtype).min if array.dtype.kind in "iu" else -1.0e30
        image = vtkImageData()
        image.SetDimensions(*array.shape)
        image.GetPointData().SetScalars(numpy_to_vtk(self._line))
        self._cut = vtkImageReslice()
        self._cut.SetInputData(image)
        self._cut.SetOutputDimensionality(2)
        self._cut.SetOutputSpacing(1.0, 1.0, 1.0)
        self._cut.SetOutputOrigin(0.0, 0.0, 0.0)
        self._cut.SetBackgroundLevel(float(lowest))
        if nearest:
            self._cut.SetInterpolationModeToNearestNeighbor()
        else:
            self._cut.SetInterpolationModeToLinear()

    def planes(self, slab: Slab | None) -> tuple[int, float]:
        """Return how many planes make a slab and how far apart they are in mm."""
        if slab is None or slab.mode == "thin" or slab.thickness_mm <= 0.0:
            return 1, 1.0
        fine = float(np.linalg.norm(self._affine[:3, :3], axis=0).min())
        count = int(np.clip(np.ceil(slab.thickness_mm / fine) + 1, 2, SLAB_SAMPLES))
        return count, slab.thickness_mm / (count - 1)

    def sample(self, frame: Frame, raster: Raster, slab: Slab | None = None) -> NDArray[Any]:
        """Return (rows, columns) in the grid's type; outside the grid the lowest value there is.

        A slab is joined from planes one voxel (its shortest side) apart, 48 at most.
        """
        from vtkmodules.util.numpy_support import vtk_to_numpy
        from vtkmodules.vtkCommonMath import vtkMatrix4x4

        count, apart = self.planes(slab)
        shown = np.eye(4)
        shown[:3, 0] = frame.axes[:, 0] * raster.step_mm
        shown[:3, 1] = frame.axes[:, 1] * raster.step_mm
        shown[:3, 2] = frame.normal * apart
        shown[:3, 3] = frame.place_mm(np.array([raster.left_mm, raster.top_mm, raster.depth_mm]))
        matrix = vtkMatrix4x4()
        matrix.DeepCopy((np.linalg.inv(self._affine) @ shown).ravel().tolist())
        columns, rows = raster.size
        self._cut.SetResliceAxes(matrix)
        self._cut.SetOutputExtent(0, columns - 1, 0, rows - 1, 0, 0)
        self._cut.SetSlabNumberOfSlices(count)
        if slab is not None and count > 1:
            {
                "mean": self._cut.SetSlabModeToMean,
                "highest": self._cut.SetSlabModeToMax,
                "lowest": self._cut.SetSlabModeToMin,
            }[slab.mode]()
        self._cut.Update()
        values = vtk_to_numpy(self._cut.GetOutput().GetPointData().GetScalars())
        result: NDArray[Any] = values.reshape(rows, columns).copy()
        return result
