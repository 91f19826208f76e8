"""Corners of slices: how far pixels lie from where a grid puts them.

A slice's deviation from a grid is linear over its plane, so no pixel lies farther off than a
corner. Corners are where the header puts them (PS3.3 C.7.6.2.1.1), whatever angle its axes have.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from organtwin.core.volume import to_lps
from organtwin.importing.found import Slice


def off_mm(slices: Sequence[Slice], affine: NDArray[np.float64]) -> float:
    """Return how far a pixel lies from the voxel of an even grid whose planes the slices are."""
    ni, nj = _plane(slices)
    corners = [(i, j) for i in (0, ni - 1) for j in (0, nj - 1)]
    index = np.array([[(i, j, k) for i, j in corners] for k in range(len(slices))])
    measured = np.array([s.position_mm for s in slices])[:, None] + _ends_mm(slices)
    return float(np.linalg.norm(to_lps(affine, index) - measured, axis=-1).max())


def askew_mm(slices: Sequence[Slice], affine: NDArray[np.float64]) -> float:
    """Return how far a corner lies off because a slice is turned, skewed or scaled in the grid."""
    ni, nj = _plane(slices)
    across, down = affine[:3, 0] * (ni - 1), affine[:3, 1] * (nj - 1)
    upright = np.array([np.zeros(3), down, across, across + down])
    return float(np.linalg.norm(_ends_mm(slices) - upright, axis=-1).max())


def _plane(slices: Sequence[Slice]) -> tuple[int, int]:
    return slices[0].pixels.columns, slices[0].pixels.rows


def _ends_mm(slices: Sequence[Slice]) -> NDArray[np.float64]:
    """Return (n, 4, 3) mm from the first pixel: itself, the last of its column, row, and both."""
    ni, nj = _plane(slices)
    spacing_mm = np.array([s.spacing_mm for s in slices])
    across = np.array([s.row for s in slices]) * spacing_mm[:, :1] * (ni - 1)
    down = np.array([s.column for s in slices]) * spacing_mm[:, 1:] * (nj - 1)
    return np.stack([np.zeros_like(across), down, across, across + down], axis=1)
