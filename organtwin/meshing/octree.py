"""Octree: cubes of a graded lattice, each of one label, as small as the labels ask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Bools = NDArray[np.bool_]
MIXED_AT_ONCE = 1 << 22


@dataclass(frozen=True, eq=False)
class Grid:
    """Where the cells lie: level 0 is the finest, each level doubles the edges.

    Args:
        origin_mm: (3,) lower corner, along the axes of the voxels, from the centre of the first.
        cell_mm: (3,) edges of the finest cells.
        shape: finest cells along each axis, a multiple of 2^depth.
        depth: the coarsest level.
    """

    origin_mm: NDArray[np.float64]
    cell_mm: NDArray[np.float64]
    shape: tuple[int, int, int]
    depth: int

    def shape_at(self, level: int) -> tuple[int, int, int]:
        """Return how many cells a level has along each axis."""
        i, j, k = self.shape
        return i >> level, j >> level, k >> level

    def edge_mm(self, level: int) -> float:
        """Return the edge of a level's cells in mm (the mean of the three)."""
        return float(self.cell_mm.mean()) * 2.0**level

    def cells_at(self, places_mm: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return (n, 3) finest cells of places (n, 3) in mm along the voxels' axes."""
        cells = np.floor((places_mm - self.origin_mm) / self.cell_mm).astype(np.int64)
        return np.clip(cells, 0, np.array(self.shape) - 1)

    def sampled(self, voxels: NDArray[Any], spacing_mm: NDArray[np.float64]) -> NDArray[Any]:
        """Return, for each finest cell, the label of the voxel at its centre; 0 beyond."""
        index = []
        for axis in range(3):
            centre = np.arange(self.shape[axis]) + 0.5
            along = np.rint((self.origin_mm[axis] + self.cell_mm[axis] * centre) / spacing_mm[axis])
            index.append(np.clip(along.astype(np.int64), -1, voxels.shape[axis]) + 1)
        found: NDArray[Any] = np.pad(voxels, 1)[np.ix_(*index)]
        return found


@dataclass(frozen=True, eq=False)
class Octree:
    """Leaves of a graded octree with their labels.

    Args:
        grid: its cells.
        leaves: per level, (cells of the level) bool.
        labels: per level, (cells of the level) uint8, the label of each leaf.
    """

    grid: Grid
    leaves: tuple[Bools, ...]
    labels: tuple[NDArray[np.uint8], ...]

    def labelled_leaves(self) -> int:
        """Return how many leaves have a label; each is twelve tetrahedra or more."""
        return sum(int(np.count_nonzero(level)) for level in self.labels)


def pooled(cells: Bools) -> Bools:
    """Return for each cell of the next level whether any of its eight children is set."""
    i, j, k = (n // 2 for n in cells.shape)
    found: Bools = cells.reshape(i, 2, j, 2, k, 2).any(axis=(1, 3, 5))
    return found


def divided(grid: Grid, asked: Sequence[Bools], margin: int = 1) -> tuple[Bools, ...]:
    """Return which cells of each level are divided, so that neighbours differ by one level at most.

    Args:
        asked: per level, the cells that shall be divided (those of level 0 never are).
        margin: how many cells of a size lie at least around what is divided more finely.
    """
    result = [np.zeros(grid.shape, dtype=bool), *(level.copy() for level in asked[1:])]
    for level in range(1, grid.depth):
        wide = ndimage.maximum_filter(result[level], 2 * margin + 1, mode="constant")
        result[level + 1] |= pooled(wide)
    return tuple(result)


def labelled(grid: Grid, split: Sequence[Bools], fine: NDArray[np.uint8]) -> Octree:
    """Return the leaves, each with the label most frequent among its finest cells.

    Of labels as frequent the largest, so that nothing labelled is lost to what is not.

    Args:
        fine: the label of each finest cell.
    """
    leaves, labels = [], []
    for level in range(grid.depth + 1):
        leaf = np.ones(grid.shape_at(level), dtype=bool)
        if level < grid.depth:
            leaf = _children(split[level + 1])
        if level > 0:
            leaf &= ~split[level]
        leaves.append(leaf)
        labels.append(_most_frequent(fine, leaf, 1 << level))
    return Octree(grid, tuple(leaves), tuple(labels))


def _children(cells: Bools) -> Bools:
    for axis in range(3):
        cells = np.repeat(cells, 2, axis=axis)
    return cells


def blocks_of(fine: NDArray[np.uint8], edge: int) -> NDArray[np.uint8]:
    """Return a view (i, edge, j, edge, k, edge) of an array in blocks."""
    i, j, k = (n // edge for n in fine.shape)
    return fine.reshape(i, edge, j, edge, k, edge)


def _most_frequent(fine: NDArray[np.uint8], leaf: Bools, edge: int) -> NDArray[np.uint8]:
    blocks = blocks_of(fine, edge)
    low, high = blocks.min(axis=(1, 3, 5)), blocks.max(axis=(1, 3, 5))
    label = np.where(leaf, low, 0).astype(np.uint8)
    mixed = np.argwhere(leaf & (low != high))
    step = max(MIXED_AT_ONCE // edge**3, 1)
    for start in range(0, len(mixed), step):
        i, j, k = mixed[start : start + step].T
        inside = blocks[i, :, j, :, k, :].reshape(len(i), -1)
        best, most = np.zeros(len(i), dtype=np.int64), np.zeros(len(i), dtype=np.uint8)
        for value in np.unique(inside)[::-1]:
            count = (inside == value).sum(axis=1)
            most[count > best] = value
            best = np.maximum(best, count)
        label[i, j, k] = most
    return label
