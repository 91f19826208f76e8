"""What a job's treatments do to a member: fractions that survive, and rates that kill for a while.

Radiotherapy: of cells given a dose d at once the fraction S = exp(-α d - (α / (α/β)) d²) survives
(linear-quadratic model: Fowler 1989, 10.1259/0007-1285-62-740-679; PMC5956964).

Chemotherapy: the drug of each agent has a concentration c with c' = -k c + infusion (one
compartment) and kills at the rate s c (log-kill: Skipper, Schabel and Wilcox 1964). By the formula
of variation of constants

    bolus C at t0:          c = C exp(-k (t - t0))
    infusion of r per day
      from t0 to t1:        c = r/k (1 - exp(-k (t - t0)))              until t1
                            c = r/k (1 - exp(-k (t1 - t0))) exp(-k (t - t1))    after

Each term is a `Rate`, whose integral is known. c is linear in what is given, so that doses of one
drug and of several add. A bolus kills exp(-s C/k) in the end, an infusion exp(-s r (t1 - t0)/k).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from solvers.contract import Event, Parameter
from solvers.failures import BadInput
from solvers.growth import Growth
from solvers.growth.rates import Rate

Values = Mapping[str, Any]
TUMOUR_EVENTS: Final = ("scale_density", "add_rate", "remove_region", "irradiate", "infuse")
_LQ_SOURCE: Final = (
    "unsourced, set your own; spread between studies is very large: "
    "pmc.ncbi.nlm.nih.gov/articles/PMC5956964"
)
_OWN: Final = "unsourced, set your own"
ALPHA: Final = Parameter("alpha_per_gy", "1/Gy", 0.0, 1.0, "linear radiosensitivity", _LQ_SOURCE)
ALPHA_BETA: Final = Parameter(
    "alpha_beta_gy", "Gy", 0.5, 40.0, "α/β: dose at which both terms kill alike", _LQ_SOURCE
)


def agents_of(events: Iterable[Event]) -> tuple[str, ...]:
    """Return the drugs that are infused, sorted."""
    return tuple(sorted({event.agent for event in events if event.kind == "infuse"}))


def asked_of_members(events: Sequence[Event]) -> tuple[Parameter, ...]:
    """Return what each member has to say of the treatments beside its model's parameters."""
    asked = [ALPHA, ALPHA_BETA] if any(event.kind == "irradiate" for event in events) else []
    for agent in agents_of(events):
        asked += [
            Parameter(
                f"sensitivity_per_day@{agent}", "1/day", 0.0, 50.0, "kill at full dose", _OWN
            ),
            Parameter(f"clearance_per_day@{agent}", "1/day", 0.01, 100.0, "loss of drug", _OWN),
            Parameter(
                f"resistant_fraction@{agent}", "1", 0.0, 1.0, "of the tumour on day 0", _OWN, 0.0
            ),
        ]
    return tuple(asked)


def check_treatments(events: Sequence[Event]) -> None:
    """Refuse events that a tumour job has not, or cannot take.

    Raises:
        BadInput: naming the event and what to do.
    """
    for event in events:
        if event.kind not in TUMOUR_EVENTS:
            raise BadInput(f"a tumour job has no event {event.kind!r}")
        if event.kind == "remove_region" and not event.where:
            raise BadInput("remove_region needs `where`, the name of a distance map")
        if event.kind == "remove_region" and event.amount != 1.0:
            raise BadInput(
                "remove_region leaves no tissue: for a tumour that leaves a residual fraction in "
                "tissue that stays, give scale_density with that amount and the same `where`"
            )
        if event.kind in ("add_rate", "infuse") and event.where:
            raise BadInput(f"{event.kind} acts everywhere: `where` must be empty")
        if event.kind not in ("add_rate", "infuse") and event.until_day is not None:
            raise BadInput(f"{event.kind} happens at once: leave until_day out")
    twice = {event for event in events if events.count(event) > 1}
    if twice:
        one = min(twice, key=lambda event: event.day)
        raise BadInput(
            f"{one.kind} on day {one.day:g} is given {events.count(one)} times, word for word; "
            "give it once, or a larger amount, or another time of day"
        )


def survival(dose_gy: Any, values: Values) -> Any:
    """Return the fraction (1) that survives one fraction of `dose_gy`: a number or (n,)."""
    alpha = values[ALPHA.name]
    return np.exp(-alpha * dose_gy - alpha / values[ALPHA_BETA.name] * dose_gy**2)


def factor_of(
    event: Event,
    model: Growth,
    values: Values,
    *,
    inside: NDArray[np.float64] | None = None,
    dose_gy: NDArray[np.float64] | None = None,
) -> Any:
    """Return what an event at an instant multiplies the state by: a number, (n,) or (species, n).

    Args:
        event: scale_density or irradiate.
        model: only its living species are killed.
        values: the member's.
        inside: (n,) signed distance in mm to the border of the event's `where`, negative inside.
        dose_gy: (n,) the dose map of the event's `where` in Gy.
    """
    if event.kind == "irradiate":
        left = survival(event.amount * (1.0 if dose_gy is None else dose_gy), values)
    else:
        left = event.amount if inside is None else np.where(inside < 0.0, event.amount, 1.0)
    if all(model.living):
        return left
    return np.where(np.array(model.living)[:, None], left, 1.0)


def rates_of(events: Sequence[Event], values: Values) -> tuple[Rate, ...]:
    """Return the rates that ``add_rate`` and ``infuse`` events add to a member's net growth.

    Raises:
        BadInput: a drug's numbers are fields.
    """
    rates: list[Rate] = []
    for event in events:
        if event.kind == "add_rate":
            until = math.inf if event.until_day is None else event.until_day
            rates.append(Rate(event.amount, event.day, until, event.decay_per_day))
        if event.kind == "infuse":
            rates += _kills(event, values)
    return tuple(rates)


def _kills(event: Event, values: Values) -> list[Rate]:
    agent, start, end = event.agent, event.day, event.until_day
    kill = -values[f"sensitivity_per_day@{agent}"] * event.amount
    clearance = values[f"clearance_per_day@{agent}"]
    if np.ndim(kill) or np.ndim(clearance):
        raise BadInput(f"the drug {agent} is one number everywhere: give no array of it")
    if end is None:
        return [Rate(kill, start, decay_per_day=clearance, agent=agent)]
    level = kill / clearance
    reached = -level * np.expm1(-clearance * (end - start))
    return [
        Rate(level, start, end, agent=agent),
        Rate(-level, start, end, clearance, agent),
        Rate(reached, end, decay_per_day=clearance, agent=agent),
    ]
