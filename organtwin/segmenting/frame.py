"""The patient's axes: arrays turned so that i, j, k grow to the left, to the back, to the head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.core.volume import spacing_of

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]
Spacing = tuple[float, float, float]
Index = tuple[int, int, int]


@dataclass(frozen=True)
class Frame:
    """How an array's axes lie in the patient.

    Args:
        order: for each of L, P, S the array axis nearest to it.
        flipped: whether that axis runs the other way.
        spacing_mm: voxel size along L, P, S.
    """

    order: tuple[int, int, int]
    flipped: tuple[bool, bool, bool]
    spacing_mm: Spacing

    def turned(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return the array with axes L, P, S (a view)."""
        turned = np.transpose(array, self.order)
        return turned[tuple(slice(None, None, -1 if f else 1) for f in self.flipped)]

    def back(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return an array with axes L, P, S in the axes it came from (a view)."""
        straight = array[tuple(slice(None, None, -1 if f else 1) for f in self.flipped)]
        return np.transpose(straight, np.argsort(self.order))

    def place(self, index: Index, shape: tuple[int, ...]) -> Index:
        """Return where a voxel of an array of `shape` lies once the array is turned."""
        i, j, k = (
            shape[axis] - 1 - index[axis] if flipped else index[axis]
            for axis, flipped in zip(self.order, self.flipped, strict=True)
        )
        return i, j, k

    def placed(self, voxels: NDArray[np.intp], shape: tuple[int, ...]) -> NDArray[np.intp]:
        """Return where voxels (n, 3) of an array of `shape` lie once the array is turned."""
        turned = voxels[:, self.order]
        last = np.array(shape)[list(self.order)] - 1
        return np.where(self.flipped, last - turned, turned)

    def came_from(self, place: NDArray[np.floating], shape: tuple[int, ...]) -> NDArray[np.float64]:
        """Return the index (3,) in an array of `shape` of a place (3,) in it once turned."""
        index = np.empty(3)
        index[list(self.order)] = place
        flipped = np.array(self.flipped)[np.argsort(self.order)]
        return np.where(flipped, np.array(shape) - 1 - index, index)


def frame_of(affine: NDArray[np.float64]) -> Frame:
    """Return the Frame of an index → LPS mm affine (4, 4); oblique axes go to the nearest."""
    directions = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    order = _assigned(np.abs(directions))
    left, back, head = (bool(directions[axis, order[axis]] < 0) for axis in range(3))
    size = spacing_of(affine)
    return Frame(order, (left, back, head), (size[order[0]], size[order[1]], size[order[2]]))


def _assigned(likeness: NDArray[np.float64]) -> tuple[int, int, int]:
    """Give each patient axis its own array axis, the clearest match first."""
    left, chosen = likeness.copy(), [0, 0, 0]
    for _ in range(3):
        row, column = np.unravel_index(int(np.argmax(left)), (3, 3))
        chosen[int(row)] = int(column)
        left[row, :], left[:, column] = -1.0, -1.0
    return chosen[0], chosen[1], chosen[2]
