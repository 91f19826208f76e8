"""A signed distance read smoothly: value, slope and second derivatives, by cubic B-splines."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from solvers.distance import DistanceMap

Reals = NDArray[np.float64]
_MARGIN: Final = 6
"""Voxels added by linear continuation, so that the spline's border does not show inside."""
_PAIRS: Final = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))


class Spline:
    """The cubic B-spline through the voxels' values (Unser 1999, 10.1109/79.799930)."""

    def __init__(self, distance: DistanceMap) -> None:
        """Find the spline's coefficients."""
        values = distance.values_mm.astype(np.float64)
        wide = np.pad(values, _MARGIN, mode="reflect", reflect_type="odd")
        self._coefficients = ndimage.spline_filter(wide, order=3, mode="mirror")
        self._last = np.array(values.shape) - 1.0
        self._inverse = np.linalg.inv(distance.affine)

    def at(self, points: Reals) -> tuple[Reals, Reals, Reals]:
        """Return distance (n,) mm, slope (n, 3) and second derivatives (n, 6) 1/mm, in LPS.

        The six are xx, yy, zz, yz, xz, xy. Beyond the grid the distance goes on linearly from the
        nearest point of the grid.

        Args:
            points: (n, 3) LPS mm.
        """
        turn = self._inverse[:3, :3]
        index = points @ turn.T + self._inverse[:3, 3]
        within = np.clip(index, 0.0, self._last)
        value, slope, second = self._read(within)
        beyond = index - within
        value += (slope * beyond).sum(axis=1)
        second *= (np.abs(beyond).max(axis=1) == 0.0)[:, None, None]
        curved = np.einsum("ai,nab,bj->nij", turn, second, turn)
        return value, slope @ turn, np.column_stack([curved[:, i, j] for i, j in _PAIRS])

    def _read(self, index: Reals) -> tuple[Reals, Reals, Reals]:
        """Value, slope and second derivatives by index."""
        first = np.clip(np.floor(index), 0, self._last).astype(int)
        weights = [_weights(part) for part in (index - first).T]
        around = (first + _MARGIN - 1)[:, :, None] + np.arange(4)
        i, j, k = (around[:, axis] for axis in range(3))
        cube = self._coefficients[i[:, :, None, None], j[:, None, :, None], k[:, None, None, :]]

        def summed(*orders: int) -> Reals:
            a, b, c = (weights[axis][order] for axis, order in enumerate(orders))
            total: Reals = np.einsum("nabc,na,nb,nc->n", cube, a, b, c, optimize=True)
            return total

        once = np.eye(3, dtype=int)
        slope = np.column_stack([summed(*axis) for axis in once])
        second = np.empty((len(index), 3, 3))
        for one, other in _PAIRS:
            second[:, one, other] = second[:, other, one] = summed(*(once[one] + once[other]))
        return summed(0, 0, 0), slope, second


def _weights(t: Reals) -> tuple[Reals, Reals, Reals]:
    """The four B-splines over a voxel at 0 <= t <= 1, (n, 4), and their two derivatives."""
    s = 1.0 - t
    value = [s**3, 3 * t**3 - 6 * t**2 + 4, 3 * s**3 - 6 * s**2 + 4, t**3]
    slope = [-3 * s**2, 9 * t**2 - 12 * t, 12 * s - 9 * s**2, 3 * t**2]
    second = [6 * s, 18 * t - 12, 18 * s - 12, 6 * t]
    a, b, c = (np.stack(parts, axis=1) / 6.0 for parts in (value, slope, second))
    return a, b, c
