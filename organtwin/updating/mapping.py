"""Points and Jacobians of a Registration."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.core.errors import BadArgument
from organtwin.core.registration import Registration
from organtwin.core.volume import to_index

ROUNDS: Final = 40
CLOSE_MM: Final = 1e-3


def to_visit(registration: Registration, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Map baseline points (..., 3) LPS mm to the visit, LPS mm."""
    rigid = registration.rigid
    moved: NDArray[np.float64] = points_mm @ rigid[:3, :3].T + rigid[:3, 3]
    return moved + displacement(registration, points_mm)


def to_baseline(registration: Registration, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Map visit points (..., 3) LPS mm to the baseline, LPS mm, to 0.001 mm.

    Fixed-point iteration, x ← R⁻¹ (y − d(x)): it converges because d is smooth (slope below 1).

    Raises:
        BadArgument: it did not converge: the registration is not invertible there.
    """
    back = np.linalg.inv(registration.rigid)
    found = points_mm @ back[:3, :3].T + back[:3, 3]
    for _ in range(ROUNDS):
        rest = points_mm - to_visit(registration, found)
        found = found + rest @ back[:3, :3].T
        if rest.size == 0 or float(np.abs(rest).max()) < CLOSE_MM:
            return found
    raise BadArgument("the registration cannot be inverted at a point", where="registration")


def displacement(registration: Registration, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """The part after the rigid motion at baseline points (..., 3), LPS mm, linear between nodes.

    Beyond the grid it is that of the nearest point of the grid.
    """
    points = np.asarray(points_mm, np.float64).reshape(-1, 3)
    index = to_index(registration.affine, points).T
    parts = [
        ndimage.map_coordinates(
            registration.displacement_mm[..., axis],
            index,
            output=np.float64,
            order=1,
            mode="nearest",
        )
        for axis in range(3)
    ]
    return np.stack(parts, axis=-1).reshape(np.shape(points_mm))


def jacobians(registration: Registration) -> NDArray[np.float64]:
    """Return (ni, nj, nk) the local volume change visit / baseline on the displacement's grid."""
    slopes = np.zeros((*registration.displacement_mm.shape[:3], 3, 3))
    per_mm = np.linalg.inv(registration.affine[:3, :3])
    if min(registration.displacement_mm.shape[:3]) > 1:
        field = registration.displacement_mm.astype(np.float64)
        by_index = np.stack([np.gradient(field, axis=axis) for axis in range(3)], axis=-1)
        slopes = by_index @ per_mm
    result: NDArray[np.float64] = np.linalg.det(slopes + registration.rigid[:3, :3])
    return result
