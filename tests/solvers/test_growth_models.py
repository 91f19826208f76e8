"""Every growth model: its reaction is its equation's, its front travels, 0 and 1 are steady."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from solvers.growth import growth_models
from solvers.growth.rates import Rate, exponent, exponent_and_crowding
from tests.solvers.growing import REACTIONS, RHO, SPEEDS, VALUES, D, values_for

MODELS = growth_models()
EACH_MODEL = pytest.mark.parametrize("model", MODELS.values(), ids=lambda m: m.name)
FISHER = MODELS["fisher_kpp"]
RATES = (Rate(-0.2, 0.0, decay_per_day=2.0), Rate(-4.0, 0.0, decay_per_day=9.242), Rate(0.02, 0.0))
CLOSED = ("fisher_kpp", "fisher_power", "gompertz", "logistic")


def state_of(model: Any, densities: Any) -> Any:
    """Rows of densities that add up to `densities`."""
    return np.array([np.asarray(densities, float) / len(model.species)] * len(model.species))


def reference(model: Any, start: Any, days: float) -> Any:
    """The state after `days` under `RATES`, by an ODE solver of eighth order."""
    alive = np.array(model.living, float)

    def slope(t: float, u: Any) -> Any:
        added = sum(rate.amount * math.exp(-rate.decay_per_day * t) for rate in RATES)
        return np.reshape(REACTIONS[model.name](u), -1) + alive * added * u

    return solve_ivp(
        slope, (0.0, days), start, method="DOP853", rtol=1e-12, atol=1e-14, first_step=1e-3
    ).y[:, -1]


def test_that_there_are_the_models_that_are_promised() -> None:
    assert set(MODELS) == set(REACTIONS)


def test_that_logistic_growth_reaches_its_closed_form() -> None:
    # NUMERICS R5: u0 e^(rho t) / (1 + u0 (e^(rho t) - 1)), u0 0.1, rho 0.05, 90 days
    assert FISHER.reacted(0.1, VALUES, (0.0, 90.0)) == pytest.approx(0.9091066, abs=1e-7)


def test_that_gompertz_growth_reaches_its_closed_form() -> None:
    # u0 to the power exp(-rho t)
    found = MODELS["gompertz"].reacted(0.1, VALUES, (0.0, 30.0))
    assert found == pytest.approx(0.1 ** math.exp(-1.5), rel=1e-14)


def test_that_nothing_grows_where_there_is_not_a_cell() -> None:
    found = MODELS["gompertz"].reacted(np.array([1e-7, 1e-5]), VALUES, (0.0, 30.0))
    assert found[0] == 1e-7
    assert found[1] > 0.05


def test_that_a_course_kills_what_its_integral_says() -> None:
    # NUMERICS R7: s C/beta (1 - e^(-beta t)), s 0.5, beta 9.242 /d, five daily doses, all gone
    doses = [Rate(-0.5, day, decay_per_day=9.242) for day in range(5)]
    killed = -exponent(0.0, (0.0, 30.0), np.array([30.0]), doses)[0]
    assert killed == pytest.approx(0.270504, abs=1e-6)


def test_that_a_course_in_pieces_is_the_course_at_once() -> None:
    rate = Rate(-0.3, 2.0, 9.0, 0.4)
    whole = rate.integral(0.0, 20.0)
    assert rate.integral(0.0, 5.0) + rate.integral(5.0, 20.0) == pytest.approx(whole, rel=1e-13)


@pytest.mark.parametrize("power", [1.0, 2.0, np.array([1.0, 1.0, 2.0, 2.0])])
def test_that_a_field_of_proliferation_is_solved_as_its_numbers_are(power: Any) -> None:
    rho = np.array([0.0, 0.02, 0.05, 1.0])
    found = exponent_and_crowding(rho, power, (0.0, 5.0), RATES)
    each = np.array(
        [
            exponent_and_crowding(one, q, (0.0, 5.0), RATES)
            for one, q in zip(rho, np.broadcast_to(power, 4), strict=True)
        ]
    ).T
    assert np.array(found) == pytest.approx(each, rel=1e-12)


@EACH_MODEL
def test_that_nothing_stays_nothing(model: Any) -> None:
    nothing = np.zeros((len(model.species), 2))
    assert (model.reacted(nothing, values_for(model), (0.0, 50.0), RATES) == 0.0).all()


@EACH_MODEL
def test_that_a_full_tumour_that_is_fed_stays(model: Any) -> None:
    full = model.started(np.ones(2), VALUES)
    found = model.reacted(full, {**VALUES, "nutrient": 1.0}, (0.0, 50.0), ())
    assert found == pytest.approx(full, rel=1e-14)


@EACH_MODEL
def test_that_a_density_below_zero_does_not_grow(model: Any) -> None:
    below = np.full((len(model.species), 1), -0.01)
    assert model.reacted(below, values_for(model), (0.0, 50.0), ()) == pytest.approx(below)


@EACH_MODEL
def test_that_densities_stay_between_nothing_and_all(model: Any) -> None:
    state = state_of(model, np.linspace(0.0, 1.0, 41))
    kills = tuple(rate for rate in RATES if rate.amount < 0.0)
    for rates in ((), kills):
        found = model.reacted(state, values_for(model), (0.0, 40.0), rates)
        assert found.min() >= 0.0
        assert found.sum(axis=0).max() <= 1.0 + 1e-14


@EACH_MODEL
def test_that_growth_under_treatment_is_that_of_an_ode_solver(model: Any) -> None:
    start = np.full(len(model.species), 0.3)
    found = model.reacted(start[:, None], values_for(model), (0.0, 6.0), RATES)[:, 0]
    accuracy = 1e-10 if model.name in CLOSED else 1e-7
    assert found == pytest.approx(reference(model, start, 6.0), rel=accuracy)


@EACH_MODEL
def test_that_two_spans_are_one(model: Any) -> None:
    state = state_of(model, [0.01, 0.2, 0.7])
    values = values_for(model)
    whole = model.reacted(state, values, (0.0, 7.0), RATES)
    first = model.reacted(state, values, (0.0, 2.7), RATES)
    accuracy = 1e-12 if model.name in CLOSED else 1e-7
    found = model.reacted(first, values, (2.7, 7.0), RATES)
    assert found == pytest.approx(whole, rel=accuracy)


@EACH_MODEL
def test_that_a_kill_no_number_can_hold_leaves_nothing(model: Any) -> None:
    found = model.reacted(
        state_of(model, [0.5]), values_for(model), (0.0, 5.0), [Rate(-500.0, 0.0)]
    )
    assert np.isfinite(found).all()
    assert found[np.array(model.living)].max() < 1e-200


@pytest.mark.parametrize("name", SPEEDS)
def test_that_the_starting_front_travels_unchanged(name: str) -> None:
    # by substitution: -c u' = D u'' + reaction(u)
    model, speed = MODELS[name], SPEEDS[name]
    x, h = np.linspace(-12.0, 12.0, 25), 1e-3
    before, u, after = (model.profile(x + shift, 0.5, VALUES) for shift in (-h, 0.0, h))
    slope, bend = (after - before) / (2 * h), (after - 2 * u + before) / h**2
    residual = speed * slope + D * bend + REACTIONS[name](u)
    assert np.abs(residual).max() < 1e-8


@EACH_MODEL
@pytest.mark.parametrize("visible", [0.16, 0.5, 0.8])
def test_that_the_front_is_visible_up_to_its_surface(model: Any, visible: float) -> None:
    assert model.profile(0.0, visible, VALUES) == pytest.approx(visible, rel=1e-12)


@EACH_MODEL
def test_that_the_start_adds_up_to_its_density(model: Any) -> None:
    density = np.array([0.0, 0.3, 1.0])
    assert model.started(density, VALUES).sum(axis=0) == pytest.approx(density)


@EACH_MODEL
def test_that_what_a_model_says_of_its_species_fits(model: Any) -> None:
    count = len(model.species)
    assert len(model.spreads(VALUES)) == len(model.living) == count


def test_that_growth_slows_over_the_time_its_parameter_says() -> None:
    assert FISHER.front_width_mm(VALUES) == pytest.approx(math.sqrt(D / RHO))


@EACH_MODEL
def test_that_every_parameter_names_a_source_and_a_unit(model: Any) -> None:
    assert all(p.source and p.unit and p.meaning for p in model.parameters)
