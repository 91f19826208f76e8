"""Thickness: where a structure is too thin for cells of a size, by fitting blocks of voxels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

SLACK = 0.25
TOLERANCE = 0.1


def windows(voxels: NDArray[np.uint8]) -> Iterator[tuple[int, tuple[slice, ...]]]:
    """Return each label with the box that holds its voxels and one voxel around; 0 the whole."""
    if not voxels.all():
        yield 0, (slice(None), slice(None), slice(None))
    for label, box in enumerate(ndimage.find_objects(voxels), start=1):
        if box is not None:
            yield label, tuple(slice(max(b.start - 1, 0), b.stop + 1) for b in box)


def boundary(voxels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return the voxels that have a face neighbour of another label."""
    found = np.zeros(voxels.shape, dtype=bool)
    for axis in range(3):
        line = np.moveaxis(voxels, axis, 0)
        differ = line[1:] != line[:-1]
        held = np.moveaxis(found, axis, 0)
        held[1:] |= differ
        held[:-1] |= differ
    return found


def block(size_mm: float, spacing_mm: NDArray[np.float64]) -> tuple[int, int, int]:
    """Return how many voxels hold a cube of a size along each axis."""
    i, j, k = (max(1, int(np.ceil(size_mm / step - TOLERANCE))) for step in spacing_mm.tolist())
    return i, j, k


def thin(mask: NDArray[np.bool_], voxels: tuple[int, int, int]) -> NDArray[np.bool_]:
    """Return the part of a mask that no block of so many voxels inside it comes near.

    Near is a quarter of the block: a ball is as thick as the cube that fits inside it.
    """
    if max(voxels) == 1:
        return np.zeros_like(mask)
    held = mask.view(np.uint8)
    core = ndimage.minimum_filter(held, voxels, mode="nearest")
    reach = [n + 2 * int(np.ceil(SLACK * n)) if n > 1 else 1 for n in voxels]
    mirrored = [-1 if n % 2 == 0 else 0 for n in voxels]
    near = ndimage.maximum_filter(core, reach, mode="nearest", origin=mirrored)
    result: NDArray[np.bool_] = mask & (near == 0)
    return result


class ThinVoxels:
    """Boundary voxels where labels are thin, each size looked for once.

    Args:
        voxels: (ni, nj, nk) uint8 labels.
    """

    def __init__(self, voxels: NDArray[np.uint8]) -> None:
        self.edge = boundary(voxels)
        self._voxels = voxels
        self._found: dict[tuple[int, tuple[int, int, int]], NDArray[np.int64]] = {}

    def of(
        self, label: int, window: tuple[slice, ...], size: tuple[int, int, int]
    ) -> NDArray[np.int64]:
        """Return the voxels (n, 3) of a label, within its window, that no block comes near."""
        if (label, size) not in self._found:
            mask = self._voxels[window] == label
            found = np.argwhere(thin(mask, size) & self.edge[window])
            self._found[label, size] = found + [w.start or 0 for w in window]
        return self._found[label, size]


def in_a_cube(voxels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return the voxels that are in a cube of eight voxels of one label."""
    low = ndimage.minimum_filter(voxels, 2, mode="nearest", origin=-1)
    whole = (low == ndimage.maximum_filter(voxels, 2, mode="nearest", origin=-1)).view(np.uint8)
    result: NDArray[np.bool_] = ndimage.maximum_filter(whole, 2, mode="constant") > 0
    return result
