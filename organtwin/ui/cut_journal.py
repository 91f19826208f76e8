"""Cuts in the journal: how the mesh was cut before its labels, or the mesh itself, changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from organtwin.ui.review_journal import undone
from organtwin.ui.session import Session


def last_cut(session: Session) -> Mapping[str, Any]:
    """Return what the last standing cut was asked for; empty where there is none, or it was removed
    by hand.
    """
    asked = last_asked(session, "cut")
    return {} if asked is None or asked.get("remove") else asked


def last_asked(session: Session, step: str) -> Mapping[str, Any] | None:
    """Return what a step was asked for when it was last done and not undone, None for never."""
    gone = undone(session.entries)
    for entry in reversed(session.entries):
        if entry.done.step == step and entry.sequence not in gone:
            return entry.done.arguments
    return None
