"""Labels changed by hand: edit, structure, mark. Each is one gesture and durable at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, get_args

import numpy as np
from numpy.typing import NDArray

from organtwin.core.canvas import Canvas
from organtwin.core.case import Case, ObjectStore, Visit, Work, WorkState
from organtwin.core.change import Change
from organtwin.core.errors import BadArgument, EmptyLabel, Missing
from organtwin.core.labelmap import LabelMap, Structure
from organtwin.core.watch import Watch
from organtwin.pipeline.imaging import without_what_followed
from organtwin.pipeline.relabelling import FINISHED, ended
from organtwin.pipeline.terming import new_structure, term_of

LONG_CHAIN: Final = 200
"""So many Changes upon each other, and the window has the whole labels put beside the work."""
DEPTH_LIMIT: Final = 400
"""So many, and a gesture waits until they are: as many are read when a case opens."""
Found = tuple[str, float, NDArray[np.bool_]]
STATES: Final[tuple[WorkState, ...]] = tuple(s for s in get_args(WorkState) if s != "carried")
"""What a person may say; `propagate` alone says "carried"."""
WHO_LIMIT: Final = 160
"""A name and an account, 64 characters each, and what stands between."""


def edit(
    case: Case,
    store: ObjectStore,
    watch: Watch,
    *,
    visit: int = 0,
    tool: str,
    arguments: Mapping[str, Any],
) -> tuple[Case, str]:
    """Do one gesture of a tool (`organtwin.editing`) on a visit's labels.

    What was done or reviewed of a structure that changes is in progress again.
    """
    from organtwin.editing import changed_by
    from organtwin.editing import edit as named

    edited = case.visit(visit)
    if not edited.labels:
        raise Missing(f"visit {visit} has no labels yet", advice="add a structure first")
    one = named(tool)
    watch.tell(0.1, one.title)
    ranged = arguments.get("low") is not None or arguments.get("high") is not None
    volume = store.get(edited.volume) if ranged else None
    change = changed_by(one, store.canvas(edited.labels), volume, arguments)
    if change is None:
        raise BadArgument(
            f"{tool} changes nothing here",
            where=f"visit {visit}",
            advice="look at the place, and at what may be edited over, inside and in which range",
        )
    return _changed(case, store, visit, change, said=tool)


def structure(
    case: Case,
    store: ObjectStore,
    watch: Watch,
    *,
    visit: int = 0,
    do: str,
    structure: str = "",
    to: str = "",
    within: str | None = None,
    colour: Sequence[float] | None = None,
    order: Sequence[str] = (),
) -> tuple[Case, str]:
    """Add, rename, recolour, reorder or remove a structure of a visit's labels.

    Args:
        structure: which; for "add", a structure of the organ, "tumour-1"…, or a name of one's own.
        to: the new name, for "rename"; kind and code are those of the organ's page by that name,
            else unspecified, and what was done or reviewed under another term is so no longer.
        within: for "add", what contains it; that of the organ's page without.
        colour: red, green, blue, each 0..1, for "recolour" and "add".
        order: every name, later drawn over earlier, for "reorder".
    """
    from organtwin.editing import structures

    if not all(isinstance(name, str) for name in (structure, to, within or "")):
        raise BadArgument("the name of a structure is a text", where=do)
    if not isinstance(order, list | tuple) or not isinstance(colour or (), list | tuple):
        raise BadArgument("an order lists names, a colour three numbers", where=do)
    watch.tell(0.1, f"{do} {structure}")
    if do == "add" and not case.visit(visit).labels:
        case = case.with_visit(visit, labels=_empty(case.visit(visit), store))
    labels = case.visit(visit).labels
    if not labels:
        raise Missing(f"visit {visit} has no labels yet", advice="add a structure first")
    canvas = store.canvas(labels)
    if do == "add":
        change = structures.added(
            canvas, new_structure(case, canvas, structure, within, colour=colour)
        )
    elif do == "rename":
        change = structures.renamed(canvas, structure, to, term_of(case, canvas, structure, to))
    elif do == "recolour":
        change = structures.recoloured(canvas, structure, colour or ())
    elif do == "reorder":
        change = structures.reordered(canvas, order)
    elif do == "remove":
        change = structures.removed(canvas, structure)
    else:
        may = "add, rename, recolour, reorder, remove"
        raise BadArgument(f"no {do!r} of structures", where="do", advice=f"there are: {may}")
    if change is None:
        raise BadArgument(f"{do} changes nothing", where="structure")
    said = f"{do} {structure}{f' to {to}' if do == 'rename' else ''}" + ", ".join(order)
    return _changed(case, store, visit, change, said=said)


def mark(
    case: Case,
    store: ObjectStore,
    watch: Watch,
    *,
    visit: int = 0,
    structure: str,
    state: str,
    who: str = "",
) -> tuple[Case, str]:
    """Say how far a structure is: not started, in progress, done, or reviewed by somebody.

    Args:
        who: reviewed it; said for that state only.

    Raises:
        EmptyLabel: a structure without a voxel that shall be done or reviewed.
    """
    marked = case.visit(visit)
    if not marked.labels:
        raise Missing(f"visit {visit} has no labels yet", advice="add a structure first")
    labels = store.canvas(marked.labels).labels
    labels.structure(structure)
    watch.tell(0.5, "recording")
    chosen = next((s for s in STATES if s == state), None)
    if chosen is None:
        raise BadArgument(f"no state {state!r}", advice="there are: " + ", ".join(STATES))
    if (chosen == "reviewed") != bool(who.strip()) or len(who) > WHO_LIMIT or not who.isprintable():
        raise BadArgument("a review names who did it, any other state nobody", where="who")
    if chosen in FINISHED and labels.volume_ml(structure) == 0:
        raise EmptyLabel(
            f"{structure} has no voxels and cannot be {chosen}",
            where=f"visit {visit}",
            advice="draw it, or remove it where there is none",
        )
    work = Work(structure, chosen, who.strip())
    if marked.work_on(structure) == work:
        raise BadArgument(f"{structure} is {state} already", where="mark")
    others = tuple(w for w in marked.work if w.structure != structure)
    by = f" by {work.who}" if work.who else ""
    after = case.with_visit(visit, work=(*others, work))
    return after, f"visit {visit}: {structure} {state}{by}"


def is_quick(arguments: Mapping[str, Any]) -> bool:
    """Return whether a gesture takes milliseconds, so that the window may do it itself."""
    from organtwin.editing import edits

    tool = edits().get(str(arguments.get("tool")))
    return tool is not None and tool.quick


def _changed(
    case: Case, store: ObjectStore, visit: int, change: Change, *, said: str
) -> tuple[Case, str]:
    """Record a Change; returns the Case after it and what changed in mL."""
    names = {s.label: s.name for s in change.structures}
    renamed = {s.name: names[s.label] for s in change.structures_before if s.label in names}
    if change.patches or any(one != other for one, other in renamed.items()):
        case = without_what_followed(case, visit)
    where = _places(change, store.canvas(change.before))
    before = _found(store.canvas(change.before), where)
    made = store.put(change)
    after = _found(store.canvas(made), where)
    if change.depth >= LONG_CHAIN:
        made = _shortened(store, change, made)
    touched = {n for label, n in names.items() if _differ(before.get(label), after[label])}
    meant_otherwise = _meant_otherwise(change)
    old = [w for w in case.visit(visit).work if w.structure in renamed]
    named = [replace(w, structure=renamed[w.structure]) for w in old]
    work = tuple(
        _reopened(w, touched | meant_otherwise if w.state in FINISHED else touched) for w in named
    )
    lost = ended(w for w, now in zip(old, work, strict=True) if w.state != now.state)
    started = {w.structure for w in work}
    work += tuple(Work(n, "in progress") for n in names.values() if n in touched - started)
    withheld = store.get(case.visit(visit).volume).geometry.grade == "withheld"
    summary = ", ".join(_lines(before, after, withheld=withheld))
    summary = f"visit {visit}: {said}" + (f": {summary}" if summary else "")
    summary += f"; {lost}" if lost else ""
    return case.with_visit(visit, labels=made, work=work), summary


def _shortened(store: ObjectStore, change: Change, made: str) -> str:
    """Return labels like `made`, which a Change led to, that lie on whole labels.

    Those that were put beside the work; what was done since lies on them again.
    """
    later: list[Change] = []
    put: Any = change
    while isinstance(put, Change) and put.depth >= LONG_CHAIN:
        later.append(put)
        whole = store.whole_of(put.before)
        if whole:
            base = _whole(store, whole, put.structures_before, beside=put.before)
            for depth, one in enumerate(reversed(later), start=2):
                base = store.put(replace(one, before=base, depth=depth))
            return base
        put = store.as_put(put.before)
    if change.depth < DEPTH_LIMIT:
        return made
    return _whole(store, store.put(store.get(made)), change.structures, beside=made)


def _whole(
    store: ObjectStore, whole: str, structures: tuple[Structure, ...], *, beside: str
) -> str:
    return store.put(Change(whole, structures, structures, beside=beside))


def _places(change: Change, canvas: Canvas) -> NDArray[np.int64]:
    """Return the voxels that change on any sheet, counted in Fortran order."""
    size = canvas.labels.labels.size
    found = [patch.voxels(size)[0] for patch in change.patches]
    if len(found) == 1:
        return found[0]
    return np.unique(np.concatenate(found)) if found else np.zeros(0, np.int64)


def _found(canvas: Canvas, where: NDArray[np.int64]) -> dict[int, Found]:
    """Return each structure by its label: name, mL, and at which places it is."""
    labels = canvas.labels
    return {
        s.label: (s.name, labels.volume_ml(s.name), canvas.held(s.name, where))
        for s in labels.structures
    }


def _differ(before: Found | None, after: Found) -> bool:
    """Return whether a structure gained or lost voxels, though perhaps as many of each."""
    return bool(after[2].any()) if before is None else not np.array_equal(before[2], after[2])


def _lines(
    before: Mapping[int, Found], after: Mapping[int, Found], *, withheld: bool
) -> Iterator[str]:
    for label in {**after, **before}:
        name = (after.get(label) or before[label])[0]
        one, other = (found[label][1] if label in found else 0.0 for found in (before, after))
        if one != other:
            yield f"{name} changed" if withheld else f"{name} {one:.2f} → {other:.2f} mL"


def _meant_otherwise(change: Change) -> set[str]:
    """Return the structures that have the code of another term now."""
    before = {s.label: s.code for s in change.structures_before}
    return {s.name for s in change.structures if before.get(s.label, s.code) != s.code}


def _reopened(work: Work, opened: set[str]) -> Work:
    return Work(work.structure, "in progress") if work.structure in opened else work


def _empty(visit: Visit, store: ObjectStore) -> str:
    """Put labels without structures on the grid of a visit's image."""
    volume = store.get(visit.volume)
    return store.put(
        LabelMap(np.zeros(volume.voxels.shape, np.uint8, order="F"), volume.affine, ())
    )
