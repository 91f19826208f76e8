"""Slopes of every model's reaction, transposed, against central differences."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from solvers.growth import growth_models
from solvers.growth.rates import Rate
from solvers.growth.slopes import Slopes, pulled_by_complex_step
from tests.solvers.growing import values_for

SPAN = (1.0, 3.5)
RATES = (Rate(-0.4, 0.0, decay_per_day=0.6), Rate(0.03, 1.0), Rate(-2.0, 1.0, decay_per_day=9.242))
EACH_MODEL = pytest.mark.parametrize("model", growth_models().values(), ids=lambda m: m.name)


def question(model: Any) -> tuple[Any, dict[str, Any], Any]:
    random = np.random.default_rng(5)
    shape = (len(model.species), 7)
    state = random.uniform(0.05, 0.9, shape) / shape[0]
    values = values_for(model, nodes=7)
    values["proliferation_per_day"] = random.uniform(0.02, 0.3, 7)
    return state, values, random.normal(size=shape)


def pulled(model: Any, rates: tuple[Rate, ...] = RATES) -> Slopes:
    state, values, slope = question(model)
    return model.pulled(state, values, SPAN, rates, slope=slope)


def moved(model: Any, name: str, change: Any) -> float:
    state, values, slope = question(model)
    ends = [
        float((slope * model.reacted(state, {**values, name: values[name] + c}, SPAN, RATES)).sum())
        for c in (change, -change)
    ]
    return (ends[0] - ends[1]) / 2.0


@EACH_MODEL
def test_that_the_slope_before_is_the_state_s(model: Any) -> None:
    state, values, slope = question(model)
    way = np.random.default_rng(6).normal(size=state.shape)
    ends = [model.reacted(state + e * way, values, SPAN, RATES) for e in (1e-6, -1e-6)]
    difference = float((slope * (ends[0] - ends[1])).sum() / 2e-6)
    assert float((pulled(model).state * way).sum()) == pytest.approx(difference, rel=1e-6)


@EACH_MODEL
def test_that_every_parameter_has_its_slope(model: Any) -> None:
    found = pulled(model).values
    names = [p.name for p in model.parameters if p.name not in model.beside] + list(model.fields)
    assert set(found) == set(names)
    for name, slope in found.items():
        assert slope.sum() == pytest.approx(moved(model, name, 1e-6) / 1e-6, rel=1e-5, abs=1e-8)


@EACH_MODEL
def test_that_every_rate_has_its_slopes(model: Any) -> None:
    state, values, slope = question(model)
    for k, both in enumerate(pulled(model).rates):
        for found, name in zip(both, ("amount", "decay_per_day"), strict=True):
            here = getattr(RATES[k], name)
            ends = [
                model.reacted(
                    state,
                    values,
                    SPAN,
                    [*RATES[:k], replace(RATES[k], **{name: here + e}), *RATES[k + 1 :]],
                )
                for e in (1e-6, -1e-6)
            ]
            difference = float((slope * (ends[0] - ends[1])).sum() / 2e-6)
            if here:
                assert found == pytest.approx(difference, rel=1e-5, abs=1e-8)
            else:
                assert found == 0.0


@EACH_MODEL
def test_that_closed_slopes_are_those_of_complex_steps(model: Any) -> None:
    state, values, slope = question(model)
    found = pulled(model)
    names = list(found.values)
    stepped = pulled_by_complex_step(
        model.reacted, state, values, names, span=SPAN, rates=RATES, slope=slope
    )
    assert found.state == pytest.approx(stepped.state, rel=1e-11)
    assert np.array(found.rates) == pytest.approx(np.array(stepped.rates), rel=1e-10, abs=1e-14)
    for name in names:
        assert found.values[name] == pytest.approx(stepped.values[name], rel=1e-10, abs=1e-14)


@EACH_MODEL
def test_that_a_density_of_nothing_hands_its_slope_on(model: Any) -> None:
    nothing = np.full((len(model.species), 1), -1e-9)
    values = values_for(model, nodes=1)
    slope = np.ones_like(nothing)
    found = model.pulled(nothing, values, SPAN, RATES, slope=slope)
    assert found.state == pytest.approx(slope)
