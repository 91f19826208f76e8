"""Bowel loops and pancreas: tubes among the fat of the belly."""

from __future__ import annotations

import numpy as np

from sample_dicom.grid import Field, Floats, Grid
from sample_dicom.shapes import spline, tubes


def colon(grid: Grid) -> Field:
    """Outer wall of ascending, transverse and descending colon, with haustra."""
    knots = np.array(
        [
            [-98, 20, -170], [-100, 18, -125], [-100, 6, -102], [-88, -34, -96], [-50, -58, -104],
            [0, -60, -108], [48, -58, -92], [84, -38, -62], [104, 8, -46], [106, 30, -80],
            [104, 36, -120], [100, 36, -170],
        ],
        dtype=float,
    )  # fmt: skip
    return tubes(grid, [_bulged(knots, 15.0, 2.6, 24.0)], far_mm=40.0)


def small_bowel(grid: Grid, random: np.random.Generator) -> Field:
    """Outer wall of loops that wander through the lower belly."""
    paths = []
    for _ in range(7):
        start = np.array([random.uniform(-65, 65), random.uniform(-45, 15), -96.0])
        steps = random.normal(0.0, 1.0, (9, 3)) * np.array([34.0, 24.0, 9.0])
        knots = np.cumsum(np.vstack([start, steps]), axis=0)
        knots[:, 0] = np.clip(knots[:, 0], -85, 85)
        knots[:, 1] = np.clip(knots[:, 1], -62, 22)
        knots[:, 2] = np.clip(knots[:, 2], -165, -78)
        paths.append(_bulged(knots, 9.5, 1.0, 15.0))
    return tubes(grid, paths, far_mm=40.0)


def pancreas(grid: Grid) -> Field:
    """Head in the duodenal loop, body across the spine, tail toward the spleen."""
    knots = np.array(
        [[-32, 6, -62], [-20, -4, -48], [4, -12, -36], [34, -2, -24], [62, 22, -6]], dtype=float
    )
    path = spline(knots, 60)
    ripple = 1.2 * np.sin(np.arange(60) * 0.9)
    return tubes(grid, [(path, np.linspace(13.0, 8.0, 60) + ripple)])


def _bulged(knots: Floats, radius: float, bulge: float, every_mm: float) -> tuple[Floats, Floats]:
    length = float(np.linalg.norm(np.diff(knots, axis=0), axis=1).sum())
    path = spline(knots, int(length / 2.5))
    turn = np.linspace(0.0, 2.0 * np.pi * length / every_mm, len(path))
    return path, radius + bulge * np.cos(turn)
