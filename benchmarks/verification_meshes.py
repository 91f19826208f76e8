"""Meshes of a tube and of an idealised ventricle: structured, of any fineness, straight edges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solvers.refinement import Mesh
from tests.solvers.meshes import box_mesh

Reals = NDArray[np.float64]


def tube_mesh(cuts_around: int, layers: int, shape: tuple[float, float, float]) -> Mesh:
    """Return a tube along z: inner radius, outer radius, length in mm."""
    inner, outer, length = shape
    box = box_mesh((1.0, 1.0, 1.0), (layers, cuts_around, 1))
    r, turn, z = box.points_mm.T
    angle = 2.0 * np.pi * np.where(turn > 1.0 - 1e-9, 0.0, turn)
    radius = inner + r * (outer - inner)
    points = np.column_stack([radius * np.cos(angle), radius * np.sin(angle), length * z])
    _, first, place = np.unique(np.round(points, 9), axis=0, return_index=True, return_inverse=True)
    return Mesh(points[first], place[box.cells].astype(np.int32), box.regions)


def ventricle_mesh(rings: int, layers: int) -> Mesh:
    """Return Land's ellipsoid: axes 7 and 17 mm inside, 10 and 20 mm outside, cut at z = 5 mm.

    Nodes of the innermost shell first; apex at -z.
    """
    away, turn, triangles = _disc(rings)
    shells = []
    for layer in range(layers + 1):
        wide, long = 7.0 + 3.0 * layer / layers, 17.0 + 3.0 * layer / layers
        polar = away * np.arccos(-5.0 / long)
        x, y = wide * np.sin(polar) * np.cos(turn), wide * np.sin(polar) * np.sin(turn)
        shells.append(np.column_stack([x, y, -long * np.cos(polar)]))
    a, b, c = np.sort(triangles, axis=1).T
    cells = []
    for low in range(0, layers * len(away), len(away)):
        high = low + len(away)
        cells += [
            np.column_stack([a + low, b + low, c + low, c + high]),
            np.column_stack([a + low, b + low, b + high, c + high]),
            np.column_stack([a + low, a + high, b + high, c + high]),
        ]
    joined = np.concatenate(cells).astype(np.int32)
    return Mesh(np.concatenate(shells), joined, np.ones(len(joined), np.int32))


def ventricle_fibres(points_mm: Reals) -> Reals:
    """Return (k, 3) the fibres of Land's problem 3 at points (k, 3) of the wall, off its axis.

    Helices of 90 degrees inside to -90 outside, t from 0 to 1 through the wall: equations 2.7 to
    2.12 there.
    """
    x, y, z = points_mm.T
    low, high = np.zeros(len(z)), np.ones(len(z))
    for _ in range(40):
        t = 0.5 * (low + high)
        outside = (x**2 + y**2) / (7.0 + 3.0 * t) ** 2 + z**2 / (17.0 + 3.0 * t) ** 2 > 1.0
        low, high = np.where(outside, t, low), np.where(outside, high, t)
    wide, long = 7.0 + 3.0 * t, 17.0 + 3.0 * t
    u, v = -np.arccos(np.clip(z / long, -1.0, 1.0)), np.arctan2(-y, -x)
    down = np.column_stack(
        [wide * np.cos(u) * np.cos(v), wide * np.cos(u) * np.sin(v), -long * np.sin(u)]
    )
    around = np.column_stack([-np.sin(u) * np.sin(v), np.sin(u) * np.cos(v), np.zeros(len(u))])
    down, around = (each / np.linalg.norm(each, axis=1)[:, None] for each in (down, around))
    steep = np.pi * (0.5 - t)[:, None]
    return np.asarray(down * np.sin(steep) + around * np.cos(steep))


def _disc(rings: int) -> tuple[Reals, Reals, NDArray[np.int64]]:
    """Hexagonal rings about a point: distance 0..1 and angle of each node, triangles."""

    def node(ring: int, step: int) -> int:
        return 1 + 3 * ring * (ring - 1) + step % (6 * ring) if ring else 0

    triangles = []
    for ring in range(rings):
        for sector in range(6):
            for step in range(ring + 1):
                low, high = sector * ring + step, sector * (ring + 1) + step
                a, b, c = node(ring, low), node(ring + 1, high), node(ring + 1, high + 1)
                triangles.append((a, b, c))
                if step < ring:
                    triangles.append((a, c, node(ring, low + 1)))
    circles = range(1, rings + 1)
    away = np.concatenate([[0.0], *(np.full(6 * ring, ring / rings) for ring in circles)])
    turn = np.concatenate([[0.0], *(np.arange(6 * ring) * np.pi / (3 * ring) for ring in circles)])
    return away, turn, np.array(triangles)
