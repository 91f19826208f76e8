"""Displacements that a registration found, prescribed at the nodes of a mesh."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.core.errors import BadArgument
from organtwin.core.registration import Registration
from organtwin.core.volume import to_index


def displacement_at(
    points_mm: NDArray[np.float64],
    displacement_mm: NDArray[np.floating],
    affine: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return (n, 3) the displacement in mm at points (n, 3) LPS mm, trilinear.

    Args:
        displacement_mm: (ni, nj, nk, 3) LPS mm on a grid.
        affine: (4, 4), index of that grid → LPS mm.

    Raises:
        BadArgument: a point lies more than half a voxel beyond the grid, or the field is no number
            there.
    """
    index = to_index(affine, points_mm)
    last = np.array(displacement_mm.shape[:3]) - 1.0
    if (index < -0.5).any() or (index > last + 0.5).any():
        beyond = int(((index < -0.5) | (index > last + 0.5)).any(axis=1).sum())
        raise BadArgument(
            f"{beyond} of {len(points_mm)} nodes lie beyond the field of displacements",
            where="prescribed displacement",
            advice="prescribe fewer nodes, or register a larger box",
        )
    at = np.clip(index, 0.0, last).T
    field = np.asarray(displacement_mm, np.float64)
    read = [ndimage.map_coordinates(field[..., axis], at, order=1) for axis in range(3)]
    moved = np.column_stack(read)
    if not np.isfinite(moved).all():
        raise BadArgument("the field of displacements has values that are no numbers")
    return moved


def registered_mm(
    registration: Registration, points_mm: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return (n, 3) how far a registration moves points of the baseline (n, 3), LPS mm.

    Raises:
        BadArgument: as `displacement_at`.
    """
    turned = points_mm @ registration.rigid[:3, :3].T + registration.rigid[:3, 3]
    bent = displacement_at(points_mm, registration.displacement_mm, registration.affine)
    return np.asarray(turned + bent - points_mm)
