"""Boxes of voxels on a grid: three slices with whole, non-negative ends."""

from __future__ import annotations

from collections.abc import Sequence

Box = tuple[slice, slice, slice]


def whole(shape: tuple[int, ...]) -> Box:
    """Return the box of a whole grid."""
    i, j, k = (slice(0, n) for n in shape)
    return i, j, k


def bounding(boxes: Sequence[Box]) -> Box:
    """Return the smallest box around at least one."""
    i, j, k = (
        slice(min(a.start for a in axis), max(a.stop for a in axis))
        for axis in zip(*boxes, strict=True)
    )
    return i, j, k


def shared(one: Box, other: Box) -> tuple[Box, Box]:
    """Return what two boxes share, seen from the start of each; empty slices where nothing."""
    common = [
        (max(a.start, b.start), max(a.start, b.start, min(a.stop, b.stop)))
        for a, b in zip(one, other, strict=True)
    ]

    def seen_from(box: Box) -> Box:
        i, j, k = (
            slice(start - a.start, stop - a.start)
            for (start, stop), a in zip(common, box, strict=True)
        )
        return i, j, k

    return seen_from(one), seen_from(other)
