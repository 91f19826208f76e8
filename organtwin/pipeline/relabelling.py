"""New labels upon those there are: what changes is said, and what a person did is not lost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy import ndimage

from organtwin.core.case import Visit, Work, WorkState
from organtwin.core.errors import BadArgument, WouldReplace
from organtwin.core.labelmap import LabelMap, Structure, stacked
from organtwin.core.names import checked_name

FINISHED: Final[tuple[WorkState, ...]] = ("done", "reviewed")
FREE: Final = (*range(11, 101), *range(255, 100, -1), *range(1, 11))
"""Labels for a structure whose own is taken, in the order of choosing."""


@dataclass(frozen=True)
class Changed:
    """A structure whose voxels are others than before.

    Args:
        before_ml: None where it was not there, or held nothing.
        after_ml: None where it is gone.
        loses: whether voxels left it.
        elsewhere: whether none of its voxels stayed.
    """

    name: str
    before_ml: float | None
    after_ml: float | None
    loses: bool
    elsewhere: bool

    def said(self, *, withheld: bool = False) -> str:
        """Return it in a few words for a person, volumes in mL unless they are withheld."""
        if self.before_ml is None:
            return f"{self.name} {'withheld' if withheld else f'{self.after_ml:.1f} mL'}"
        if self.after_ml is None:
            return f"{self.name} is gone" + f" ({self.before_ml:.1f} mL)" * (not withheld)
        if withheld:
            return f"{self.name} changed"
        before, after = f"{self.before_ml:.1f}", f"{self.after_ml:.1f}"
        moved = " (other voxels)" * (before == after)
        return f"{self.name} {before} → {after} mL{moved}"


def changes(before: LabelMap | None, after: LabelMap) -> tuple[Changed, ...]:
    """Return what is new or other in labels, in their order, then what is gone."""
    old = {s.name: before.volume_ml(s.name) for s in before.structures} if before else {}
    found = []
    for name in dict.fromkeys([*(s.name for s in after.structures), *old]):
        had, stays = old.get(name, 0.0), any(s.name == name for s in after.structures)
        if before is None or not had or not stays:
            has = after.volume_ml(name) if stays else None
            if had or has:
                found.append(Changed(name, had or None, has, bool(had), bool(had)))
            continue
        one, other = before.mask(name), after.mask(name)
        if not np.array_equal(one, other):
            loses, kept = bool((one & ~other).any()), bool((one & other).any())
            found.append(Changed(name, had, after.volume_ml(name), loses, not kept))
    return tuple(found)


def require_asked(
    visit: Visit | None,
    found: Iterable[Changed],
    *,
    drawn_too: bool,
    tumours: Sequence[str],
    withheld: bool = False,
) -> None:
    """Raise WouldReplace where changes go over what a person did and nobody asked for that.

    That is a structure done or reviewed that would change at all, and a tumour that would become
    another lesion.

    Args:
        visit: whose work it is; None where there is no case.
        drawn_too: whether a structure in progress by hand may not lose voxels either.
        tumours: names of the tumours among them.
    """
    lost = []
    for one in (c for c in found if c.before_ml is not None):
        work = visit.work_on(one.name) if visit else Work(one.name, "not started")
        if work.state in FINISHED or (drawn_too and one.loses and work.state == "in progress"):
            lost.append(f"{one.said(withheld=withheld)}, which is {_state(work)}")
        elif one.elsewhere and one.name in tumours and one.after_ml is not None:
            lost.append(f"{one.name} lies elsewhere: another lesion needs another number")
    if lost:
        raise WouldReplace(
            "this would change " + "; ".join(lost),
            where="labels",
            advice="ask for --replace where that is meant, or mark it as in progress first",
        )


def work_kept(visit: Visit, found: Iterable[Changed]) -> tuple[tuple[Work, ...], str]:
    """Return how far those structures are that stayed as they were, and which reviews ended."""
    changed = {one.name for one in found}
    lost = [w for w in visit.work if w.structure in changed and w.state in FINISHED]
    return tuple(w for w in visit.work if w.structure not in changed), ended(lost)


def ended(lost: Iterable[Work]) -> str:
    """Return in words what work is finished no longer, "" for none."""
    return ", ".join(f"{w.structure} is no longer {_state(w)}" for w in lost if w.state in FINISHED)


def _state(work: Work) -> str:
    return f"{work.state} by {work.who}" if work.who else work.state


def merged(before: LabelMap | None, new: LabelMap) -> LabelMap:
    """Return labels with those of a file instead of structures of the same names.

    All others stay whole: what is new lies over them, is a part of what holds it all, and takes in
    what was drawn within the structure that it replaces.

    Raises:
        BadArgument: a name in the file is nearly one that there is.
        MisplacedLabel: as `stacked`.
    """
    from organtwin.segmenting import with_empty
    from organtwin.segmenting.marks import hold, in_its_place
    from organtwin.segmenting.naming import kept_of

    if before is None:
        return new
    _require_names(before, new)
    names = {s.name for s in new.structures}
    kept, masks = kept_of(before, but=names)
    if not kept:
        return with_empty(new, before)
    masks |= {name: new.mask(name) for name in names if new.volume_ml(name) > 0}
    drawn = tuple(
        one if one.kind == "organ" else in_its_place(one, masks, kept)
        for one in _with_free_labels(new.structures, before, names)
        if one.name in masks
    )
    kept = tuple(_loose(s, names, masks) for s in kept)
    hold(masks, drawn, kept)
    return with_empty(stacked(masks, kept + drawn, new.affine, overlapping=True), before)


def _require_names(before: LabelMap, new: LabelMap) -> None:
    there = [s.name for s in before.structures]
    for one in new.structures:
        if one.name not in there:
            try:
                checked_name(one.name, there, where="labels")
            except BadArgument as error:
                error.advice = f"say what it is: --name {one.name}=STRUCTURE"
                raise


def _with_free_labels(
    new: Sequence[Structure], before: LabelMap, names: Iterable[str]
) -> tuple[Structure, ...]:
    """Return structures with labels that none of the others has."""
    taken = {s.label for s in before.structures if s.name not in set(names)}
    free = (n for n in FREE if n not in taken and n not in {s.label for s in new})
    found = tuple(s if s.label not in taken else replace(s, label=next(free, 0)) for s in new)
    if any(s.label == 0 for s in found):
        raise BadArgument("there are more structures than labels, 255", where="labels")
    return found


def _loose(one: Structure, names: Iterable[str], masks: Mapping[str, np.ndarray]) -> Structure:
    """Return a structure so far within nothing where what it lay in came anew and elsewhere."""
    if one.within not in names or one.within not in masks:
        return one
    near = ndimage.binary_dilation(masks[one.name]) & masks[one.within]
    return one if near.any() else replace(one, within="")
