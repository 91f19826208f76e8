"""Directions of fibres and sheets: unit vectors in each cell, checked and made orthonormal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from solvers.contract import Input
from solvers.failures import BadInput
from solvers.meshfiles import real_array

INPUTS: Final = (
    Input("fibre", "(m, 3)", "float64", "1", "unit vector along the fibres of each cell", False),
    Input("sheet", "(m, 3)", "float64", "1", "unit vector in the sheet, across the fibres", False),
)
FARTHEST_DEG: Final = 5.0
"""How far a sheet's direction may be from square to its fibre."""
FARTHEST_LENGTH: Final = 0.05
"""How far the length of a direction may be from 1: what averages over a cell lose."""


def unit_directions(
    arrays: Mapping[str, NDArray[Any]], names: Sequence[str], needed: NDArray[np.bool_]
) -> dict[str, NDArray[np.float64]]:
    """Return (m, 3) each named direction, of length 1 and square to those named before it.

    Where not `needed` (m,) the answer is zero and the array may hold anything finite.

    Raises:
        BadInput: an array is missing or of a wrong shape, or a direction is not of length 1 within
            `FARTHEST_LENGTH` or not square within `FARTHEST_DEG`; names the first such cell.
    """
    found: dict[str, NDArray[np.float64]] = {}
    for name in names:
        if name not in arrays:
            raise BadInput(f"the law of a region has directions: the array {name!r} is missing")
        given = real_array(arrays, name, (len(needed), 3))
        unit = np.zeros_like(given)
        unit[needed] = given[needed]
        length = np.linalg.norm(unit, axis=1)
        _require(needed & (np.abs(length - 1.0) > FARTHEST_LENGTH), name, "has not the length 1")
        unit[needed] /= length[needed, None]
        for before, square in found.items():
            part = (unit * square).sum(axis=1)
            tilted = np.abs(part) > np.sin(np.radians(FARTHEST_DEG))
            _require(tilted, name, f"is more than {FARTHEST_DEG:.0f}° from square to {before}")
            unit -= part[:, None] * square
        unit[needed] /= np.linalg.norm(unit[needed], axis=1, keepdims=True)
        found[name] = unit
    return found


def _require(wrong: NDArray[np.bool_], name: str, what: str) -> None:
    if wrong.any():
        cell = int(wrong.argmax())
        raise BadInput(f"{name} {what} in {int(wrong.sum())} cells, first in cell {cell}")
