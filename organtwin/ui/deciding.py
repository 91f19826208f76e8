"""What a person has to decide of a visit: its geometry, and whose it is; with a reason each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PySide6.QtWidgets import QFrame, QLineEdit, QWidget

from organtwin.core.case import Visit
from organtwin.core.origin import Identity
from organtwin.core.volume import GeometryReport
from organtwin.ui.browser_rows import named as person
from organtwin.ui.pieces import button, card, side_by_side, words
from organtwin.ui.session import Session
from organtwin.ui.wording import named

Decide = tuple[str, str, str, Mapping[str, Any]]
"""Text and tip of a button, the step it runs, the step's arguments but the reason."""


def doubt_of(visit: Visit, geometry: GeometryReport) -> str:
    """Return what a number of a visit has to be read with, "" when there is nothing."""
    if visit.held:
        return "This visit is held: it may be of another patient. Decide on the Import page."
    if geometry.grade == "withheld":
        return "Volumes and margins are withheld: see the geometry on the Import page."
    if geometry.grade == "acknowledged":
        return f"Geometry acknowledged, not good: {geometry.consequence}."
    return ""


def geometry_card(session: Session, number: int, visit: Visit, geometry: GeometryReport) -> QFrame:
    """Return what is withheld of a visit, why, and a way to accept it."""
    said = [*geometry.findings, geometry.consequence]
    return _card(
        session,
        f"{named(visit)}: volumes and margins are withheld",
        said,
        decisions=[
            (
                "&Acknowledge",
                "Show volumes and margins all the same; findings and reason stay with them",
                "acknowledge",
                {"visit": number},
            )
        ],
    )


def identity_card(session: Session, number: int, visit: Visit) -> QFrame:
    """Return why a visit may be of another patient, and the two ways to decide."""
    sure = [v for v in session.case.visits if v.identity and not v.held and v is not visit]
    whose = [f"{named(v)}: {_said_of(session.get(v.identity))}" for v in sure[:1]]
    if visit.identity:
        whose.append(f"{named(visit)}: {_said_of(session.get(visit.identity))}")
    return _card(
        session,
        f"{named(visit)} is held: another patient?",
        [*visit.held, *whose],
        decisions=[
            (
                "&Same patient",
                "The visit is of this patient; it can be used",
                "identify",
                {"visit": number, "same_patient": True},
            ),
            (
                "A&nother patient",
                "The visit leaves the case",
                "identify",
                {"visit": number, "same_patient": False},
            ),
        ],
    )


def _said_of(identity: Identity) -> str:
    """Return whom images say they show, in one line."""
    birth = identity.birth_date.isoformat() if identity.birth_date else ""
    name, told = person((identity.name, identity.patient_id, birth, identity.sex))
    return f"{name}, {told}" if told else name


def _card(
    session: Session, title: str, said: Sequence[str], *, decisions: Sequence[Decide]
) -> QFrame:
    reason = QLineEdit()
    reason.setPlaceholderText("Reason, for the journal")
    reason.setAccessibleName(f"Reason of the decision: {title}")
    buttons: list[QWidget] = []
    for text, tip, step, arguments in decisions:
        each = button(text, tip)
        each.setEnabled(False)
        each.clicked.connect(_asking(session, step, arguments, reason=reason))
        buttons.append(each)

    def follow() -> None:
        for each in buttons:
            each.setEnabled(bool(reason.text().strip()) and not session.busy)

    reason.textChanged.connect(lambda _: follow())
    rows: list[Any] = [words(title, "heading", wrap=True)]
    rows += [words(f"• {line}", "warn", wrap=True) for line in said]
    return card(*rows, reason, side_by_side(*buttons), tone="warn")


def _asking(
    session: Session, step: str, arguments: Mapping[str, Any], *, reason: QLineEdit
) -> Callable[[], None]:
    def ask() -> None:
        session.do(step, {**arguments, "reason": reason.text().strip()})

    return ask
