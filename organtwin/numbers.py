"""A Case's numbers as JSON for other programs: with units, intervals, basis and the notice."""

from __future__ import annotations

from typing import Any

from organtwin.core.case import Case, ObjectStore
from organtwin.core.scenario import Comparison, Outcome, Quantity
from organtwin.core.twin import Score

NOTICE = "For research use only; not a medical device."


def outcomes(case: Case, store: ObjectStore) -> dict[str, Any]:
    """Return every scenario with its warnings and its rows."""
    compared: Comparison = store.get(case.require("comparison", "organtwin compare"))
    scenarios = [_outcome(outcome) for outcome in compared.outcomes]
    return {"notice": NOTICE, "day": compared.day, "scenarios": scenarios}


def forecasts(case: Case, store: ObjectStore) -> dict[str, Any]:
    """Return every visit with the forecasts made for it, what was observed, and the scores."""
    scores: list[Score] = [store.get(score) for score in case.scores]
    visits = [
        {
            "visit": number,
            "day": visit.day,
            "in_belief": visit.seen,
            "forecasts": [_score(score) for score in scores if score.day == visit.day],
        }
        for number, visit in enumerate(case.visits)
    ]
    return {"notice": NOTICE, "visits": visits}


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "name": outcome.scenario.name,
        "warnings": list(outcome.warnings),
        "rows": [_row(quantity) for quantity in outcome.quantities],
    }


def _row(quantity: Quantity) -> dict[str, Any]:
    interval = None
    if quantity.low is not None:
        interval = {"low": quantity.low, "high": quantity.high, "level": quantity.level}
    return {
        "name": quantity.name,
        "structure": quantity.structure,
        "value": quantity.value,
        "unit": quantity.unit,
        "interval": interval,
        "basis": quantity.basis,
        "inputs": list(quantity.inputs),
        "assumed": quantity.assumed,
    }


def _score(score: Score) -> dict[str, Any]:
    return {
        "structure": score.structure,
        "made_on_day": score.made_on_day,
        "forecast": {"value": score.median_ml, "unit": "mL"},
        "interval": {"low": score.low_ml, "high": score.high_ml, "level": score.level},
        "observed": {"value": score.observed_ml, "unit": "mL"},
        "scores": {
            "error_percent": score.error_percent,
            "covered": score.covered,
            "crps_ml": score.crps_ml,
            "dice": score.dice,
        },
    }
