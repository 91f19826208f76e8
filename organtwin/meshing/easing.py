"""Easing: points near a cut moved until the angles there are good."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from organtwin.meshing.climbing import climbed
from organtwin.meshing.parting import Sides
from organtwin.meshing.relaxing import moved, shape_of
from organtwin.meshing.warping import FLOOR_DEG, Distance, freedom, gradient, onto

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
WANTED_DEG = 15.0
ROUNDS = 10
LEAST_SLOPE = 0.01
"""Square of the slope below which a point bound to an interface cannot reach the surface."""


def eased(sides: Sides, surface: Distance) -> Floats:
    """Return the points (n, 3), moved until angles near the cut are good.

    First those of the cut stay on the surface. Where that does not suffice they leave it: a cut
    that meets an interface at a small angle has no room for good elements in between. Points of
    interfaces stay on these all the time.

    Args:
        surface: signed distance in mm of points (k, 3) LPS mm.
    """
    points, cells = sides.points, sides.cells
    on_cut = np.unique(sides.cut())
    allowed = freedom(points, sides.faces(sides.regions, inner=False))
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
