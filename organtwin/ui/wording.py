"""What steps say for the command line, as the window says it: days for visits, pages for verbs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from organtwin.core.case import Case, Visit
from organtwin.core.journal import JournalEntry
from organtwin.ui.lying import lying_in

if TYPE_CHECKING:
    from organtwin.ui.session import Session

VISIT: Final = re.compile(r"\bvisit (\d+)\b")
VERB: Final = re.compile(r"(?:run )?`organtwin (\w+)[^`]*`")
PAGES: Final = {
    "import": "Import", "segment": "Segment", "label": "Segment", "mesh": "Mesh",
    "simulate": "Simulate", "register": "Update", "score": "Update", "update": "Update",
    "plan": "Compare", "compare": "Compare", "decide": "Compare", "report": "Report",
}  # fmt: skip
"""Verb of the command line → page of the window."""
CALLED: Final = {"pose": "deform"}
"""Step → its name in the window, where it is another."""
CARDS: Final = (
    (
        re.compile(r"look with `organtwin identify[^`]*`, then decide there"),
        "decide on its card on the Import page: Same patient or Another patient",
    ),
    (
        re.compile(r"read the findings, then `organtwin acknowledge[^`]*` them with a reason"),
        "read the findings on its card on the Import page, then Acknowledge them with a reason",
    ),
)


def called(step: str) -> str:
    """Return what the window calls a step."""
    return CALLED.get(step, step)


def named(visit: Visit) -> str:
    """Return what a visit is called: its day, and its date where there is one."""
    date = f" ({visit.acquired.isoformat()})" if visit.acquired else ""
    return f"Day {visit.day:g}{date}"


def in_window(text: str, visits: Sequence[Visit]) -> str:
    """Return a text of a step with its visits named as the window names them, and its pages.

    Args:
        visits: of the Case the step began with; a number that is none of them stays.
    """
    for pattern, said in CARDS:
        text = pattern.sub(said, text)
    return VISIT.sub(lambda hit: _visit(hit, visits), VERB.sub(_page, text))


def summary_of(session: Session, entry: JournalEntry) -> str:
    """Return an entry's summary as the window says it, by the visits when its step began.

    That of a position begins with it.
    """
    said = entry.done.summary
    if position := lying_in(entry):
        said = f"{position.said}: {said}"
    if entry.parent and VISIT.search(said):
        before: Case = session.get(session.entries[entry.parent - 1].case)
        return in_window(said, before.visits)
    return said


def _page(hit: re.Match[str]) -> str:
    return f"use the {PAGES[hit[1]]} page" if hit[1] in PAGES else hit[0]


def _visit(hit: re.Match[str], visits: Sequence[Visit]) -> str:
    number = int(hit[1])
    if number >= len(visits):
        return hit[0]
    name = named(visits[number])
    alike = sum(named(visit) == name for visit in visits) > 1
    return f"{name[:1].lower()}{name[1:]}" + f", visit {number + 1} of {len(visits)}" * alike
