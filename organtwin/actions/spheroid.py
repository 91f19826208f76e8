"""Exact signed distance to a spheroid: the shape of an ablation zone around its probe."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ITERATIONS = 44
"""Bisection halves its interval this often: an interval of 10 000 mm² to below 1e-9 mm²."""


def spheroid_distance_mm(
    points_mm: NDArray[np.float64],
    centre_mm: NDArray[np.float64],
    axis: NDArray[np.float64],
    *,
    along_mm: float,
    across_mm: float,
) -> NDArray[np.float64]:
    """Return (n,) the signed distance in mm to a spheroid's surface, negative inside.

    Args:
        points_mm: (n, 3) LPS mm.
        axis: (3,) unit vector of its axis of revolution.
        along_mm, across_mm: half-axes along and across that axis.
    """
    offset = np.asarray(points_mm, dtype=np.float64) - centre_mm
    along = offset @ axis
    across = np.linalg.norm(offset - along[:, None] * axis, axis=1)
    if along_mm >= across_mm:
        return _ellipse_distance(np.abs(along), across, along_mm, across_mm)
    return _ellipse_distance(across, np.abs(along), across_mm, along_mm)


def _ellipse_distance(
    x: NDArray[np.float64], y: NDArray[np.float64], a: float, b: float
) -> NDArray[np.float64]:
    """Signed distance of points of the first quadrant to the ellipse of half-axes a >= b.

    The foot is (a² x / (t + a²), b² y / (t + b²)) with t the largest root of
    (a x / (t + a²))² + (b y / (t + b²))² = 1 (D. Eberly, "Distance from a point to an ellipse,
    an ellipsoid or a hyperellipsoid", 2013), found by bisection.
    """
    inside = (x / a) ** 2 + (y / b) ** 2 < 1.0
    low, high = b * y - b * b, np.hypot(a * x, b * y) - b * b
    for _ in range(ITERATIONS):
        middle = 0.5 * (low + high)
        with np.errstate(divide="ignore", invalid="ignore"):
            excess = (a * x / (middle + a * a)) ** 2 + (b * y / (middle + b * b)) ** 2 - 1.0
        grow = excess > 0.0
        low, high = np.where(grow, middle, low), np.where(grow, high, middle)
    foot_x = np.minimum(a * a * x / np.maximum(high + a * a, 1e-300), a)
    safe = high + b * b > 1e-12 * b * b
    foot_y = np.where(safe, b * b * y / np.where(safe, high + b * b, 1.0), 0.0)
    on_axis = ~safe | (y <= 1e-12 * b)
    height = b * np.sqrt(np.maximum(1.0 - (foot_x / a) ** 2, 0.0))
    foot_y = np.where(on_axis & inside, height, foot_y)
    distance = np.hypot(x - foot_x, y - foot_y)
    return np.where(inside, -distance, distance)
