"""How far a number may be trusted that rests on a visit's geometry: the grade travels with it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from organtwin.core.case import Case, ObjectStore
from organtwin.core.observation import Observation
from organtwin.core.scenario import Outcome


def doubts(case: Case, store: ObjectStore, visits: Sequence[int]) -> tuple[str, ...]:
    """Return a line for each visit whose geometry a person had to acknowledge."""
    found = []
    for number in visits:
        visit = case.visit(number)
        geometry = store.get(visit.volume).geometry
        if geometry.grade == "acknowledged":
            found.append(
                f"geometry of day {visit.day:g} acknowledged, not good: {geometry.consequence}"
            )
    return tuple(found)


def graded_outcome(outcome: Outcome, doubts: Sequence[str]) -> Outcome:
    """Return an Outcome that says of itself and of each of its numbers what they rest on."""
    quantities = tuple(
        dataclasses.replace(q, basis="; ".join(filter(None, (q.basis, *doubts))))
        for q in outcome.quantities
    )
    return dataclasses.replace(
        outcome, quantities=quantities, warnings=(*doubts, *outcome.warnings)
    )


def graded_observation(observation: Observation, doubts: Sequence[str]) -> Observation:
    """Return an Observation whose noise names the doubts of the images that it was made on."""
    source = "; ".join(filter(None, (observation.noise_source, *doubts)))
    return dataclasses.replace(observation, noise_source=source)
