"""Implicit shapes: signed distances in mm (negative inside), their smooth unions, and tubes."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy.interpolate import CubicSpline

from sample_dicom.grid import Field, Floats, Grid

Axes = tuple[Floats, Floats, Floats]
Triple = tuple[float, float, float]


def smooth_min(a: Floats, b: Floats, width_mm: float) -> Floats:
    """Union of two shapes with a fillet of width_mm (Quilez's quadratic smooth minimum)."""
    blend = np.maximum(width_mm - np.abs(a - b), 0.0) / width_mm
    return np.minimum(a, b) - blend * blend * (width_mm / 4.0)


def smooth_max(a: Floats, b: Floats, width_mm: float) -> Floats:
    """Intersection of two shapes with a rounded edge of width_mm."""
    return -smooth_min(-a, -b, width_mm)


def without(shape: Floats, cut: Floats, width_mm: float) -> Floats:
    """A shape minus another, with a rounded edge of width_mm."""
    return smooth_max(shape, -cut, width_mm)


def ellipsoid(axes: Axes, centre_mm: Triple, radii_mm: Triple, *, yaw: float = 0.0) -> Floats:
    """Distance to an ellipsoid (first order near the surface), yaw in radians about z."""
    x, y, z = (axis - c for axis, c in zip(axes, centre_mm, strict=True))
    if yaw:
        x, y = np.cos(yaw) * x + np.sin(yaw) * y, -np.sin(yaw) * x + np.cos(yaw) * y
    squares = [(p / r) ** 2 for p, r in zip((x, y, z), radii_mm, strict=True)]
    slopes = [(p / (r * r)) ** 2 for p, r in zip((x, y, z), radii_mm, strict=True)]
    level = np.sqrt(squares[0] + squares[1] + squares[2])
    slope = np.sqrt(slopes[0] + slopes[1] + slopes[2])
    distance: Floats = level * (level - 1.0) / np.maximum(slope, 1e-6)
    return distance


def column(
    axes: Axes, centre_mm: tuple[float, float], radii_mm: tuple[float, float], *, power: float = 2.0
) -> Floats:
    """Distance to an endless superelliptic cylinder along z (first order near the surface)."""
    x = np.abs(axes[0] - centre_mm[0]) + 1e-3
    y = np.abs(axes[1] - centre_mm[1]) + 1e-3
    a, b = radii_mm
    total = (x / a) ** power + (y / b) ** power
    slope_x, slope_y = x ** (power - 1) / a**power, y ** (power - 1) / b**power
    level = total ** (1.0 / power)
    slope = level / total * np.sqrt(slope_x**2 + slope_y**2)
    distance: Floats = (level - 1.0) / slope
    return distance


def paint_tube(field: Field, path_mm: Floats, radii_mm: Floats, *, reach_mm: float = 3.0) -> None:
    """Lower a distance field in place to a tube of rounded cones along path_mm (n, 3).

    radii_mm: (n,). Only points nearer than reach_mm to the wall are touched.
    """
    for p, q, r, s in zip(path_mm[:-1], path_mm[1:], radii_mm[:-1], radii_mm[1:], strict=True):
        grow = max(float(r), float(s)) + reach_mm
        window = field.grid.window(np.minimum(p, q) - grow, np.maximum(p, q) + grow)
        part = field.grid.part(window)
        if min(part.shape) == 0:
            continue
        x, y, z = part.open_axes()
        d = (q - p).astype(np.float32)
        along = ((x - p[0]) * d[0] + (y - p[1]) * d[1] + (z - p[2]) * d[2]) / max(
            float(d @ d), 1e-9
        )
        t = np.clip(along, 0.0, 1.0)
        gap = np.sqrt(
            (x - p[0] - t * d[0]) ** 2 + (y - p[1] - t * d[1]) ** 2 + (z - p[2] - t * d[2]) ** 2
        )
        np.minimum(field.values[window], gap - (r + t * (s - r)), out=field.values[window])


def tubes(grid: Grid, paths: Iterable[tuple[Floats, Floats]], *, far_mm: float = 20.0) -> Field:
    """Distance field of many tubes, float32; far_mm where no tube is near."""
    field = Field(grid, np.full(grid.shape, far_mm, np.float32))
    for path_mm, radii_mm in paths:
        paint_tube(field, path_mm, radii_mm)
    return field


def spline(knots_mm: Floats, count: int) -> Floats:
    """A smooth curve through knots (m, 3), sampled at count points, (count, 3) mm."""
    steps = np.linalg.norm(np.diff(knots_mm, axis=0), axis=1)
    lengths = np.concatenate([[0.0], np.cumsum(steps)])
    curve: Floats = CubicSpline(lengths, knots_mm)(np.linspace(0.0, lengths[-1], count))
    return curve
