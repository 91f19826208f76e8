"""Which structures a voxel belongs to after one gains or loses it, and which of them shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from organtwin.core.boxes import bounding
from organtwin.core.canvas import Canvas, box_of
from organtwin.core.change import DRAWN, Change, Patch, Voxels
from organtwin.core.labelmap import Structure
from organtwin.editing.asking import Asked, family
from organtwin.editing.ground import NOWHERE, Ground, Places

Owners = Mapping[int, NDArray[np.bool_]]
"""Label → (n,) bool: at which of n places a structure is, itself and not by what lies in it."""
Sheets = dict[int, Voxels]
"""Sheet of the labels → what changed on it."""


@dataclass(frozen=True, eq=False)
class Turn:
    """What a tool wants of one structure: places it gains and places it loses."""

    structure: str
    gains: Places = field(default_factory=lambda: NOWHERE)
    loses: Places = field(default_factory=lambda: NOWHERE)


def settled(ground: Ground, asked: Asked, turn: Turn) -> list[Sheets]:
    """Return what one turn changes, within the limits that were asked for."""
    found = []
    if turn.loses.size:
        found.append(_lost(ground, asked, turn.structure, turn.loses))
    if turn.gains.size:
        found.append(_gained(ground, asked, turn.structure, turn.gains))
    return found


def _gained(ground: Ground, asked: Asked, structure: str, where: Places) -> Sheets:
    """A structure gets places; others lose them, or keep them where structures may overlap."""
    canvas = ground.canvas
    around, inner = family(ground.labels, structure)
    label = ground.labels.structure(structure).label
    where = where[ground.allowed(asked, where)]
    owners = owners_at(canvas, where)
    free = np.ones(where.size, dtype=bool)
    for owner, held in owners.items():
        if not asked.over[owner]:
            free &= ~held
    where = where[free]
    owners = {owner: held[free] for owner, held in owners.items()}
    after = {label: np.ones(where.size, dtype=bool)}
    if asked.overlapping:
        after = {o: held for o, held in owners.items() if o not in {*around, label}} | after
        for one in inner & {*after}:
            after[label] = after[label] & ~after[one]
    return redrawn(canvas, where, owners, after)


def _lost(ground: Ground, asked: Asked, structure: str, where: Places) -> Sheets:
    """A structure loses places, with what lies inside it; what contains it keeps them."""
    canvas, labels = ground.canvas, ground.labels
    one = labels.structure(structure)
    where = where[ground.allowed(asked, where)]
    owners = owners_at(canvas, where)
    taken = {one.label} | asked.inner
    return without(canvas, where, taken=taken, owners=owners, heir=one.within)


def without(canvas: Canvas, where: Places, *, taken: set[int], owners: Owners, heir: str) -> Sheets:
    """Return what changes when some labels lose places; the structure `heir` keeps what it held."""
    labels = canvas.labels
    touched = np.zeros(where.size, dtype=bool)
    for label in taken & {*owners}:
        touched |= owners[label]
    where = where[touched]
    owners = {label: held[touched] for label, held in owners.items()}
    after = {label: held for label, held in owners.items() if label not in taken}
    if heir in {s.name for s in labels.structures}:
        there = np.zeros(where.size, dtype=bool)
        for label in {s.label for s in labels.inside(heir)} & {*after}:
            there |= after[label]
        label = labels.structure(heir).label
        after[label] = ~there | after.get(label, np.zeros(where.size, dtype=bool))
    return redrawn(canvas, where, owners, after)


def owners_at(canvas: Canvas, where: Places) -> dict[int, NDArray[np.bool_]]:
    """Return which structures are at places, shown or beneath."""
    shown = canvas.shown(where)
    there = np.flatnonzero(np.bincount(shown, minlength=256))
    owners = {int(label): shown == label for label in there if label}
    for below in canvas.labels.beneath:
        hidden = canvas.hidden(below.label, where)
        if hidden.any():
            owners[below.label] = owners.get(below.label, False) | hidden
    return owners


def redrawn(
    canvas: Canvas,
    where: Places,
    before: Owners,
    after: Owners,
    *,
    structures: Sequence[Structure] | None = None,
) -> Sheets:
    """Return what changes on each sheet when places belong to `after`: the last drawn one shows.

    Args:
        structures: in their order of drawing, that of the canvas unless said.
    """
    ordered = canvas.labels.structures if structures is None else structures
    rank = np.zeros(256, dtype=np.uint8)
    by_rank = np.zeros(256, dtype=np.uint8)
    for number, structure in enumerate(ordered, start=1):
        rank[structure.label], by_rank[number] = number, structure.label
    top = np.zeros(where.size, dtype=np.uint8)
    for label, held in after.items():
        top = np.maximum(top, held * rank[label])
    old, new = canvas.shown(where), by_rank[top]
    sheets = {DRAWN: _differing(where, old, new)}
    for label in {*before, *after}:
        nowhere = np.zeros(where.size, dtype=bool)
        hid = before.get(label, nowhere) & (old != label)
        hides = after.get(label, nowhere) & (new != label)
        sheets[label] = _differing(where, hid.astype(np.uint8), hides.astype(np.uint8))
    return {sheet: voxels for sheet, voxels in sheets.items() if voxels[0].size}


def _differing(where: Places, old: NDArray[np.uint8], new: NDArray[np.uint8]) -> Voxels:
    differ = old != new
    return where[differ], old[differ], new[differ]


def change_of(
    canvas: Canvas, found: Iterable[Sheets], structures: tuple[Structure, ...] | None = None
) -> Change | None:
    """Return a Change of a canvas, None where nothing changes.

    Args:
        found: what changes; on no sheet may a place be twice.
        structures: after it, those of the canvas unless said.
    """
    by_sheet: dict[int, list[Voxels]] = {}
    for sheets in found:
        for sheet, voxels in sheets.items():
            by_sheet.setdefault(sheet, []).append(voxels)
    before = canvas.labels.structures
    after = before if structures is None else structures
    patches, boxes = [], []
    for sheet, parts in sorted(by_sheet.items()):
        where, old, new = (np.concatenate(kind) for kind in zip(*parts, strict=True))
        if len(parts) > 1:
            order = np.argsort(where, kind="stable")
            where, old, new = where[order], old[order], new[order]
        patches.append(Patch.of(sheet, (where, old, new)))
        boxes.append(box_of(where, canvas.labels.labels.shape))
    if not patches and after == before:
        return None
    made = Change(canvas.at, after, before, tuple(patches), depth=1 + (canvas.depth or 0))
    if not boxes:
        return made
    i, j, k = bounding(boxes)
    return replace(made, start=(i.start, j.start, k.start), stop=(i.stop, j.stop, k.stop))
