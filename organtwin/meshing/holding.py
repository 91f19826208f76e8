"""Holding: which cells to divide so that the pieces of structures stay whole, apart and there."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.meshing.octree import Octree
from organtwin.meshing.pieces import Match, Pieces

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
FEW_FAR = 0.02


def astray(tree: Octree, cells: NDArray[np.uint8], wanted: NDArray[np.int32], pieces: Pieces,
           *, loose: frozenset[int] = frozenset(), reach: int = 1) -> Ints:  # fmt: skip
    """Return finest cells (n, 3) to divide leaves at: there pieces are lost, broken or joined.

    Of what is broken or joined only the cells half-way between what shall be together, or apart.
    Also returned are cells far from those of their label, where many are: ends of thin structures.

    Args:
        cells: the label of the leaf that holds each finest cell.
        wanted: the piece of voxels at each finest cell.
        loose: labels of which only the largest piece counts, and only that it is not lost.
        reach: how many finest cells are not far.
    """
    found = []
    for label, window in _windows(cells, pieces.labels.astype(np.uint8)[wanted]):
        mine, want = cells[window] == label, wanted[window]
        free = ~tree.leaves[0][window]
        parts, count = ndimage.label(mine)
        match = _match(pieces, label, want, parts=parts, count=count)
        there = pieces.labels.astype(np.uint8)[want] == label
        off = there != mine
        lost = match.lost()
        lost = lost[pieces.labels[lost] == label]
        lost = _largest(pieces, label, lost) if label in loose else lost
        wrong = _among(want, lost, match.pieces) & off
        if label not in loose:
            whole = _among(want, match.broken(), match.pieces)
            wrong |= _between(whole, np.where(mine & whole, parts, 0))
            shared = _among(parts, match.joined(pieces), count)
            wrong |= _between(shared, np.where(shared & ~off, pieces.touching[want], 0))
            wrong |= _far(there, mine, reach)
        found.append(np.argwhere(wrong & free) + [w.start for w in window])
    return np.concatenate(found) if found else np.zeros((0, 3), dtype=np.int64)


def _among(numbers: NDArray[np.int32], chosen: Ints, most: int) -> Bools:
    """Return whether each number is one of the chosen."""
    table = np.zeros(most + 1, dtype=bool)
    table[chosen] = True
    result: Bools = table[numbers]
    return result


def _between(mask: Bools, numbers: Ints) -> Bools:
    """Return the cells of a mask half-way between those with different numbers, 0 being none."""
    found = np.zeros(mask.shape, dtype=bool)
    if not numbers.any():
        return found
    at = ndimage.distance_transform_edt(numbers == 0, return_distances=False, return_indices=True)
    near = numbers[tuple(at)]
    for axis in range(3):
        line, inside, met = (np.moveaxis(each, axis, 0) for each in (near, mask, found))
        differ = (line[1:] != line[:-1]) & inside[1:] & inside[:-1]
        met[1:] |= differ
        met[:-1] |= differ
    result: Bools = found & (numbers == 0)
    return result


def _far(wanted: Bools, mine: Bools, reach: int) -> Bools:
    """Return the cells wanted and far from mine; none where these are few."""
    few = FEW_FAR * np.count_nonzero(wanted)
    missing = wanted & ~mine
    if np.count_nonzero(missing) > few:
        missing &= ~ndimage.binary_dilation(mine, iterations=reach)
    return missing & (np.count_nonzero(missing) > few)


def _largest(pieces: Pieces, label: int, lost: Ints) -> Ints:
    """Return the largest piece of a label if it is lost."""
    largest = int(np.where(pieces.labels == label, pieces.voxels, 0).argmax())
    result: Ints = lost[lost == largest]
    return result


def _windows(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> Iterator[
    tuple[int, tuple[slice, ...]]
]:  # fmt: skip
    """Return each label with the box that holds it in both arrays."""
    most = int(max(first.max(), second.max()))
    boxes = (ndimage.find_objects(array, most) for array in (first, second))
    for label, both in enumerate(zip(*boxes, strict=True), start=1):
        there = [box for box in both if box is not None]
        if there:
            yield (
                label,
                tuple(
                    slice(min(b[a].start for b in there), max(b[a].stop for b in there))
                    for a in range(3)
                ),
            )


def _match(
    pieces: Pieces, label: int, want: NDArray[np.int32], *, parts: NDArray[np.int32], count: int
) -> Match:
    """Return which pieces of a label are which parts of its cells: those with cells in common."""
    both = (parts > 0) & (pieces.labels.astype(np.uint8)[want] == label)
    keys = np.unique(want[both].astype(np.int64) * (count + 1) + parts[both])
    return Match(keys // (count + 1), keys % (count + 1), len(pieces.labels) - 1, count)
