"""Label-aware Delaunay: one triangulation of all points, a region for each tetrahedron."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Delaunay, cKDTree

from organtwin.core.volume import spacing_of, to_index
from organtwin.meshing.interfaces import Interfaces
from organtwin.meshing.sampling import Candidates
from organtwin.meshing.solid import Solid
from organtwin.meshing.volumes import signed_volumes

FARTHEST_EDGES = 50.0
OPPOSITE = np.array([[1, 2, 3], [0, 3, 2], [0, 1, 3], [0, 2, 1]])


@dataclass(frozen=True, eq=False)
class Tetrahedra:
    """Tetrahedra of the organ alone.

    Args:
        points: (n, 3) float64, LPS mm, each used.
        cells: (m, 4) int64, positive volume.
        regions: (m,) int64, labels.
    """

    points: NDArray[np.float64]
    cells: NDArray[np.int64]
    regions: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Cells:
    """A triangulation of a convex hull with a region for each tetrahedron.

    Args:
        points: (n, 3) float64, LPS mm.
        tetrahedra: (m, 4) int64, positive volume.
        neighbours: (m, 4) int64, the tetrahedron across the face opposite each corner, -1 none.
        regions: (m,) int64, labels, 0 outside the organ.
        sampled: the first so many points lie on the smooth interfaces.
    """

    points: NDArray[np.float64]
    tetrahedra: NDArray[np.int64]
    neighbours: NDArray[np.int64]
    regions: NDArray[np.int64]
    sampled: int

    def interfaces(self) -> Interfaces:
        """Return the faces between different regions."""
        beyond = np.where(self.neighbours >= 0, self.regions[self.neighbours], 0)
        cell, face = np.nonzero(self.regions[:, None] > beyond)
        triangles = self.tetrahedra[cell[:, None], OPPOSITE[face]]
        sides = np.stack([self.regions[cell], beyond[cell, face]], axis=1)
        return Interfaces(self.points, triangles, sides)


def labelled_delaunay(
    on_surface: NDArray[np.float64], inner: NDArray[np.float64], solid: Solid, dense: Candidates
) -> Cells:
    """Return the Delaunay triangulation of points with the region of each tetrahedron.

    A tetrahedron belongs to the region its circumcentre lies in, so that interface faces are
    those whose dual edges cross the interface (restricted Delaunay triangulation, Edelsbrunner &
    Shah 1997); one with inner corners of one region alone belongs to that region, so that inner
    points stay off the interfaces.

    Args:
        on_surface: (n, 3) LPS mm, on the interfaces: the first points of the result.
        inner: (k, 3) LPS mm, inside: the next points; the last eight are far outside.
        dense: dense points on the interfaces with normals and sides.
    """
    points = np.concatenate([on_surface, inner, _far_corners(on_surface)])
    found = Delaunay(points - points.mean(axis=0))
    cells = found.simplices.astype(np.int64)
    beside = found.neighbors.astype(np.int64)
    turned = signed_volumes(points, cells) < 0
    cells[turned] = cells[turned][:, [1, 0, 2, 3]]
    beside[turned] = beside[turned][:, [1, 0, 2, 3]]
    regions = region_at(circumcentres(points, cells), solid, dense)
    corner = np.full(len(points), -1, dtype=np.int64)
    corner[len(on_surface) : len(on_surface) + len(inner)] = region_at(inner, solid, dense)
    most = corner[cells].max(axis=1)
    least = np.where(corner < 0, 256, corner)[cells].min(axis=1)
    regions = np.where(most == least, most, regions)
    regions[(cells >= len(points) - 8).any(axis=1)] = 0
    return Cells(points, cells, beside, regions, len(on_surface))


def _far_corners(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the 8 corners of a box twice as wide, so that no wanted point is on the hull."""
    low, high = points.min(axis=0), points.max(axis=0)
    corners = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    result: NDArray[np.float64] = low + (2.0 * corners - 0.5) * (high - low)
    return result


def circumcentres(points: NDArray[np.float64], cells: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return (m, 3) the circumcentres; the centroid where one lies 50 edges away or more."""
    a, b, c, d = (points[cells[:, i]] for i in range(4))
    u, v, w = b - a, c - a, d - a
    uu, vv, ww = (np.einsum("ij,ij->i", e, e)[:, None] for e in (u, v, w))
    top = uu * np.cross(v, w) + vv * np.cross(w, u) + ww * np.cross(u, v)
    bottom = 2.0 * np.einsum("ij,ij->i", u, np.cross(v, w))[:, None]
    longest = np.sqrt(np.maximum(np.maximum(uu, vv), ww))
    flat = np.abs(bottom) < 1e-9 * longest**3
    shift = top / np.where(flat, 1.0, bottom)
    flat |= np.linalg.norm(shift, axis=1, keepdims=True) > FARTHEST_EDGES * longest
    result: NDArray[np.float64] = np.where(flat, points[cells].mean(axis=1), a + shift)
    return result


def region_at(places: NDArray[np.float64], solid: Solid, dense: Candidates) -> NDArray[np.int64]:
    """Return (n,) the region label at (n, 3) LPS mm: by the nearest interface, or by the voxel.

    Near an interface the side of the nearest dense point decides (its surface is smoother than the
    voxels); farther than a voxel's diagonal, or where that voxel is of a third region (beside a
    seam), the voxel does.
    """
    distance, near = cKDTree(dense.points).query(places)
    above = np.einsum("ij,ij->i", places - dense.points[near], dense.normals[near]) > 0
    by_surface = dense.sides[near, above.astype(np.int64)]
    index = np.rint(to_index(solid.affine, places)).astype(np.int64)
    index = np.clip(index, 0, np.array(solid.regions.shape) - 1)
    by_voxel = solid.regions[tuple(index.T)].astype(np.int64)
    reach = float(np.linalg.norm(spacing_of(solid.affine)))
    either = (dense.sides[near] == by_voxel[:, None]).any(axis=1)
    label: NDArray[np.int64] = np.where((distance < reach) & either, by_surface, by_voxel)
    return label
