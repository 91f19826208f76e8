"""Scissors: what a closed outline on a plane cuts out, through everything or to a depth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from organtwin.core.boxes import Box
from organtwin.core.errors import BadArgument
from organtwin.core.volume import to_index, to_lps
from organtwin.editing.asking import Asked, Form
from organtwin.editing.ground import Ground, Places
from organtwin.editing.settling import Turn
from organtwin.editing.tool import Edit
from solvers.contract import Parameter

CORNER_LIMIT = 5000
FORM = Form(
    "polygon",
    settings=(
        Parameter(
            "depth_mm", "mm", 0.0, 1e4, "thickness of the cut about its plane, 0: all", "a choice",
            0.0,
        ),
    ),
    choices={"do": ("erase", "fill"), "where": ("inside", "outside")},
)  # fmt: skip


def draw(ground: Ground, asked: Asked) -> tuple[Turn, ...]:
    """Return the voxels whose centres, seen along the normal, lie in the outline (or outside it).

    With `eye` they are seen from that point, as in a picture in perspective; what lies behind it is
    not cut. Inside is by the even-odd rule.

    Raises:
        BadArgument: no normal; too many corners; to fill, neither a depth nor a structure inside
            which to fill.
        EmptyLabel: to erase, the structure has no voxels.
    """
    if asked.normal is None:
        raise BadArgument("scissors need the normal of the plane drawn on", where="normal")
    if len(asked.points_mm) > CORNER_LIMIT:
        raise BadArgument(f"an outline has up to {CORNER_LIMIT} corners", where="points")
    erases = asked.choices["do"] == "erase"
    name = asked.structure if erases else asked.inside
    outwards = asked.choices["where"] == "outside"
    if name:
        box = ground.box_around(name)
        where = ground.places(ground.labels.mask(name, box), box)
    elif asked.numbers["depth_mm"] > 0 and not outwards and asked.eye_mm is None:
        box = _prism(ground, asked, asked.normal)
        where = ground.places(np.ones([a.stop - a.start for a in box], dtype=bool), box)
    else:
        raise BadArgument(
            "what is filled needs an end", advice="say a depth, or inside which structure to fill"
        )
    cut = where[_cut(ground, asked, where, outwards=outwards)]
    return (Turn(asked.structure, loses=cut) if erases else Turn(asked.structure, gains=cut),)


def _prism(ground: Ground, asked: Asked, normal: NDArray[np.float64]) -> Box:
    half = 0.5 * asked.numbers["depth_mm"] * normal
    corners = np.concatenate([asked.points_mm - half, asked.points_mm + half])
    index = to_index(ground.affine, corners)
    i, j, k = (
        slice(max(int(np.floor(low)), 0), max(min(int(np.ceil(high)) + 1, n), 0))
        for low, high, n in zip(index.min(axis=0), index.max(axis=0), ground.shape, strict=True)
    )
    return i, j, k


def _cut(ground: Ground, asked: Asked, where: Places, *, outwards: bool) -> NDArray[np.bool_]:
    """Return (n,) bool: which places the outline cuts."""
    assert asked.normal is not None
    normal, middle = asked.normal, asked.points_mm.mean(axis=0)
    points = to_lps(ground.affine, ground.index(where))
    height = (points - middle) @ normal
    there = np.ones(where.size, dtype=bool)
    if asked.numbers["depth_mm"] > 0:
        there &= np.abs(height) <= 0.5 * asked.numbers["depth_mm"]
    outline = asked.points_mm
    if asked.eye_mm is not None:
        points, ahead = _seen_from(asked.eye_mm, points, middle, normal)
        outline, _ = _seen_from(asked.eye_mm, outline, middle, normal)
        there &= ahead
    axes = _plane_axes(normal)
    inside = in_polygon((points - middle) @ axes.T, (outline - middle) @ axes.T)
    result: NDArray[np.bool_] = there & (inside != outwards)
    return result


def _seen_from(
    eye: NDArray[np.float64],
    points: NDArray[np.float64],
    middle: NDArray[np.float64],
    normal: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return points projected from an eye onto a plane, and which lie on the eye's far side."""
    far = float((middle - eye) @ normal)
    along = (points - eye) @ normal / (far or 1.0)
    ahead = along > 1e-9
    if far == 0.0 or not ahead.any():
        raise BadArgument("the eye lies in the plane or looks away from it", where="eye")
    return eye + (points - eye) / np.where(ahead, along, 1.0)[:, None], ahead


def _plane_axes(normal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (2, 3): two directions at right angles in the plane of a normal."""
    first = np.cross(normal, np.eye(3)[int(np.abs(normal).argmin())])
    first /= np.linalg.norm(first)
    return np.stack([first, np.cross(normal, first)])


def in_polygon(points: NDArray[np.float64], corners: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return (n,) bool: which points (n, 2) lie in a closed polygon (m, 2), by the even-odd rule.

    Points are sorted by their second coordinate, so that each edge only meets those at its height
    (Shimrat 1962, Algorithm 112, an edge at a time).
    """
    order = np.argsort(points[:, 1], kind="stable")
    x, y = points[order].T
    odd = np.zeros(len(points), dtype=bool)
    for (ax, ay), (bx, by) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if ay == by:
            continue
        first, last = np.searchsorted(y, sorted((ay, by)))
        here = slice(int(first), int(last))
        odd[here] ^= x[here] < ax + (bx - ax) * ((y[here] - ay) / (by - ay))
    result = np.empty_like(odd)
    result[order] = odd
    return result


EDIT = Edit("scissors", "Cut with scissors", draw, FORM)
