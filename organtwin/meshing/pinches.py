"""Pinches: places where a structure's cells touch along an edge or at a corner only, undone.

A surface that touches itself is no manifold: a part of the structure hangs on a hinge, and readers
of surfaces find edges with four triangles. A single cell given to another label separates what
touches or joins it; volumes are restored later by the surfaces' points.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from organtwin.meshing.octree import Octree

Ints = NDArray[np.int64]
Labels = NDArray[np.uint8]
CORNERS = np.array(list(product((0, 1), repeat=3)))
AROUND = np.array(list(product((-1, 0, 1), repeat=3)))
CENTRE = 13
BESIDE = np.flatnonzero(np.abs(AROUND).sum(axis=1) == 1)
OCTANTS = (CORNERS[:, None] + CORNERS) @ np.array([9, 3, 1])
"""(8, 8): of 27 cells, those about each of the eight corners of the middle one."""
ROUNDS = 12
MOST_CHANGED = 0.02
MARGIN = 3
FARTHEST = 8


def _torn() -> NDArray[np.bool_]:
    """Return (256,) whether eight cells around a corner, by bits, touch without sharing faces.

    So they do when those in, or those out, are not connected by faces (Latecki, Eckhardt &
    Rosenfeld 1995, well-composed sets).
    """
    result = np.zeros(256, dtype=bool)
    for code in range(256):
        for side in (True, False):
            left = {n for n in range(8) if bool(code >> n & 1) == side}
            todo = [left.pop()] if left else []
            while todo:
                near = {todo[-1] ^ bit for bit in (1, 2, 4)} & left
                todo = [*todo[:-1], *near]
                left -= near
            result[code] |= bool(left)
    return result


TORN = _torn()


class Pinches:
    """Counts, at corners of cells, of how many structures the surface touches itself.

    Args:
        insides: of each structure, its label and those within it.
    """

    def __init__(self, insides: Iterable[tuple[int, ...]]) -> None:
        columns = [np.isin(np.arange(256), inside) for inside in insides]
        self._within = np.stack(columns, axis=1) if columns else np.zeros((256, 0), dtype=bool)

    def at(self, patterns: Labels) -> Ints:
        """Return (…,) the count at corners with cells (…, 8) of these labels around."""
        keys = np.ascontiguousarray(patterns).view(np.uint64)[..., 0]
        found, index = np.unique(keys, return_inverse=True)
        within = self._within[found[:, None].view(np.uint8)]
        codes = (within << np.arange(8)[:, None]).sum(axis=1)
        result: Ints = TORN[codes].sum(axis=1)[index.reshape(keys.shape)]
        return result

    def of(self, cells: Labels) -> Ints:
        """Return (n, 3) corners where a surface touches itself: the cells there have these indices.

        Or one more, along each axis.
        """
        i, j, k = (n - 1 for n in cells.shape)
        low = high = cells[:i, :j, :k]
        for a, b, c in CORNERS[1:]:
            beside = cells[a : i + a, b : j + b, c : k + c]
            low, high = np.minimum(low, beside), np.maximum(high, beside)
        mixed = np.argwhere(low != high)
        patterns = cells[tuple(np.moveaxis(mixed[:, None] + CORNERS, -1, 0))]
        return mixed[self.at(patterns) > 0]


def unpinched(tree: Octree, pinches: Pinches) -> Octree:
    """Return the octree with finest leaves relabelled where that leaves fewer pinches.

    No leaf is taken from a label whose leaves around it would not hold together without it. No
    label gains or loses more than a fiftieth of its volume: what is a cell thick, and touches
    itself everywhere, is left as it is.
    """
    cells = np.pad(expanded(tree), MARGIN)
    allowed = MOST_CHANGED * np.bincount(cells.ravel(), minlength=256)
    allowed[0] = np.inf
    finest = np.pad(tree.leaves[0], MARGIN)
    for _ in range(ROUNDS):
        at, to = _offers(cells, finest, pinches.of(cells))
        around = cells[tuple(np.moveaxis(at[:, None] + AROUND, -1, 0))]
        after = around.copy()
        after[:, CENTRE] = to
        gain = (pinches.at(around[:, OCTANTS]) - pinches.at(after[:, OCTANTS])).sum(axis=1)
        alike = (around[:, BESIDE] == to[:, None]).sum(axis=1)
        useful = np.flatnonzero((gain > 0) & _dispensable(around))
        order = useful[np.lexsort((-alike[useful], -gain[useful]))]
        taken = np.zeros(cells.shape, dtype=bool)
        for (i, j, k), label in zip(at[order].tolist(), to[order].tolist(), strict=True):
            both = [label, cells[i, j, k]]
            if not taken[i, j, k] and allowed[both].min() >= 1.0:
                allowed[both] -= 1.0
                taken[i - 2 : i + 3, j - 2 : j + 3, k - 2 : k + 3] = True
                cells[i, j, k] = label
        if not taken.any():
            break
    inner = cells[MARGIN:-MARGIN, MARGIN:-MARGIN, MARGIN:-MARGIN]
    labels = np.where(tree.leaves[0], inner, tree.labels[0])
    return replace(tree, labels=(labels, *tree.labels[1:]))


def _offers(cells: Labels, finest: NDArray[np.bool_], corners: Ints) -> tuple[Ints, Labels]:
    """Return finest cells (n, 3) at corners (p, 3), and the label (n,) of another there."""
    around = corners[:, None] + CORNERS
    labels = cells[tuple(np.moveaxis(around, -1, 0))].astype(np.int64)
    key = np.ravel_multi_index(tuple(np.moveaxis(around, -1, 0)), cells.shape)
    pairs = np.unique(key[:, :, None] * 256 + labels[:, None, :])
    at = np.stack(np.unravel_index(pairs // 256, cells.shape), axis=-1)
    to = (pairs % 256).astype(np.uint8)
    place = tuple(at.T)
    chosen = finest[place] & (cells[place] != to)
    return at[chosen], to[chosen]


def _dispensable(around: Labels) -> NDArray[np.bool_]:
    """Return (n,) whether the label of the middle of 27 cells (n, 27) holds together without it."""
    alike = around == around[:, [CENTRE]]
    alike[:, CENTRE] = False
    beside = np.zeros_like(alike)
    beside[:, BESIDE] = alike[:, BESIDE]
    reached = np.zeros_like(alike)
    rows = np.arange(len(alike))
    reached[rows, beside.argmax(axis=1)] = beside.any(axis=1)
    for _ in range(FARTHEST):
        block = reached.reshape(-1, 3, 3, 3)
        grown = block.copy()
        for axis in (1, 2, 3):
            here, there = np.moveaxis(block, axis, 0), np.moveaxis(grown, axis, 0)
            there[1:] |= here[:-1]
            there[:-1] |= here[1:]
        reached = grown.reshape(-1, 27) & alike
    whole = beside.any(axis=1) & ~(beside & ~reached).any(axis=1)
    result: NDArray[np.bool_] = whole | (around[:, CENTRE] == 0)
    return result


def expanded(tree: Octree) -> Labels:
    """Return the label of the leaf that holds each finest cell."""
    found = np.zeros(tree.grid.shape_at(tree.grid.depth), dtype=np.uint8)
    for level in range(tree.grid.depth, -1, -1):
        found |= np.where(tree.leaves[level], tree.labels[level], np.uint8(0))
        if level > 0:
            for axis in range(3):
                found = np.repeat(found, 2, axis=axis)
    return found
