"""Change: what one gesture did to labels, so small that it is on the disk before it is missed."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from organtwin.core.boxes import Box
from organtwin.core.content import noun, read_only
from organtwin.core.errors import CaseDamaged
from organtwin.core.labelmap import Structure

RUN_BYTES: Final = 18
DRAWN: Final = 0
"""The sheet of what shows; any other is the label of a structure: its voxels beneath."""
Voxels = tuple[NDArray[np.int64], NDArray[np.uint8], NDArray[np.uint8]]
"""Places on the grid, counted in Fortran order, ascending; what was there; what is there now."""


@noun
@dataclass(frozen=True, eq=False)
class Patch:
    """The voxels that changed on one sheet of a LabelMap, as runs along i.

    Args:
        sheet: `DRAWN`, where values are labels, or the label of a structure, where 1 is a voxel of
            it beneath another and 0 is none.
        runs: how many.
        packed: (n,) uint8: zlib (RFC 1950) of each run's gap to the end of the one before and its
            length in voxels (both uint64, little endian), its old and its new value (uint8), kind
            by kind.
    """

    sheet: int
    runs: int
    packed: NDArray[np.uint8]

    def __post_init__(self) -> None:
        """Freeze the array; raise CaseDamaged for what is no number of runs."""
        object.__setattr__(self, "packed", read_only(self.packed, np.uint8))
        if not isinstance(self.runs, int) or self.runs < 1:
            raise CaseDamaged("a change of labels has no runs")

    @classmethod
    def of(cls, sheet: int, voxels: Voxels) -> Self:
        """Pack at least one voxel."""
        where, old, new = voxels
        breaks = (np.diff(where) != 1) | (old[1:] != old[:-1]) | (new[1:] != new[:-1])
        first = np.concatenate([[0], np.flatnonzero(breaks) + 1])
        lengths = np.diff(np.append(first, where.size))
        starts = where[first]
        gaps = starts - np.concatenate([[0], (starts + lengths)[:-1]])
        kinds = (gaps.astype("<u8"), lengths.astype("<u8"), old[first], new[first])
        content = zlib.compress(b"".join(kind.tobytes() for kind in kinds), level=1)
        return cls(sheet, len(first), np.frombuffer(content, np.uint8))

    def voxels(self, size: int) -> Voxels:
        """Unpack; `size` is the number of voxels of the grid.

        Raises:
            CaseDamaged: these are no runs on such a grid.
        """
        runs = self.runs
        try:
            unpack = zlib.decompressobj()
            content = unpack.decompress(self.packed.tobytes(), RUN_BYTES * min(runs, size) + 1)
        except zlib.error as error:
            raise CaseDamaged(f"a change of labels cannot be unpacked ({error})") from error
        if len(content) != RUN_BYTES * runs or not unpack.eof:
            raise CaseDamaged("a change of labels is not as long as it says")
        gaps, lengths = np.frombuffer(content, "<u8", 2 * runs).reshape(2, runs)
        old, new = np.frombuffer(content, np.uint8, 2 * runs, 16 * runs).reshape(2, runs)
        if runs and (max(gaps.max(), lengths.max()) > size or gaps.sum() + lengths.sum() > size):
            raise CaseDamaged("a change of labels reaches off the grid")
        counts = lengths.astype(np.int64)
        ramp = np.arange(int(counts.sum()), dtype=np.int64)
        where = np.repeat(np.cumsum(gaps.astype(np.int64)), counts) + ramp
        return where, np.repeat(old, counts), np.repeat(new, counts)


@noun
@dataclass(frozen=True, eq=False)
class Change:
    """What one gesture made of the labels before it.

    Its id stands for the labels after it, wherever the id of a LabelMap does: the store gives the
    whole LabelMap (`organtwin.core.canvas`).

    Args:
        before: id of the labels before, a LabelMap or another Change.
        structures: after the gesture, in the order of drawing.
        structures_before: those before it.
        start, stop: indices (i, j, k) of the box in which voxels changed, `stop` not included; all
            0 where none did.
        depth: how many changes lie on the last whole LabelMap, this one included.
        beside: id of labels that are the same as those before, where these were put only so that a
            chain is short: by it one goes on without reading them.
    """

    before: str
    structures: tuple[Structure, ...]
    structures_before: tuple[Structure, ...]
    patches: tuple[Patch, ...] = ()
    start: tuple[int, int, int] = (0, 0, 0)
    stop: tuple[int, int, int] = (0, 0, 0)
    depth: int = 1
    beside: str = ""

    @property
    def box(self) -> Box:
        """Where voxels changed."""
        i, j, k = (slice(a, b) for a, b in zip(self.start, self.stop, strict=True))
        return i, j, k
