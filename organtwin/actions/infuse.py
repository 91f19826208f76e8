"""Chemotherapy in bolus doses, each killing at a rate that decays: the log-kill model."""

from __future__ import annotations

from organtwin.actions import ActionKind, Effect
from organtwin.core.errors import BadArgument
from organtwin.core.labelmap import LabelMap
from organtwin.core.scenario import Action
from solvers.contract import Event, Parameter


def log_kill(dose: float, *, sensitivity_per_day: float, decay_per_day: float) -> float:
    """Natural logarithm (1) of the fall in tumour cells one bolus brings in the end.

    ∫ s C exp(-β t) dt from 0 to infinity = s C / β (integral of the model).
    """
    return sensitivity_per_day * dose / decay_per_day


def _compile(action: Action, labels: LabelMap) -> Effect:
    del labels
    values = {name: float(value) for name, value in action.arguments.items()}
    if not values["doses"].is_integer():
        raise BadArgument(
            f"doses are counted: {values['doses']} is no whole number", where="infuse"
        )
    if values["doses"] > 1 and not values["interval_days"]:
        raise BadArgument(
            "several doses at one time are one dose",
            where="infuse",
            advice="give days between them, or one larger dose",
        )
    days = (action.day + values["interval_days"] * n for n in range(int(values["doses"])))
    return Effect(
        events=tuple(
            Event(
                "add_rate",
                day,
                amount=-values["sensitivity_per_day"] * values["dose"],
                decay_per_day=values["decay_per_day"],
            )
            for day in days
        )
    )


ACTION = ActionKind(
    "infuse",
    "Chemotherapy course",
    effect="drug effect",
    form=(
        Parameter("doses", "1", 1.0, 100.0, "number of doses", "the plan"),
        Parameter("interval_days", "day", 0.0, 90.0, "days between doses", "the plan", 14.0),
        Parameter(
            "dose",
            "1",
            0.0,
            10.0,
            "concentration just after a dose, 1 = a full dose",
            "the plan",
            1.0,
        ),
        Parameter(
            "sensitivity_per_day",
            "1/day",
            0.0,
            50.0,
            "kill rate at concentration 1",
            "unsourced, set your own (the value offered kills one cell in five per full dose at "
            "the decay offered)",
            2.06,
        ),
        Parameter(
            "decay_per_day",
            "1/day",
            0.01,
            100.0,
            "rate at which the effect of a dose fades",
            "unsourced, set your own (the value offered is a demonstration's, half gone in 1.8 h)",
            9.242,
        ),
    ),
    compile=_compile,
)
