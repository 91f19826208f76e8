"""External radiotherapy in fractions, by the linear-quadratic model."""

from __future__ import annotations

import math
from typing import Final

from organtwin.actions import ActionKind, Effect
from organtwin.core.errors import BadArgument
from organtwin.core.labelmap import LabelMap
from organtwin.core.scenario import Action
from solvers.contract import Event, Parameter

LQ_SOURCE = "LQ model and its parameters: pmc.ncbi.nlm.nih.gov/articles/PMC5956964"
WELL_SUPPORTED_GY = 10.0
"""Dose per fraction in Gy up to which the LQ model is well supported (PMC2750078)."""

SPACED: Final = "give days between them: 0.25 is six hours"


def surviving_fraction(dose_gy: float, *, alpha_per_gy: float, alpha_beta_gy: float) -> float:
    """Fraction of cells (1) that survive one fraction: exp(-α d - β d²), β = α / (α/β).

    Source: PMC5956964.
    """
    beta_per_gy2 = alpha_per_gy / alpha_beta_gy
    return math.exp(-alpha_per_gy * dose_gy - beta_per_gy2 * dose_gy**2)


def _compile(action: Action, labels: LabelMap) -> Effect:
    del labels
    values = action.arguments
    count, dose_gy = float(values["fractions"]), float(values["dose_per_fraction_gy"])
    if not count.is_integer():
        raise BadArgument(f"fractions are counted: {count} is no whole number", where="irradiate")
    if count > 1 and not values["interval_days"]:
        raise BadArgument(
            "several fractions at one time are one fraction", where="irradiate", advice=SPACED
        )
    survival = surviving_fraction(
        dose_gy,
        alpha_per_gy=float(values["alpha_per_gy"]),
        alpha_beta_gy=float(values["alpha_beta_gy"]),
    )
    warnings: tuple[str, ...] = ()
    if dose_gy > WELL_SUPPORTED_GY:
        warnings = (
            f"{dose_gy:g} Gy per fraction: the linear-quadratic model is well supported to about "
            f"{WELL_SUPPORTED_GY:g} Gy only (PMC2750078)",
        )
    days = (action.day + float(values["interval_days"]) * number for number in range(int(count)))
    return Effect(
        events=tuple(Event("scale_density", day, amount=survival) for day in days),
        warnings=warnings,
    )


ACTION = ActionKind(
    "irradiate",
    "Irradiate in fractions",
    effect="radiation effect",
    form=(
        Parameter(
            "dose_per_fraction_gy",
            "Gy",
            0.1,
            18.0,
            "dose of one fraction, the same everywhere in the tumour",
            "LQ well supported to about 10 Gy, arguably usable to about 18 Gy: PMC2750078",
        ),
        Parameter("fractions", "1", 1.0, 60.0, "number of fractions", "the plan"),
        Parameter("interval_days", "day", 0.0, 30.0, "days between fractions", "the plan", 1.0),
        Parameter(
            "alpha_per_gy",
            "1/Gy",
            0.0,
            1.0,
            "linear radiosensitivity",
            f"unsourced, set your own; spread between studies is very large. {LQ_SOURCE}",
        ),
        Parameter(
            "alpha_beta_gy",
            "Gy",
            0.5,
            40.0,
            "α/β: dose at which both terms kill alike",
            f"unsourced, set your own; spread between studies is very large. {LQ_SOURCE}",
            10.0,
        ),
    ),
    compile=_compile,
)
