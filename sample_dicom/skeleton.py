"""Spine and ribs of the sample patient: distances in mm, LPS."""

from __future__ import annotations

import numpy as np

from sample_dicom.grid import Field, Floats, Grid
from sample_dicom.shapes import Axes, column, ellipsoid, paint_tube, smooth_min, tubes

LEVEL_MM = 31.0
DISC_MM = 3.2
SPINE_Y_MM = 60.0
CANAL_Y_MM = 82.0


def _in_level(z: Floats) -> Floats:
    """Height above the middle of the nearest vertebra, in [-LEVEL_MM / 2, LEVEL_MM / 2]."""
    height: Floats = (z + 0.5 * LEVEL_MM) % LEVEL_MM - 0.5 * LEVEL_MM
    return height


def vertebral_bodies(axes: Axes) -> Floats:
    """The vertebral bodies, waisted, with discs between."""
    x, y, z = axes
    height = _in_level(z)
    waist = 1.6 * np.cos(np.pi * height / LEVEL_MM) ** 2
    round_body = column((x, y, z), (0.0, SPINE_Y_MM), (22.5, 16.5), power=2.3) + waist
    ends = np.abs(height) - (0.5 * LEVEL_MM - DISC_MM)
    return np.maximum(round_body, ends)


def discs(axes: Axes) -> Floats:
    """The column of vertebral bodies and discs together."""
    return column(axes, (0.0, SPINE_Y_MM), (22.0, 16.0), power=2.3)


def canal(axes: Axes) -> Floats:
    """The vertebral canal."""
    return column(axes, (0.0, CANAL_Y_MM), (9.5, 7.5))


def cord(axes: Axes) -> Floats:
    """The spinal cord in the canal."""
    return column(axes, (0.0, CANAL_Y_MM), (5.5, 4.5))


def arches(axes: Axes) -> Floats:
    """Pedicles, laminae, facets, transverse and spinous processes."""
    x, y, z = axes
    height = _in_level(z)
    mirrored = (np.abs(x), y, height)
    ring = np.maximum(
        np.abs(column((x, y, z), (0.0, CANAL_Y_MM), (12.5, 10.5))) - 2.4, np.abs(height + 2) - 9.0
    )
    pedicle = ellipsoid(mirrored, (12.5, 75.0, 4.0), (4.5, 9.0, 6.5))
    facet = ellipsoid(mirrored, (15.5, 86.5, -8.0), (5.5, 6.5, 11.0))
    wing = ellipsoid(mirrored, (24.0, 86.0, 3.0), (14.0, 4.2, 5.0), yaw=0.25)
    spinous = ellipsoid((x, y, height + 0.5 * (y - 93.0)), (0.0, 93.0, -4.0), (3.6, 9.5, 8.0))
    bone = smooth_min(smooth_min(ring, pedicle, 3.0), facet, 3.0)
    return smooth_min(smooth_min(bone, wing, 4.0), spinous, 3.0)


def ribs(grid: Grid) -> Field:
    """The ribs of both sides: oblique arcs inside the chest wall, higher than they are thick."""
    squeezed = _squeeze(grid)
    paths = [path for path, gristle in _rib_paths() if not gristle]
    return Field(grid, tubes(squeezed, paths).values)


def cartilages(grid: Grid) -> Field:
    """The cartilage that joins the upper ribs in front."""
    paths = [path for path, gristle in _rib_paths() if gristle]
    return Field(grid, tubes(_squeeze(grid), paths).values)


def _squeeze(grid: Grid) -> Grid:
    """The same grid with heights halved, in which a round tube stands for an oval rib."""
    o, s = grid.origin_mm, grid.spacing_mm
    return Grid((o[0], o[1], 0.55 * o[2]), (s[0], s[1], 0.55 * s[2]), grid.shape)


def _rib_paths() -> list[tuple[tuple[Floats, Floats], bool]]:
    """Each rib's (path (n, 3) mm, heights squeezed; radii (n,) mm) and whether it is cartilage."""
    found = []
    for side in (-1.0, 1.0):
        for level in range(9):
            head = LEVEL_MM * level + 2.0 * side
            reach = {0: 0.40, 1: 0.60}.get(level, 0.86)
            bone = _arc(side, head, 0.10, reach)
            found.append(((bone, np.full(len(bone), 3.4)), False))
            if level > 1:
                gristle = _arc(side, head, reach, 0.985)
                found.append(((gristle, np.full(len(gristle), 3.2)), True))
    return found


def _arc(side: float, head_mm: float, start: float, stop: float) -> Floats:
    """Points along a rib, from the spine (0) round the flank to the breastbone (1)."""
    t = np.linspace(start, stop, max(8, int(260 * (stop - start) / 2.5)))
    angle = np.pi * (0.5 - t)
    power = 2.0 / 2.35
    x = 134.5 * np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** power
    y = -1.0 + 83.5 * np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** power
    fall = 95.0 * np.sin(0.5 * np.pi * np.clip(t / 0.9, 0.0, 1.0)) ** 1.6
    rise = 60.0 * np.clip(t - 0.86, 0.0, None) / 0.14
    return np.column_stack([side * x, y, 0.55 * (head_mm - fall + rise)])


def breastbone(grid: Grid) -> Field:
    """The sternum and its xiphoid process in the front midline."""
    field = Field(grid, np.full(grid.shape, 20.0, np.float32))
    for x in np.linspace(-11.0, 11.0, 7):
        path = np.array([[x * 0.4, -85.0, 58.0], [x, -87.0, 90.0], [x, -87.5, 190.0]])
        paint_tube(field, path, np.array([2.5, 4.4, 4.6]))
    return field
