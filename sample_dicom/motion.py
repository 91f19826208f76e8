"""How the patient lies at a visit: a rigid motion after a smooth, breathing-like deformation.

Forward map, baseline LPS mm X to visit LPS mm x:  x = R (flow(X) - c) + c + t. The flow carries X
for one unit of time along a steady velocity v with div v = 0: it is invertible everywhere and keeps
volume (the liver hardly compresses); its inverse is the flow along -v. v is a sum of eddies, each
the curl of (p x r f) / 2 with a Gaussian f, so that v = p at the middle of an eddy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from sample_dicom.grid import Floats

CENTRE_MM = (0.0, 20.0, 0.0)
STEPS = 8


@dataclass(frozen=True)
class Eddy:
    """A push of push_mm at centre_mm that falls off over width_mm and flows back around it."""

    centre_mm: tuple[float, float, float]
    width_mm: tuple[float, float, float]
    push_mm: tuple[float, float, float]


@dataclass(frozen=True)
class Motion:
    """Rotation (degrees about x, y, z through CENTRE_MM), translation (mm) and eddies."""

    turn_deg: tuple[float, float, float]
    shift_mm: tuple[float, float, float]
    eddies: tuple[Eddy, ...]

    @property
    def matrix(self) -> Floats:
        """The rotation, float64 (3, 3)."""
        turn: Floats = Rotation.from_euler("xyz", self.turn_deg, degrees=True).as_matrix()
        return turn

    def velocity(self, points_mm: Floats) -> Floats:
        """The velocity v at points (3, ...) of the baseline, mm per unit of time, same shape."""
        total = np.zeros_like(points_mm)
        for eddy in self.eddies:
            total += _eddy_velocity(eddy, points_mm)
        return total

    def forward(self, points_mm: Floats) -> Floats:
        """Baseline points (3, ...) to visit points, LPS mm."""
        centre, shift = _columns(points_mm, CENTRE_MM), _columns(points_mm, self.shift_mm)
        return _turned(self.matrix, self.bend(points_mm) - centre) + centre + shift

    def inverse(self, points_mm: Floats) -> Floats:
        """Visit points (3, ...) to baseline points, LPS mm (error below 0.001 mm)."""
        centre, shift = _columns(points_mm, CENTRE_MM), _columns(points_mm, self.shift_mm)
        return self.bend(_turned(self.matrix.T, points_mm - centre - shift) + centre, back=True)

    def bend(self, points_mm: Floats, *, back: bool = False) -> Floats:
        """The flow alone, or its inverse: classical Runge-Kutta in STEPS steps."""
        if not self.eddies:
            return points_mm.copy()
        h = (-1.0 if back else 1.0) / STEPS
        found = points_mm
        for _ in range(STEPS):
            a = self.velocity(found)
            b = self.velocity(found + 0.5 * h * a)
            c = self.velocity(found + 0.5 * h * b)
            d = self.velocity(found + h * c)
            found = found + h / 6.0 * (a + 2.0 * b + 2.0 * c + d)
        return found

    def jacobian(self, points_mm: Floats, *, step_mm: float = 0.05) -> Floats:
        """Determinant of the forward map's slope at float64 points (3, ...), dimensionless."""
        slopes = []
        for d in range(3):
            nudge = np.zeros((3,) + (1,) * (points_mm.ndim - 1))
            nudge[d] = step_mm
            slopes.append(
                (self.forward(points_mm + nudge) - self.forward(points_mm - nudge)) / (2 * step_mm)
            )
        determinant: Floats = np.linalg.det(np.moveaxis(np.stack(slopes), (0, 1), (-1, -2)))
        return determinant


def _eddy_velocity(eddy: Eddy, points_mm: Floats) -> Floats:
    """One eddy: w * curl(p x q f / 2) with q = (X - centre) / width and p = push / width."""
    width, push = _columns(points_mm, eddy.width_mm), _columns(points_mm, eddy.push_mm)
    q = (points_mm - _columns(points_mm, eddy.centre_mm)) / width
    p = push / width
    squared = (q * q).sum(axis=0)
    f = np.exp(-0.5 * squared)
    along = (p * q).sum(axis=0)
    velocity: Floats = width * f * (p * (1.0 - 0.5 * squared) + 0.5 * q * along)
    return velocity


def _columns(points_mm: Floats, triple: tuple[float, float, float]) -> Floats:
    return np.asarray(triple, points_mm.dtype).reshape((3,) + (1,) * (points_mm.ndim - 1))


def _turned(matrix: Floats, points_mm: Floats) -> Floats:
    turned: Floats = np.einsum("ab,b...->a...", matrix.astype(points_mm.dtype), points_mm)
    return turned


def _breath(up_mm: float, forward_mm: float) -> tuple[Eddy, Eddy]:
    """The two halves of the diaphragm: up_mm toward the head, forward_mm toward the belly."""
    right = Eddy((-62.0, -12.0, 72.0), (75.0, 50.0, 58.0), (0.0, -forward_mm, up_mm))
    left = Eddy((75.0, -8.0, 66.0), (55.0, 48.0, 52.0), (0.0, -0.6 * forward_mm, 0.7 * up_mm))
    return right, left


MOTIONS: dict[int, Motion] = {
    0: Motion((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), ()),
    45: Motion(
        (1.8, -1.2, 3.0),
        (6.5, -5.0, 7.5),
        (
            *_breath(-12.0, 2.5),
            Eddy((-70.0, -20.0, 0.0), (60.0, 60.0, 60.0), (2.5, 1.5, -1.0)),
            Eddy((40.0, 0.0, -40.0), (60.0, 55.0, 55.0), (-2.0, -2.0, 2.0)),
        ),
    ),
    90: Motion(
        (-2.2, 1.5, -2.6),
        (-7.0, 4.0, -9.0),
        (
            *_breath(13.5, -2.0),
            Eddy((-60.0, 10.0, -20.0), (65.0, 55.0, 60.0), (-3.0, -1.5, 2.0)),
            Eddy((30.0, -30.0, 20.0), (55.0, 50.0, 55.0), (2.5, 1.0, -2.0)),
        ),
    ),
    135: Motion(
        (1.4, 2.0, -3.4),
        (4.0, 4.5, 9.5),
        (
            *_breath(-14.0, 1.5),
            Eddy((-80.0, 0.0, 30.0), (60.0, 60.0, 55.0), (3.0, -2.0, 1.5)),
            Eddy((10.0, -20.0, -30.0), (65.0, 55.0, 55.0), (-3.0, 2.0, -1.5)),
        ),
    ),
}
"""Invented, fixed: day to the way the patient lies. Day 0 is the reference."""
