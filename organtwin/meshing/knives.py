"""Knives: what a mesh is cut by, each a signed distance in mm, negative in the specimen."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from organtwin.core.directions import position
from organtwin.core.errors import BadArgument
from organtwin.core.labelmap import LabelMap
from organtwin.core.volume import spacing_of
from organtwin.meshing.interfaces import unit
from organtwin.meshing.warping import Distance

Floats = NDArray[np.float64]
SOFTENING: Final = 0.8
MARGIN: Final = 4
CANDIDATES: Final = 10
MOST_HALVINGS: Final = 12
MOST_TRIANGLES: Final = 200_000


def finite(surface: Distance) -> Distance:
    """Return a surface that raises BadArgument, with the place, where it has no finite distance."""

    def distance(points: Floats) -> Floats:
        values = np.asarray(surface(points), dtype=np.float64)
        if values.shape != points.shape[:1]:
            raise BadArgument(
                f"a cutting surface has one distance a point, not {values.shape}", where="cut"
            )
        lacking = np.flatnonzero(~np.isfinite(values))
        if len(lacking):
            raise BadArgument(
                "the cutting surface has no finite distance at "
                + position(points[lacking[0]].tolist()),
                where="cut",
                advice="give a distance in mm everywhere around the mesh",
            )
        return values

    return distance


def plane(point_mm: Floats, normal: Floats) -> Distance:
    """Return a plane through a point (3,) LPS mm; its normal (3,) points into the specimen.

    Raises:
        BadArgument: the normal has no length, or a number is not finite.
    """
    if not np.isfinite([point_mm, normal]).all():
        raise BadArgument("the cutting plane is not finite", where="cut")
    length = float(np.linalg.norm(normal))
    if not length > 1e-9:
        raise BadArgument("a cutting plane needs a normal of some length", where="cut")
    towards = np.asarray(normal, dtype=np.float64) / length
    through = float(np.dot(point_mm, towards))

    def distance(points: Floats) -> Floats:
        result: Floats = through - points @ towards
        return result

    return distance


def triangulated(points: Floats, triangles: NDArray[np.integer]) -> Distance:
    """Return a surface of triangles, closed or open; what lies behind it is the specimen.

    Behind is where normals point away from: the inside of a closed surface whose triangles are
    anticlockwise seen from outside. Told by the normal at the nearest point, between corners by
    that of the corners (weighted by angle, Baerentzen & Aanaes 2005); so beyond its rim an open
    surface goes on as its outermost triangles do.

    Args:
        points: (n, 3) LPS mm.
        triangles: (f, 3), indices into points.

    Raises:
        BadArgument: no triangles, indices out of range, or points that are not finite.
    """
    if not len(triangles) or triangles.min() < 0 or triangles.max() >= len(points):
        raise BadArgument("a cutting surface needs triangles between its points", where="cut")
    if not np.isfinite(points).all():
        raise BadArgument("a point of the cutting surface is not finite", where="cut")
    sheet = Sheet(np.asarray(points, dtype=np.float64), np.asarray(triangles, dtype=np.int64))
    return sheet.height


def around(labels: LabelMap, name: str) -> Distance:
    """Return the smooth border between a structure's voxels, the specimen, and all others labelled.

    The distance to its voxels less that to the others, softened by 0.8 voxels so that no steps are
    left, at the level that encloses its volume; between voxel centres linear. Where nothing is
    labelled the border goes on as it leaves the labels; where nothing else is labelled at all, the
    others are the voxels around it.

    Raises:
        BadArgument: there is no such structure.
        EmptyLabel: it has no voxels.
    """
    from scipy import ndimage

    mask = labels.require(name)
    others = (labels.labels > 0) & ~mask
    if not others.any():
        others = ~mask
    spacing = spacing_of(labels.affine)
    inside, outside = (np.pad(part, MARGIN) for part in (mask, others))
    to_inside = ndimage.distance_transform_edt(~inside, sampling=spacing)
    to_outside = ndimage.distance_transform_edt(~outside, sampling=spacing)
    field = ndimage.gaussian_filter(to_inside - to_outside, SOFTENING)
    ordered = np.sort(field[inside | outside])
    voxels = int(np.count_nonzero(inside))
    field -= ordered[voxels - 1 : voxels + 1].mean()
    inverse = np.linalg.inv(labels.affine)

    def distance(places: Floats) -> Floats:
        index = places @ inverse[:3, :3].T + inverse[:3, 3] + MARGIN
        nearest = np.clip(index, 0.0, np.array(field.shape) - 1.0)
        beyond = np.linalg.norm((index - nearest) * spacing, axis=1)
        values: Floats = ndimage.map_coordinates(field, nearest.T, order=1)
        return values + np.copysign(beyond, values)

    return distance


class Sheet:
    """Triangles with normals at their corners."""

    def __init__(self, points: Floats, triangles: NDArray[np.int64]) -> None:
        a, b, c = (points[triangles[:, corner]] for corner in range(3))
        flat = unit(np.cross(b - a, c - a))
        total = np.zeros_like(points)
        for corner, (here, left, right) in enumerate(((a, b, c), (b, c, a), (c, a, b))):
            cosine = np.einsum("ij,ij->i", unit(left - here), unit(right - here))
            angle = np.arccos(np.clip(cosine, -1.0, 1.0))
            np.add.at(total, triangles[:, corner], angle[:, None] * flat)
        self._corners, normals = _small(np.stack([a, b, c], axis=1), unit(total)[triangles])
        self._normals = normals
        self._tree = cKDTree(self._corners.mean(axis=1))

    def height(self, places: Floats) -> Floats:
        """Return (k,) how far places (k, 3) lie above the surface, along the normal below them."""
        count = min(CANDIDATES, len(self._corners))
        _, near = self._tree.query(places, k=count)
        near = near.reshape(len(places), count)
        best, found = np.full(len(places), np.inf), np.zeros(len(places))
        for candidate in near.T:
            weights = nearest_weights(places, self._corners[candidate])
            away = places - np.einsum("ni,nij->nj", weights, self._corners[candidate])
            square = (away**2).sum(axis=1)
            normal = unit(np.einsum("ni,nij->nj", weights, self._normals[candidate]))
            closer = square < best
            best[closer] = square[closer]
            found[closer] = np.einsum("ij,ij->i", away, normal)[closer]
        return found


def _small(corners: Floats, normals: Floats) -> tuple[Floats, Floats]:
    """Return triangles (f, 3, 3) halved until none is much longer than the shortest half."""
    length = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2)
    most = 2.0 * float(np.median(length.max(axis=1)))
    for _ in range(MOST_HALVINGS):
        length = np.linalg.norm(corners - np.roll(corners, -1, axis=1), axis=2)
        long = length.max(axis=1) > most
        if not long.any() or len(corners) > MOST_TRIANGLES:
            break
        turn = (length[long].argmax(axis=1)[:, None] + np.arange(3)) % 3
        halves = [[], []]  # type: list[list[Floats]]
        for number, array in enumerate((corners, normals)):
            a, b, c = np.take_along_axis(array[long], turn[..., None], axis=1).swapaxes(0, 1)
            middle = 0.5 * (a + b)
            halves[number] = [np.stack([a, middle, c], 1), np.stack([middle, b, c], 1)]
        corners = np.concatenate([corners[~long], *halves[0]])
        normals = np.concatenate([normals[~long], *halves[1]])
    return corners, normals


def nearest_weights(places: Floats, corners: Floats) -> Floats:
    """Return (n, 3) barycentric weights of the point of each triangle (n, 3, 3) nearest to a place.

    The foot of the perpendicular where it lies inside, else the best point of the three edges.
    """
    a, b, c = corners.swapaxes(0, 1)
    u, v, w = b - a, c - a, places - a
    uu, uv, vv = ((x * y).sum(axis=1) for x, y in ((u, u), (u, v), (v, v)))
    wu, wv = (w * u).sum(axis=1), (w * v).sum(axis=1)
    area = np.maximum(uu * vv - uv * uv, 1e-30)
    second, third = (vv * wu - uv * wv) / area, (uu * wv - uv * wu) / area
    best = np.stack([1.0 - second - third, second, third], axis=1)
    outside = (best < 0.0).any(axis=1)
    nearest = np.where(outside, np.inf, -1.0)
    for start, end in ((0, 1), (1, 2), (2, 0)):
        along = corners[:, end] - corners[:, start]
        square = np.maximum((along**2).sum(axis=1), 1e-30)
        share = np.clip(((places - corners[:, start]) * along).sum(axis=1) / square, 0.0, 1.0)
        away = places - corners[:, start] - share[:, None] * along
        distance = (away**2).sum(axis=1)
        closer = outside & (distance < nearest)
        nearest[closer] = distance[closer]
        best[closer] = 0.0
        best[closer, start], best[closer, end] = 1.0 - share[closer], share[closer]
    return best
