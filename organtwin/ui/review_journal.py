"""What the journal says of structures as they are: reviews that ended, remarks of methods."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from organtwin.core.case import Work
from organtwin.core.directions import position
from organtwin.core.journal import JournalEntry
from organtwin.pipeline.relabelling import FINISHED
from organtwin.ui.seed_journal import key_of, visit_of
from organtwin.ui.session import Session


@dataclass(frozen=True)
class Look:
    """A remark of a method that nobody has answered yet.

    Args:
        said: it in words, its place in directions of the patient.
        place_mm: LPS mm, None for everywhere.
    """

    said: str
    place_mm: tuple[float, ...] | None


class ReviewJournal:
    """Reads the journal of the case open; which visit an entry means is looked up once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._keys: dict[tuple[str, int], str] = {}

    def ended_reviews(self, visit: int) -> dict[str, Work]:
        """Return what was marked done or reviewed last and is so no longer, by structure."""
        found: dict[str, Work] = {}
        for entry in self._standing(visit, "mark"):
            asked = entry.done.arguments
            work = Work(asked["structure"], asked["state"], asked.get("who", ""))
            found.setdefault(work.structure, work)
        now = self._session.case.visits[visit]
        return {
            name: work
            for name, work in found.items()
            if work.state in FINISHED and now.work_on(name).state not in FINISHED
        }

    def looks(self, visit: int, names: Iterable[str]) -> dict[str, tuple[Look, ...]]:
        """Return what methods remarked of structures that stand as they left them.

        An edit of a structure, or marking it as done or reviewed, answers what was remarked; what
        was remarked of the whole image, under "", stands until another method ran.
        """
        found: dict[str, list[Look]] = {name: [] for name in (*names, "")}
        unanswered = {*found}
        for entry in self._standing(visit, "segment", "edit", "mark", "label", "propagate"):
            step, asked = entry.done.step, entry.done.arguments
            if step == "segment":
                for remark in entry.done.remarks:
                    if remark["structure"] in unanswered:
                        found[remark["structure"]].append(_look(remark))
                unanswered -= {*(n for n in found if found[n]), *entry.done.changed, ""}
            elif step == "edit":
                unanswered.discard(str(asked.get("arguments", {}).get("structure")))
            elif step == "mark" and asked["state"] in FINISHED:
                unanswered.discard(str(asked["structure"]))
            if step in ("label", "propagate") or not unanswered:
                break
        return {name: tuple(said) for name, said in found.items() if said}

    def _standing(self, visit: int, *steps: str) -> Iterator[JournalEntry]:
        """Yield some steps on a visit that were not undone, latest first."""
        entries, gone, moved = self._session.entries, undone(self._session.entries), False
        for entry in reversed(entries):
            moved |= entry.done.step == "import"  # before it a number may mean another visit
            if entry.done.step not in steps or entry.sequence in gone:
                continue
            number = entry.done.arguments.get("visit", 0)
            if self._means(entry, visit) if moved else number == visit:
                yield entry

    def _means(self, entry: JournalEntry, visit: int) -> bool:
        if not entry.parent:
            return False
        before = self._session.entries[entry.parent - 1].case
        where = before, int(entry.done.arguments.get("visit", 0))
        if where not in self._keys:
            there = visit_of(self._session, entry)
            self._keys[where] = key_of(there) if there is not None else ""
        return self._keys[where] == key_of(self._session.case.visits[visit])


def undone(entries: Iterable[JournalEntry]) -> set[int]:
    """Return the numbers of the entries that were undone and not done again."""
    found: set[int] = set()
    for entry in entries:
        number = int(entry.done.arguments.get("entry", 0))
        if entry.done.step == "undo":
            found.add(number)
        elif entry.done.step == "redo":
            found.discard(number)
    return found


def _look(remark: Mapping[str, Any]) -> Look:
    """Return a remark as its place in directions of the patient says it."""
    place = tuple(float(number) for number in remark["place_mm"] or ())
    at = f" at {position(place, 0)}" if place else ""
    return Look(f"{remark['what']}{at}", place or None)
