"""Labels that nobody has looked at: which they are, and what rests on them. Nothing is blocked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from organtwin.core.case import Case, ObjectStore, Visit
from organtwin.core.labelmap import LabelMap
from organtwin.pipeline.relabelling import FINISHED

Held = Callable[[str], Iterable[str]]
"""Gives the names of the structures that hold voxels, by the id of labels."""


def held_in(labels: LabelMap) -> tuple[str, ...]:
    """Return the names of the structures that hold voxels."""
    return tuple(s.name for s in labels.structures if labels.volume_ml(s.name) > 0)


def held_by(store: ObjectStore) -> Held:
    """Return what reads a store for the structures that hold voxels."""
    return lambda labels: held_in(store.get(labels))


def unreviewed(visit: Visit, held: Held) -> tuple[str, ...]:
    """Return the structures of a visit that hold voxels and are neither done nor reviewed."""
    if not visit.labels:
        return ()
    return tuple(n for n in held(visit.labels) if visit.work_on(n).state not in FINISHED)


def used(case: Case) -> tuple[int, ...]:
    """Return the visits that a belief and a plan rest on: the baseline and those seen."""
    return tuple(
        n for n, visit in enumerate(case.visits) if (n == 0 or visit.seen) and visit.labels
    )


def rests_on(case: Case, held: Held, visits: Sequence[int]) -> str:
    """Return "rests on unreviewed labels (liver, tumour-1)", "" where all were looked at.

    Days are said unless it is the baseline alone.
    """
    found = [(case.visits[n], unreviewed(case.visits[n], held)) for n in visits]
    found = [(visit, names) for visit, names in found if names]
    if not found:
        return ""
    if [visit.day for visit, _ in found] == [0.0]:
        said = ", ".join(found[0][1])
    else:
        said = "; ".join(f"day {visit.day:g}: {', '.join(names)}" for visit, names in found)
    return f"rests on unreviewed labels ({said})"
