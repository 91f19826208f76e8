"""Whose images a visit holds: doubts are held for a person, who decides with a reason."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from organtwin.core.case import Case, ObjectStore, Visit
from organtwin.core.errors import BadArgument, BadInput
from organtwin.core.origin import Identity
from organtwin.core.watch import Watch


def held_against(
    identity: Identity, visits: Sequence[Visit], store: ObjectStore
) -> tuple[str, ...]:
    """Return why images of `identity` may be of another patient than the visits before them.

    Visits that are held themselves, or came without an identity, say nothing of the patient.
    """
    return tuple(
        f"{found} (visit of {visit.acquired or 'unknown date'})"
        for visit in visits
        if visit.identity and not visit.held
        for found in identity.disagreements(store.get(visit.identity))
    )


def doubts_of_labels(source: Any, visit: Visit, store: ObjectStore) -> tuple[str, ...]:
    """Return why a label file may be of another patient than the visit it was given to.

    Args:
        source: LabelSource; one that names the visit's series, or nobody, raises no doubt.
    """
    says = source.identity
    if not visit.identity or not (says.name.strip() or says.patient_id.strip()):
        return ()
    series = store.get(visit.origin).series_uid if visit.origin else ""
    if series and source.referenced_series_uid == series:
        return ()
    found = says.disagreements(store.get(visit.identity))
    return tuple(f"{one} (between the labels and the images)" for one in found)


def kept(identity: Identity, store: ObjectStore) -> str:
    """Keep an Identity as an object of its own whose id tells nothing; returns the id."""
    return store.put(replace(identity, nonce=secrets.token_hex(16)))


def refuse_held(case: Case, visits: Sequence[int]) -> None:
    """Raise BadInput when one of the visits may belong to another patient."""
    for number in visits:
        if case.visits[number].held:
            raise BadInput(
                f"visit {number} may be of another patient: " + "; ".join(case.visits[number].held),
                where=f"visit {number}",
                advice=f"look with `organtwin identify CASE --visit {number}`, then decide there",
            )


def used_visits(case: Case, arguments: Mapping[str, Any]) -> list[int]:
    """Return the visits a step rests on: the baseline, those that it is asked for, those seen."""
    asked = {n for n in (arguments.get("visit"), arguments.get("start")) if isinstance(n, int)}
    seen = {number for number, visit in enumerate(case.visits) if visit.seen or number == 0}
    return sorted(seen | asked & {*range(len(case.visits))})


def identify(
    case: Case, store: ObjectStore, watch: Watch, *, visit: int, same_patient: bool, reason: str
) -> tuple[Case, str]:
    """Decide whether a visit is of the case's patient; one that is not leaves the case."""
    del store
    doubtful = case.visit(visit)
    if not reason.strip():
        raise BadArgument("a decision on the patient needs its reason", where="identify")
    watch.tell(0.5, "recording")
    if same_patient:
        if not doubtful.held:
            raise BadArgument(f"there is no doubt about visit {visit}", where="identify")
        return case.with_visit(visit, held=()), f"visit {visit} is of the patient: {reason.strip()}"
    if visit == 0 or doubtful.seen:
        what = "the case begins with visit 0" if visit == 0 else f"visit {visit} is in the belief"
        advice = "undo the step that brought it in, or make a new case without it"
        raise BadArgument(what, where="identify", advice=advice)
    left = tuple(v for number, v in enumerate(case.visits) if number != visit)
    return case.having(visits=left), (
        f"visit {visit} ({doubtful.acquired}) is of another patient, removed: {reason.strip()}"
    )
