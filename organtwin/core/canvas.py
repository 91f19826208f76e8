"""Canvas: a LabelMap to draw on, moved from one state of the labels to another by Changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.boxes import Box, bounding
from organtwin.core.change import DRAWN, Change
from organtwin.core.errors import CaseDamaged
from organtwin.core.labelmap import Beneath, LabelMap, Structure, trimmed

Read = Callable[[str], LabelMap | Change]
"""Gives an object as it was put: a Change is not resolved."""
Way = dict[str, Change | None]
WAY_LIMIT: Final = 500
"""Changes that a canvas goes by at most; reading the whole labels is quicker than more."""

LOOKED_AT_ONCE: Final = 1 << 20
COUNTED: Final = ("_counts", "_faces")
"""What a LabelMap counts of its labels once it is asked; a Canvas keeps that up to date."""


class Canvas:
    """One whole set of labels that Changes are made on and taken back from, in place.

    Args:
        labels: copied.
        at: id of these labels, "" where they have none.
        depth: how many Changes that id lies above a whole LabelMap, None where that is not known.
    """

    def __init__(self, labels: LabelMap, at: str = "", depth: int | None = None) -> None:
        self.at, self.depth = at, depth
        self._voxels = labels.labels.copy(order="F")
        self._line = self._voxels.reshape(-1, order="F")
        self._counts = labels._counts
        self._faces = vars(labels).get("_faces")
        self._now = labels
        self._show(labels.structures, labels.beneath)

    @property
    def labels(self) -> LabelMap:
        """The labels as they stand; its voxels change with the next Change, copy what you keep."""
        return self._now

    def frozen(self) -> LabelMap:
        """Return the labels as they stand, copied."""
        now = self._now
        kept = LabelMap(self._voxels.copy(order="F"), now.affine, now.structures, now.beneath)
        vars(kept).update({key: vars(now)[key] for key in COUNTED if key in vars(now)})
        return kept

    def shown(self, where: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return (n,) uint8: the labels drawn at places counted in Fortran order."""
        return self._line[where]

    def hidden(self, label: int, where: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return (n,) bool: where a structure lies beneath another."""
        result = np.zeros(where.size, dtype=bool)
        for below in self._now.beneath:
            if below.label == label:
                index = _unravelled(where, self._voxels.shape) - np.array(below.start)[:, None]
                size = np.array(below.voxels.shape)[:, None]
                inside = ((index >= 0) & (index < size)).all(axis=0)
                result[inside] = below.voxels[tuple(index[:, inside])]
        return result

    def held(self, name: str, where: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return (n,) bool: where a structure, with everything inside it, is."""
        labels = [s.label for s in self._now.inside(name)]
        result: NDArray[np.bool_] = np.isin(self.shown(where), labels)
        for below in self._now.beneath:
            if below.label in labels:
                result |= self.hidden(below.label, where)
        return result

    def apply(self, change: Change, at: str = "") -> None:
        """Make a Change that was found on these labels; `at` is its id."""
        self._patch(change, change.structures, back=False)
        self.at, self.depth = at, change.depth

    def revert(self, change: Change) -> None:
        """Take the last Change back."""
        self._patch(change, change.structures_before, back=True)
        self.at, self.depth = change.before, change.depth - 1

    def _patch(self, change: Change, structures: tuple[Structure, ...], *, back: bool) -> None:
        beneath = self._now.beneath
        for patch in change.patches:
            where, old, new = patch.voxels(self._line.size)
            if back:
                old, new = new, old
            if patch.sheet == DRAWN:
                self._draw(where, new)
            else:
                beneath = _laid(beneath, patch.sheet, self._voxels.shape, where=where, new=new)
        self._show(structures, beneath)

    def _draw(self, where: NDArray[np.int64], new: NDArray[np.uint8]) -> None:
        """Show other labels at places; what is counted of the labels goes along."""
        lost, won = (np.bincount(v, minlength=256) for v in (self._line[where], new))
        self._counts = self._counts - lost + won
        known = vars(self._now).get("_faces")  # somebody may have asked for it meanwhile
        if known is None:
            self._line[where], self._faces = new, None
            return
        plane = self._voxels.shape[0] * self._voxels.shape[1]
        over = np.union1d(where, where + plane)
        before = self._ends(over, plane)
        self._line[where] = new
        self._faces = known - before + self._ends(over, plane)

    def _ends(self, over: NDArray[np.int64], plane: int) -> NDArray[np.int64]:
        """Count what LabelMap._faces counts, of the faces under some places only."""
        size = self._line.size
        sides = [
            np.where((at >= 0) & (at < size), self._line[at.clip(0, size - 1)], 0)
            for at in (over - plane, over)
        ]
        below, above = (side.astype(np.intp) for side in sides)
        pairs = (256 * below + above)[below != above]
        return np.bincount(pairs, minlength=256 * 256).reshape(256, 256)

    def _show(self, structures: tuple[Structure, ...], beneath: tuple[Beneath, ...]) -> None:
        seen = self._voxels.view()
        seen.flags.writeable = False
        self._now = LabelMap(seen, self._now.affine, structures, beneath)
        vars(self._now)["_counts"] = self._counts
        if self._faces is not None:
            vars(self._now)["_faces"] = self._faces


def resolved(read: Read, labels: str) -> LabelMap:
    """Return the whole LabelMap that the id of a Change stands for; raises CaseDamaged."""
    base, changes = changes_since_whole(read, labels)
    whole = read(base)
    assert isinstance(whole, LabelMap)
    canvas = Canvas(whole)
    for change in changes:
        canvas.apply(change)
    return canvas.labels


def changes_since_whole(read: Read, labels: str) -> tuple[str, list[Change]]:
    """Return the id of the whole LabelMap beneath some labels, and what was done, oldest first.

    Raises:
        CaseDamaged: an object on the way is missing or is no labels.
    """
    changes: list[Change] = []
    thing: Any = read(labels)
    while isinstance(thing, Change):
        changes.append(thing)
        labels = thing.before
        thing = read(labels)
    if not isinstance(thing, LabelMap):
        raise CaseDamaged(f"the object {labels[:12]} holds no labels")
    return labels, changes[::-1]


def follow(canvas: Canvas, read: Read, labels: str) -> Box | None:
    """Move a canvas to other labels by way of the Changes between; returns the box that changed.

    None where no Changes lead there: then nothing was moved. An empty box where only names, colours
    or nothing changed.
    """
    behind: Way = {canvas.at: None} if canvas.depth == 0 else _way(read, canvas.at)
    ahead: Way = {labels: None} if labels in behind else _way(read, labels)
    common = next((one for one in behind if one in ahead), None)
    if common is None:
        return None
    boxes = []
    for change in _until(behind, common):
        canvas.revert(change)
        boxes.append(change.box)
    for change in reversed(_until(ahead, common)):
        canvas.apply(change)
        boxes.append(change.box)
    canvas.at = labels
    drawn = [box for box in boxes if box[0].stop > box[0].start]
    return bounding(drawn) if drawn else (slice(0, 0), slice(0, 0), slice(0, 0))


def _way(read: Read, labels: str) -> Way:
    """Return the ids on the way back from some labels, the newest first.

    It does not end at whole labels that were put to shorten a chain, and they are not read.
    """
    way: Way = {}
    while labels and len(way) < WAY_LIMIT:
        change = read(labels)
        if not isinstance(change, Change):
            way[labels] = None
            break
        way[labels] = change
        labels = change.before
        if change.depth <= 1:
            way[labels] = None
            labels = change.beside
    return way


def _until(way: Way, common: str) -> list[Change]:
    """Return the Changes of a way before the common id, the newest first."""
    ids = list(way)
    return [change for one in ids[: ids.index(common)] if (change := way[one]) is not None]


def _unravelled(where: NDArray[np.int64], shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Return (3, n) int64: indices of places counted in Fortran order."""
    rest, i = np.divmod(where, shape[0])
    k, j = np.divmod(rest, shape[1])
    return np.stack([i, j, k])


def box_of(where: NDArray[np.int64], shape: tuple[int, ...]) -> Box:
    """Return the smallest box around places on a grid, at least one."""
    boxes: list[Box] = []
    for start in range(0, where.size, LOOKED_AT_ONCE):
        index = _unravelled(where[start : start + LOOKED_AT_ONCE], shape)
        ends = zip(index.min(axis=1).tolist(), index.max(axis=1).tolist(), strict=True)
        i, j, k = (slice(first, last + 1) for first, last in ends)
        boxes.append((i, j, k))
    return bounding(boxes)


def _laid(
    beneath: tuple[Beneath, ...],
    label: int,
    shape: tuple[int, ...],
    *,
    where: NDArray[np.int64],
    new: NDArray[np.uint8],
) -> tuple[Beneath, ...]:
    """Return what lies beneath with the voxels of one structure changed, on a grid of a shape."""
    index = _unravelled(where, shape)
    old = [below for below in beneath if below.label == label]
    around = bounding([box_of(where, shape), *(below.box for below in old)])
    sheet = np.zeros([axis.stop - axis.start for axis in around], dtype=bool, order="F")
    start = np.array([axis.start for axis in around])
    for below in old:
        i, j, k = (
            slice(axis.start - int(a), axis.stop - int(a))
            for axis, a in zip(below.box, start, strict=True)
        )
        sheet[i, j, k] = below.voxels
    sheet[tuple(index - start[:, None])] = new > 0
    kept = trimmed(label, tuple(start), sheet)
    others = [below for below in beneath if below.label != label]
    return tuple(sorted([*others, *([kept] if kept else [])], key=lambda below: below.label))
