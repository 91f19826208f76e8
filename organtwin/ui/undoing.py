"""What Ctrl+Z takes back: what was drawn last while lines are drawn, else the step of the case."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from organtwin.casefolder.folder import ASIDE
from organtwin.core.journal import JournalEntry
from organtwin.ui.resection import Resection
from organtwin.ui.review_journal import undone
from organtwin.ui.session import Session
from organtwin.ui.views.brush import Hand

NO_LINE: Final = "No line is left to take back; put the tool down (Esc) to undo steps of the case"


def take_back(session: Session, hand: Hand | None) -> None:
    """Take back what was drawn last where lines are drawn, never a step; else undo a step."""
    if not isinstance(hand, Resection):
        session.undo()
        return
    session.said.emit("What was drawn last is taken back" if hand.undo() else NO_LINE)


def would_undo(session: Session) -> str:
    """Return what undo would do to the case, for a person."""
    return f"Undo {standing(session.entries)}" if session.can_undo else "Nothing to undo"


def standing(entries: Sequence[JournalEntry]) -> str:
    """Return the name of the last step that stands, which undo would take back; "" for none."""
    gone, aside = undone(entries), ("undo", "redo", *ASIDE)
    last = (e for e in reversed(entries) if e.sequence not in gone and e.done.step not in aside)
    return next((entry.done.step for entry in last), "")
