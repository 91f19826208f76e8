"""Digitised shapes of known size: a voxel belongs to one when its centre lies inside."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from organtwin.core.volume import to_lps

OBLIQUE = Rotation.from_euler("xyz", [20, -35, 50], degrees=True).as_matrix()


def grid(
    spacing: tuple[float, float, float], turn: NDArray[Any] | None = None
) -> NDArray[np.float64]:
    """Return an affine; with `turn` its axes are the columns of that."""
    affine = np.eye(4)
    affine[:3, :3] = (np.eye(3) if turn is None else turn) @ np.diag(spacing)
    affine[:3, 3] = (-40.0, 12.0, 300.0)
    return affine


def ellipsoid(
    affine: NDArray[np.float64],
    shape: tuple[int, int, int],
    half_axes_mm: tuple[float, float, float],
    *,
    axes: NDArray[Any] | None = None,
    off: tuple[float, float, float] = (0.13, -0.21, 0.37),
) -> NDArray[np.bool_]:
    """Return the mask of an ellipsoid about the middle of the grid, shifted by parts of a voxel."""
    centre = to_lps(affine, (np.array(shape) - 1) / 2 + off)
    places = to_lps(affine, np.indices(shape).transpose(1, 2, 3, 0)) - centre
    along = places @ (np.eye(3) if axes is None else axes)
    return ((along / half_axes_mm) ** 2).sum(axis=-1) <= 1.0
