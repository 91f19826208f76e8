"""Seeds in the journal: which a step was given, on which visit, and those of last time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from organtwin.core.case import Case, Visit
from organtwin.core.journal import JournalEntry
from organtwin.segmenting.seeds import seeds_of
from organtwin.ui.session import Session
from organtwin.ui.viewing import Mark
from organtwin.ui.views.brush import Scribble

Seed = Mark | Scribble
GIVEN: Final = ("points", "scribbles", "diameters", "diameters_mm", "frame")


def key_of(visit: Visit) -> str:
    """Return what names a visit whatever its place in time: its date, and where it came from."""
    return f"{visit.acquired} {visit.origin or visit.volume}"


def visit_of(session: Session, entry: JournalEntry) -> Visit | None:
    """Return the visit that an entry's step was asked of, as it was before; None: of none."""
    number = entry.done.arguments.get("visit", 0)
    if not entry.parent or not isinstance(number, int):
        return None
    before: Case = session.get(session.entries[entry.parent - 1].case)
    return before.visits[number] if 0 <= number < len(before.visits) else None


def seeds_in(session: Session, entry: JournalEntry) -> tuple[Seed, ...]:
    """Return the seeds that an entry's step was given, in LPS mm."""
    visit, asked = visit_of(session, entry), entry.done.arguments
    given = {name: asked[name] for name in GIVEN if asked.get(name)}
    if entry.done.step != "segment" or visit is None or not _given(asked):
        return ()
    indexed = given.get("frame", "lps") not in ("lps", "ras")
    seeds = seeds_of(given, session.get(visit.volume).affine if indexed else None)
    marks = [Mark(place, name) for name, places in seeds.points.items() for place in places]
    lines = [Scribble(line, name) for name, lines in seeds.scribbles.items() for line in lines]
    ends = [Scribble(two, name, longest=True) for name, two in seeds.diameters.items()]
    return (*marks, *lines, *ends)


def last_entry(session: Session, visit: Visit) -> JournalEntry | None:
    """Return the entry of the last step on a visit that was given seeds, undone or not."""
    for entry in reversed(session.entries):
        if entry.done.step != "segment" or not _given(entry.done.arguments):
            continue
        there = visit_of(session, entry)
        if there is not None and key_of(there) == key_of(visit):
            return entry
    return None


def _given(asked: Mapping[str, Any]) -> bool:
    return any(asked.get(name) for name in ("points", "scribbles", "diameters"))
