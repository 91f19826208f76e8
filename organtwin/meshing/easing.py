"""Easing: points near a cut moved until the angles there are good."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from organtwin.core.organmesh import OrganMesh
from organtwin.meshing.climbing import climbed
from organtwin.meshing.relaxing import moved, shape_of
from organtwin.meshing.warping import FLOOR_DEG, Distance, freedom, gradient, onto

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
WANTED_DEG = 15.0
ROUNDS = 10
LEAST_SLOPE = 0.01
"""Square of the slope below which a point bound to an interface cannot reach the surface."""


def eased(
    points: Floats,
    cells: Ints,
    regions: NDArray[np.int32],
    specimen: NDArray[np.bool_],
    surface: Distance,
) -> Floats:
    """Return points (n, 3) moved until angles near the cut are good.

    First those of the cut stay on the surface. Where that does not suffice they leave it: a cut
    that meets an interface at a small angle has no room for good elements in between. Points of
    interfaces stay on these all the time.

    Args:
        regions: (m,) label of each of the cells (m, 4).
        specimen: (m,) which of them lie behind the surface.
        surface: signed distance in mm of points (k, 3) LPS mm.
    """
    on_cut = np.unique(between(points, cells, specimen.astype(np.int32) + 1, inner=True))
    allowed = freedom(points, between(points, cells, regions))
    to = points.copy()
    to[on_cut] = onto(surface, points[on_cut], allowed[on_cut])
    points = moved(shape_of(points, cells), to, FLOOR_DEG).points
    slope = np.einsum("nij,nj->ni", allowed[on_cut], gradient(surface, points[on_cut]))
    square = (slope**2).sum(axis=1)[:, None]
    pull, bound = np.zeros_like(points), allowed.copy()
    pull[on_cut] = np.where(square > LEAST_SLOPE, slope / np.maximum(square, LEAST_SLOPE), 0.0)
    along = slope[:, :, None] * slope[:, None, :] / np.maximum(square, 1e-12)[:, :, None]
    bound[on_cut] = np.where(square[:, :, None] > LEAST_SLOPE, allowed[on_cut] - along, 0.0)

    def on_surface(places: Floats, chosen: Ints) -> Floats:
        return places - surface(places)[:, None] * pull[chosen]

    def anywhere(places: Floats, chosen: Ints) -> Floats:
        del chosen
        return places

    points = climbed(points, cells, bound, on_surface, until_deg=WANTED_DEG, rounds=ROUNDS)
    return climbed(points, cells, allowed, anywhere, until_deg=WANTED_DEG, rounds=ROUNDS)


def between(
    points: Floats, cells: Ints, labels: NDArray[np.int32], *, inner: bool = False
) -> NDArray[np.int32]:
    """Return (f, 3) triangles between labels (m,), of all or of those with cells on both sides."""
    triangles, sides = OrganMesh(points, cells.astype(np.int32), labels, ()).interfaces()
    return triangles[sides[:, 1] > 0] if inner else triangles
