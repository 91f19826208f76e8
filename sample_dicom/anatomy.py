"""The soft organs of the sample patient as implicit shapes (signed distance, mm, LPS).

An invented slim adult lying on the back. Every function takes axes x, y, z that broadcast (any
shape) and returns distances, negative inside. Sizes follow ordinary adult anatomy; nothing here is
measured on a person.
"""

from __future__ import annotations

import numpy as np

from sample_dicom.grid import Floats
from sample_dicom.shapes import Axes, column, ellipsoid, smooth_max, smooth_min, spline, without

SKIN_MM = 2.0


def body(axes: Axes) -> Floats:
    """The skin's outer surface; broader at the hips and the shoulders, flat at the back."""
    x, y, z = axes
    taper = 1.0 - 0.035 * np.exp(-(((z + 20.0) / 60.0) ** 2))
    front = column((x / taper, y, z), (0.0, 0.0), (157.0, 108.0), power=2.35)
    return smooth_max(front, y - 103.0, 14.0)


def muscle_wall(axes: Axes) -> Floats:
    """Outer surface of the muscles under the fat, which is thickest at flanks and belly."""
    x, y, z = axes
    taper = 1.0 - 0.03 * np.exp(-(((z + 20.0) / 60.0) ** 2))
    belly = column((x / taper, y, z), (0.0, 2.5), (141.0, 92.5), power=2.4)
    groove = 5.0 * np.exp(-((x / 9.0) ** 2)) * np.clip((y - 60.0) / 30.0, 0.0, 1.0)
    wall: Floats = belly + groove
    return wall


def cavity(axes: Axes) -> Floats:
    """Inner surface of chest and abdominal wall."""
    x, y, z = axes
    front = column((x, y, z), (0.0, -4.0), (129.0, 77.0), power=2.35)
    return without(front, ellipsoid_column(axes, (0.0, 88.0), (66.0, 30.0)), 16.0)


def ellipsoid_column(
    axes: Axes, centre_mm: tuple[float, float], radii_mm: tuple[float, float]
) -> Floats:
    """An endless elliptic cylinder."""
    return column(axes, centre_mm, radii_mm, power=2.0)


def back_muscles(axes: Axes) -> Floats:
    """Psoas (low), crura of the diaphragm (high) around the spine."""
    x, y, z = axes
    mirrored = (np.abs(x), y, z)
    low = np.clip((z + 5.0) / 60.0, 0.0, 1.0)
    psoas = ellipsoid_column(mirrored, (36.0, 58.0), (15.0, 17.0)) + 20.0 * low
    crus = np.maximum(ellipsoid_column(mirrored, (17.0, 36.0), (7.0, 15.0)), z - 42.0)
    both: Floats = np.minimum(psoas, crus)
    return both


def diaphragm_height(x: Floats, y: Floats) -> Floats:
    """Height z (mm) of the diaphragm's upper surface: right dome, left dome, central tendon."""

    def dome(
        cx: float, cy: float, top: float, *, rx: float = 70.0, ry: float = 88.0, drop: float = 66.0
    ) -> Floats:
        squared = ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2
        fall: Floats = top - drop * squared**1.35 / (1.0 + 0.12 * squared)
        return fall

    right = dome(-66.0, -8.0, 84.0)
    left = dome(72.0, -4.0, 74.0, rx=66.0)
    centre = dome(4.0, -22.0, 67.0, rx=66.0, ry=74.0)
    return -smooth_min(smooth_min(-right, -left, 14.0), -centre, 18.0)


def above_diaphragm(axes: Axes) -> Floats:
    """Distance to the chest: negative above the diaphragm."""
    x, y, z = axes
    height = diaphragm_height(x, y)
    step = 1.0
    slope_x = (diaphragm_height(x + step, y) - height) / step
    slope_y = (diaphragm_height(x, y + step) - height) / step
    return (height - z) / np.sqrt(1.0 + slope_x**2 + slope_y**2)


def mediastinum(axes: Axes) -> Floats:
    """Fat, gullet and vessels between the lungs."""
    return smooth_min(
        ellipsoid_column(axes, (4.0, 44.0), (30.0, 26.0)),
        ellipsoid_column(axes, (8.0, -25.0), (26.0, 62.0)),
        20.0,
    )


def heart(axes: Axes) -> Floats:
    """The heart on the central tendon."""
    shape = ellipsoid(axes, (20.0, -24.0, 108.0), (54.0, 42.0, 42.0), yaw=0.45)
    return smooth_max(shape, above_diaphragm(axes) + 3.0, 8.0)


def lungs(axes: Axes) -> Floats:
    """Both lungs."""
    air = smooth_max(cavity(axes) + 3.0, above_diaphragm(axes) + 0.5, 5.0)
    air = without(air, mediastinum(axes), 8.0)
    return without(air, heart(axes) - 2.5, 6.0)


def liver_underside(x: Floats, y: Floats) -> Floats:
    """Height z (mm) of the liver's visceral surface, rising from lower right to upper left."""
    across = 0.80 * _ramp(x + 104.0, 22.0) - 0.16 * _ramp(x - 10.0, 30.0)
    back: Floats = 0.16 * y - 0.0012 * y * y
    hollow: Floats = 14.0 * np.exp(-(((x + 33.0) / 26.0) ** 2 + ((y - 12.0) / 34.0) ** 2))
    lobe: Floats = -84.0 + across + back + hollow
    return lobe


def _ramp(value: Floats, width: float) -> Floats:
    bent: Floats = width * np.logaddexp(0.0, value / width)
    return bent.astype(value.dtype)


def liver(axes: Axes) -> Floats:
    """The whole liver: under the diaphragm, against the right wall, over the other organs."""
    x, y, z = axes
    rough = 1.2 * np.sin(x / 21.0 + 0.6) * np.cos(y / 17.0) + 1.0 * np.sin(y / 13.0 + z / 19.0)
    shape = smooth_max(cavity(axes) + 4.5, -above_diaphragm(axes) + 4.0, 14.0)
    shape = smooth_max(shape, (liver_underside(x, y) + 1.5 * rough - z) / 1.3, 16.0)
    spine = ellipsoid_column(axes, (4.0, 55.0), (40.0, 38.0))
    shape = without(shape, spine, 14.0)
    left_back = (y + 14.0 - 0.30 * (x - 20.0) - 0.25 * (z - 40.0)) / 1.12
    shape = smooth_max(shape, left_back - 260.0 * _right(x), 18.0)
    shape = without(shape, stomach(axes) - 2.5, 8.0)
    fossa = ellipsoid(axes, (-46.0, 62.0, -30.0), (27.0, 34.0, 38.0))
    shape = without(shape, smooth_min(kidneys(axes) - 3.5, fossa, 10.0), 12.0)
    shape = without(shape, gallbladder(axes) - 1.0, 8.0)
    fissure = ellipsoid(axes, (24.0, -66.0, 2.0), (2.4, 26.0, 36.0), yaw=0.15)
    return without(shape, fissure, 5.0)


def _right(x: Floats) -> Floats:
    step: Floats = 1.0 / (1.0 + np.exp((x + 14.0) / 7.0))
    return step


def gallbladder(axes: Axes) -> Floats:
    """The gallbladder in its bed under the liver."""
    return ellipsoid(axes, (-44.0, -46.0, -34.0), (14.0, 21.0, 21.0), yaw=-0.35)


def kidneys(axes: Axes) -> Floats:
    """Both kidneys with their hilum."""
    x, y, z = axes
    right = _kidney((-x, y, z), (62.0, 44.0, -58.0))
    return np.minimum(right, _kidney((x, y, z), (62.0, 44.0, -40.0)))


def _kidney(axes: Axes, centre_mm: tuple[float, float, float]) -> Floats:
    x, y, z = axes
    lean = 0.16 * (z - centre_mm[2])
    shape = ellipsoid((x + lean, y, z), centre_mm, (26.0, 24.0, 53.0), yaw=0.5)
    hilum = (centre_mm[0] - 24.0, centre_mm[1] - 9.0, centre_mm[2])
    return without(shape, ellipsoid((x + lean, y, z), hilum, (14.0, 9.0, 17.0), yaw=0.5), 9.0)


def renal_sinus(axes: Axes) -> Floats:
    """Fat and vessels in the middle of both kidneys."""
    x, y, z = axes
    left = ellipsoid(axes, (54.0, 40.0, -40.0), (9.0, 8.0, 27.0), yaw=0.5)
    return np.minimum(left, ellipsoid((-x, y, z), (54.0, 40.0, -58.0), (9.0, 8.0, 27.0), yaw=0.5))


def spleen(axes: Axes) -> Floats:
    """The spleen along the left back wall."""
    shape = ellipsoid(axes, (98.0, 22.0, 14.0), (31.0, 47.0, 50.0), yaw=-0.5)
    shape = smooth_max(shape, cavity(axes) + 4.5, 8.0)
    shape = smooth_max(shape, -above_diaphragm(axes) + 4.0, 8.0)
    shape = without(shape, kidneys(axes) - 3.0, 8.0)
    return without(shape, stomach(axes) - 3.0, 12.0)


def stomach(axes: Axes) -> Floats:
    """The stomach: fundus under the left dome, body, antrum toward the midline."""
    fundus = ellipsoid(axes, (62.0, 8.0, 34.0), (36.0, 36.0, 36.0))
    trunk = ellipsoid(axes, (60.0, -24.0, 0.0), (25.0, 27.0, 42.0))
    antrum = ellipsoid(axes, (22.0, -38.0, -34.0), (36.0, 17.0, 17.0), yaw=0.1)
    shape = smooth_min(smooth_min(fundus, trunk, 18.0), antrum, 16.0)
    shape = smooth_max(shape, cavity(axes) + 6.0, 8.0)
    return smooth_max(shape, -above_diaphragm(axes) + 5.0, 8.0)


def aorta_path() -> tuple[Floats, Floats]:
    """Centre line (n, 3) mm and radii (n,) mm of the aorta."""
    knots = np.array(
        [[6.0, 34, -170], [7.0, 33, -60], [9.0, 32, 20], [16.0, 36, 80], [20, 40, 170]]
    )
    path = spline(knots, 90)
    return path, np.interp(path[:, 2], [-150.0, 150.0], [9.2, 11.5])


def cava_path() -> tuple[Floats, Floats]:
    """Centre line (n, 3) mm and radii (n,) mm of the inferior vena cava up to the right atrium."""
    knots = np.array(
        [[-19.0, 36, -170], [-20.0, 34, -60], [-22.0, 30, 0], [-20.0, 22, 45], [-14.0, 6, 82]]
    )
    path = spline(knots, 80)
    return path, np.interp(path[:, 2], [-150.0, 0.0, 60.0], [10.0, 11.5, 13.0])
