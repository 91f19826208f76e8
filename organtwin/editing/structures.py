"""The list of structures itself: add, rename, recolour, reorder, remove."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from organtwin.core.canvas import Canvas
from organtwin.core.change import Change
from organtwin.core.errors import BadArgument
from organtwin.core.labelmap import Structure
from organtwin.core.names import checked_name
from organtwin.editing.ground import Ground, Places
from organtwin.editing.settling import Sheets, change_of, owners_at, redrawn, without


def added(canvas: Canvas, new: Structure) -> Change | None:
    """Add a structure without voxels, drawn over the others; raises BadArgument when it exists."""
    old = canvas.labels.structures
    if new.name in [s.name for s in old]:
        raise BadArgument(f"there is a structure {new.name!r} already", where="structure")
    return change_of(canvas, (), _in_order((*old, checked(new, [s.name for s in old]))))


def renamed(canvas: Canvas, name: str, to: str, term: Structure | None = None) -> Change | None:
    """Give a structure another name.

    Args:
        term: what the new name stands for: its kind and code are taken; without it they stay.

    Raises:
        BadArgument: that is taken, or names what an outer structure of it, or one drawn before it,
            lies within.
    """
    old = canvas.labels.structures
    canvas.labels.structure(name)
    if to in [s.name for s in old]:
        raise BadArgument(f"there is a structure {to!r} already", where="to")
    checked_name(to, [s.name for s in old if s.name != name], where="to")
    new = [replace(s, within=to if s.within == name else s.within) for s in old]
    place = [s.name for s in old].index(name)
    meant = term or old[place]
    new[place] = checked(replace(new[place], name=to, kind=meant.kind, code=meant.code))
    ordered = _in_order(new)
    if ordered != tuple(new):
        raise BadArgument(
            f"{to} has to be drawn before what lies within it",
            where="to",
            advice=f"reorder first: {name} before it",
        )
    return change_of(canvas, (), ordered)


def recoloured(canvas: Canvas, name: str, colour: Sequence[float]) -> Change | None:
    """Give a structure another colour: red, green, blue, each 0..1; raises BadArgument."""
    canvas.labels.structure(name)
    new = [
        replace(s, colour=colour_of(colour)) if s.name == name else s
        for s in canvas.labels.structures
    ]
    return change_of(canvas, (), tuple(new))


def reordered(canvas: Canvas, names: Sequence[str]) -> Change | None:
    """Draw the structures in another order, later over earlier.

    Raises:
        BadArgument: not every structure once, or one before the structure it lies within.
    """
    old = canvas.labels.structures
    if sorted(map(str, names)) != sorted(s.name for s in old):
        raise BadArgument(
            "every structure has its place in the order, once",
            where="order",
            advice="there are: " + ", ".join(s.name for s in old),
        )
    new = tuple(canvas.labels.structure(name) for name in names)
    if new != (allowed := _in_order(new)):
        raise BadArgument(
            "what lies within a structure is drawn after it",
            where="order",
            advice="such an order is: " + ", ".join(s.name for s in allowed),
        )
    found = []
    if canvas.labels.beneath:
        ground = Ground(canvas)
        where = np.unique(
            np.concatenate([ground.places(b.voxels, b.box) for b in canvas.labels.beneath])
        )
        owners = owners_at(canvas, where)
        found.append(redrawn(canvas, where, owners, owners, structures=new))
    return change_of(canvas, found, new)


def removed(canvas: Canvas, name: str) -> Change | None:
    """Remove a structure: its voxels go to what contains it, what lies inside it moves up."""
    labels = canvas.labels
    gone = labels.structure(name)
    where = _own_places(canvas, gone)
    owners = owners_at(canvas, where)
    sheets: Sheets = without(canvas, where, taken={gone.label}, owners=owners, heir=gone.within)
    new = tuple(
        replace(s, within=gone.within) if s.within == name else s
        for s in labels.structures
        if s.name != name
    )
    return change_of(canvas, [sheets], new)


def _own_places(canvas: Canvas, structure: Structure) -> Places:
    voxels = canvas.labels.labels
    plane = voxels.shape[0] * voxels.shape[1]
    parts = [
        np.flatnonzero(voxels[:, :, k].ravel(order="F") == structure.label) + k * plane
        for k in range(voxels.shape[2])
    ]
    ground = Ground(canvas)
    parts += [
        ground.places(b.voxels, b.box) for b in canvas.labels.beneath if b.label == structure.label
    ]
    return np.unique(np.concatenate(parts))


def _in_order(structures: Sequence[Structure]) -> tuple[Structure, ...]:
    """Return structures in their order, but each after the one it lies within."""
    ordered: list[Structure] = []
    waiting = list(structures)
    names = {s.name for s in structures}
    while waiting:
        there = {s.name for s in ordered}
        ready = next((s for s in waiting if s.within not in names or s.within in there), None)
        if ready is None:
            raise BadArgument("structures lie within each other in a circle", where=waiting[0].name)
        ordered.append(ready)
        waiting.remove(ready)
    return tuple(ordered)


def checked(structure: Structure, among: Sequence[str] = ()) -> Structure:
    """Return a structure if a person can name it so beside others; raises BadArgument."""
    checked_name(structure.name, among, where="structure")
    colour_of(structure.colour)
    if not 1 <= structure.label <= 255:
        raise BadArgument("a label lies between 1 and 255", where="label")
    return structure


def colour_of(values: Sequence[float]) -> tuple[float, float, float]:
    """Return red, green and blue; raises BadArgument unless they are three numbers of 0 to 1."""
    fits = [isinstance(value, int | float) and 0.0 <= value <= 1.0 for value in values]
    if len(fits) != 3 or not all(fits):
        raise BadArgument("a colour is red, green and blue, each 0 to 1", where="colour")
    red, green, blue = values
    return red, green, blue
