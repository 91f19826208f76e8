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


def astray(tree: Octree, cells: NDArray[np.uint8], wanted: NDArray[np.int32], pieces: Pieces,
           *, thin: Bools, all_pieces: bool = True) -> Ints:  # fmt: skip
    """Return finest cells (n, 3) to divide leaves at: there pieces are lost, broken or joined.

    Where thin places explain it only these are returned, those of leaves that may be divided.

    Args:
        cells: the label of the leaf that holds each finest cell.
        wanted: the piece of voxels at each finest cell.
        thin: whether the voxel there is in no block of eight voxels of its label.
        all_pieces: or else only the largest one of each label, and only that it is not lost.
    """
    found = []
    for label, window in _windows(cells, pieces.labels.astype(np.uint8)[wanted]):
        mine, want, slim = cells[window] == label, wanted[window], thin[window]
        free = ~tree.leaves[0][window]
        parts, count = ndimage.label(mine)
        match = _match(pieces, label, want, parts=parts, count=count)
        off = (pieces.labels.astype(np.uint8)[want] == label) != mine
        lost = match.lost()
        lost = lost[pieces.labels[lost] == label]
        lost = lost if all_pieces else _largest(pieces, label, lost)
        wrong = _among(want, lost, match.pieces) & off
        if all_pieces:
            gap = off & free
            wrong |= _thinnest(gap & _among(want, match.broken(), match.pieces), slim, want)
            wrong |= _thinnest(gap & mine & _among(parts, match.joined(pieces), count), slim, parts)
        found.append(np.argwhere(wrong & free) + [w.start for w in window])
    return np.concatenate(found) if found else np.zeros((0, 3), dtype=np.int64)


def _among(numbers: NDArray[np.int32], chosen: Ints, most: int) -> Bools:
    """Return whether each number is one of the chosen."""
    table = np.zeros(most + 1, dtype=bool)
    table[chosen] = True
    result: Bools = table[numbers]
    return result


def _thinnest(gap: Bools, slim: Bools, numbers: NDArray[np.int32]) -> Bools:
    """Return of the cells of a gap those at thin places, of each number that has any there."""
    there = np.unique(numbers[gap & slim]).astype(np.int64)
    return gap & (slim | ~_among(numbers, there, int(numbers.max(initial=0))))


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
