"""A closed surface through the border of a mask that does not shrink what is round.

The mask, blurred and sharpened again, is cut at one half. A Gaussian of variance s² (in voxels,
along each axis) moves the half level of a border of mean curvature H inwards by s² H (the heat
equation moves level sets by mean curvature: Evans & Spruck 1991, J. Differ. Geom. 33:635), linear
interpolation between voxels by a little more. The Laplacian of the blurred mask takes that back to
second order; what is left is measured in docs/measuring.md. In units of voxels volumes and
flatness do not depend on spacing, so anisotropic, oblique and skewed grids are treated alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.core.errors import EmptyLabel
from organtwin.core.volume import to_lps

BLUR_VOXELS: Final = 0.7
INTERPOLATED: Final = 0.25
"""Added to the variance of the blur, in voxels²: 1/6 of the hat that values are interpolated by,
1/12 of the voxel itself. Balls of 2 to 20 voxels radius then have the volume of their voxels."""
PADDING: Final = 4
HALF: Final = 0.5


@dataclass(frozen=True, eq=False)
class Shell:
    """A closed triangle surface.

    Args:
        points: (n, 3) float64, LPS mm.
        triangles: (f, 3) int64, outward.
    """

    points: NDArray[np.float64]
    triangles: NDArray[np.int64]

    @property
    def volume_ml(self) -> float:
        """Volume in mL it encloses, by the divergence theorem: Σ a · (b × c) / 6."""
        a, b, c = np.moveaxis((self.points - self.points.mean(axis=0))[self.triangles], 1, 0)
        return float(np.einsum("ij,ij->", a, np.cross(b, c))) / 6000.0

    @property
    def areas_mm2(self) -> NDArray[np.float64]:
        """(n,) float64 mm²: the area around each point, a third of that of its triangles."""
        a, b, c = np.moveaxis(self.points[self.triangles], 1, 0)
        third = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 6.0
        return np.bincount(self.triangles.ravel(), np.repeat(third, 3), len(self.points))


def shell_of(mask: NDArray[np.bool_], affine: NDArray[np.float64]) -> Shell:
    """Return the surface of a mask (ni, nj, nk) bool on a grid (4, 4), index → LPS mm.

    Where the mask reaches the end of the grid it is closed half a voxel outside. A mask so thin
    that nothing of it is left above one half is cut as it is, without blurring.

    Raises:
        EmptyLabel: the mask has no voxels.
    """
    box = box_of(mask)
    low = np.array([cut.start for cut in box], dtype=float)
    cropped = np.pad(mask[box].T, PADDING).astype(np.float32)
    points, triangles = _half_level(_sharpened(cropped))
    if len(triangles) == 0:
        points, triangles = _half_level(cropped)
    if np.linalg.det(affine[:3, :3]) < 0:
        triangles = triangles[:, ::-1]
    return Shell(to_lps(affine, points + low - PADDING), np.ascontiguousarray(triangles))


def box_of(mask: NDArray[np.bool_]) -> tuple[slice, slice, slice]:
    """Return the slices of a mask's bounding box; raises EmptyLabel when it has no voxels."""
    cuts = []
    for axis in range(3):
        used = np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {axis})))
        if len(used) == 0:
            raise EmptyLabel("no voxels to measure", where="labels", advice="segment it first")
        cuts.append(slice(int(used[0]), int(used[-1]) + 1))
    return cuts[0], cuts[1], cuts[2]


def _sharpened(mask: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a mask blurred and sharpened: above one half inside."""
    field = ndimage.gaussian_filter(mask, BLUR_VOXELS, mode="constant", radius=PADDING - 1)
    field -= np.float32(BLUR_VOXELS**2 + INTERPOLATED) * ndimage.laplace(field, mode="constant")
    result: NDArray[np.float32] = field
    return result


def _half_level(field: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return points (n, 3) in indices and outward triangles (f, 3) where a field is one half.

    Args:
        field: (nk, nj, ni), with i fastest in memory as VTK has it.
    """
    from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D

    image: Any = vtkImageData()
    image.SetDimensions(*reversed(field.shape))
    image.GetPointData().SetScalars(numpy_to_vtk(field.ravel(), deep=1))
    edges = vtkFlyingEdges3D()
    edges.SetInputData(image)
    edges.SetValue(0, HALF)
    edges.ComputeNormalsOff()
    edges.ComputeScalarsOff()
    edges.Update()
    output = edges.GetOutput()
    points = vtk_to_numpy(output.GetPoints().GetData()).astype(np.float64)
    triangles = vtk_to_numpy(output.GetPolys().GetConnectivityArray()).astype(np.int64)
    return points, triangles.reshape(-1, 3)
