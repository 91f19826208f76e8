"""Surfaces cut by what is removed: the meshes a 3D picture is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyvista as pv
from numpy.typing import NDArray
from scipy import ndimage
from vtkmodules.vtkFiltersGeneral import vtkContourTriangulator

from organtwin.core.volume import to_index
from organtwin.reporting.scene import Grid, Scene, Shape

DISTANCE = "removed_mm"


def mesh_of(shape: Shape) -> pv.PolyData:
    """Return a shape as a VTK mesh."""
    triangles = np.asarray(shape.triangles, dtype=np.int64)
    faces = np.hstack([np.full((len(triangles), 1), 3, dtype=np.int64), triangles])
    return pv.PolyData(np.asarray(shape.points, dtype=np.float64), faces.ravel())


def split(shape: Shape, removed: Grid | None) -> tuple[pv.PolyData, pv.PolyData | None]:
    """Return the part of a surface that stays and the part that is removed (None for nothing)."""
    mesh = smooth(mesh_of(shape))
    if removed is None:
        return mesh, None
    mesh[DISTANCE] = distances_mm(removed, mesh.points)
    kept = mesh.clip_scalar(scalars=DISTANCE, invert=False, value=0.0)
    taken = mesh.clip_scalar(scalars=DISTANCE, invert=True, value=0.0)
    return kept, taken


def smooth(mesh: pv.PolyData) -> pv.PolyData:
    """Return the mesh with point normals, so that light runs smoothly over it."""
    return mesh.compute_normals(cell_normals=False, split_vertices=False, consistent_normals=False)


def distances_mm(
    removed: Grid, points_mm: NDArray[Any], *, beyond: float | None = None
) -> NDArray[np.float64]:
    """Return (n,) the grid's signed distance at points, linear between its samples.

    Outside the grid it is `beyond`, or that of the grid's edge when None.
    """
    grid, affine = removed
    index = to_index(affine, np.asarray(points_mm, dtype=np.float64)).T
    result: NDArray[np.float64] = ndimage.map_coordinates(
        np.asarray(grid, dtype=np.float64),
        index,
        order=1,
        mode="nearest" if beyond is None else "constant",
        cval=beyond or 0.0,
    )
    return result


def cut_face(organ: Shape, removed: Grid) -> pv.PolyData | None:
    """Return the flat face a plane leaves in the organ, None when it misses it."""
    mesh = mesh_of(organ)
    mesh[DISTANCE] = distances_mm(removed, mesh.points)
    loop = mesh.contour([0.0], scalars=DISTANCE)
    if loop.n_cells == 0:
        return None
    filler = vtkContourTriangulator()
    filler.SetInputData(loop.strip(join=True, max_length=100_000))
    filler.Update()
    face = pv.wrap(filler.GetOutput())
    return smooth(face.triangulate()) if face.n_cells else None


def rim(face: pv.PolyData) -> pv.PolyData:
    """Return the outline of a cut face as a thin tube."""
    edge = face.extract_feature_edges(
        boundary_edges=True, manifold_edges=False, feature_edges=False, non_manifold_edges=False
    )
    line = edge.strip(join=True, max_length=100_000)
    return line.tube(radius=0.5, n_sides=12).triangulate()


def border(removed: Grid) -> pv.PolyData:
    """Return the surface of an ablation zone, smooth."""
    grid, affine = removed
    image = pv.ImageData(dimensions=grid.shape)
    image[DISTANCE] = np.asarray(grid).ravel(order="F")
    return smooth(image.contour([0.0], scalars=DISTANCE).transform(affine, inplace=False))


def rod(entry_mm: Sequence[float], target_mm: Sequence[float]) -> pv.PolyData:
    """Return a probe's shaft as a VTK mesh: 2.2 mm thick, standing out 35 mm beyond its entry."""
    start, end = np.array(entry_mm, dtype=float), np.array(target_mm, dtype=float)
    start = start + 35.0 * (start - end) / np.linalg.norm(end - start)
    length = float(np.linalg.norm(end - start))
    shaft = pv.Cylinder(
        center=0.5 * (start + end), direction=end - start, radius=1.1, height=length, resolution=32
    )
    return shaft.triangulate().compute_normals(cell_normals=False, feature_angle=40.0)


def bounds_of(scenes: tuple[Scene, ...]) -> tuple[NDArray[np.float64], float]:
    """Return the centre (3,) LPS mm and the radius in mm of the ball around all shapes."""
    points = np.concatenate([s.points for scene in scenes for s in scene.shapes])
    low, high = points.min(axis=0), points.max(axis=0)
    centre = 0.5 * (low + high)
    return centre, float(np.linalg.norm(points - centre, axis=1).max())
