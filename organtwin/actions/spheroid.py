"""Exact signed distance to a spheroid: the shape of an ablation zone around its probe."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ITERATIONS = 60
SETTLED = 1e-12


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
    F(t) = (a x / (t + a²))² + (b y / (t + b²))² - 1 (D. Eberly, "Distance from a point to an
    ellipse, an ellipsoid or a hyperellipsoid", 2013). F falls and is convex right of its poles,
    so Newton's steps from a point where F >= 0 rise to the root and never pass it. Points on the
    long axis are lifted off it by 1e-9 b.
    """
    inside = (x / a) ** 2 + (y / b) ** 2 < 1.0
    y = np.maximum(y, 1e-9 * b)
    t = np.maximum(a * x - a * a, b * y - b * b)
    for _ in range(ITERATIONS):
        first, second = a * x / (t + a * a), b * y / (t + b * b)
        slope = first**2 / (t + a * a) + second**2 / (t + b * b)
        step = 0.5 * (first**2 + second**2 - 1.0) / slope
        t = t + np.maximum(step, 0.0)
        if float(step.max(initial=0.0)) < SETTLED * a * a:
            break
    foot_x, foot_y = a * a * x / (t + a * a), b * b * y / (t + b * b)
    distance = np.hypot(x - foot_x, y - foot_y)
    return np.where(inside, -distance, distance)
