"""Every growth model: its reaction is exact, its front is a solution, 0 and 1 are steady."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from solvers.growth import growth_models
from solvers.growth.fisher_kpp import GROWTH as FISHER
from solvers.growth.rates import Rate, exponent

VALUES = {
    "diffusion_mm2_per_day": 0.1,
    "proliferation_per_day": 0.05,
    "saturation_power": 2.0,
}
MODELS = list(growth_models().values())


def power(model: Any) -> float:
    return VALUES["saturation_power"] if model.name == "fisher_power" else 1.0


def test_that_logistic_growth_reaches_its_closed_form() -> None:
    # NUMERICS R5: u0 e^(rho t) / (1 + u0 (e^(rho t) - 1)), u0 0.1, rho 0.05, 90 days
    assert FISHER.reacted(0.1, VALUES, (0.0, 90.0)) == pytest.approx(0.9091066, abs=1e-7)


def test_that_a_course_kills_what_its_integral_says() -> None:
    # NUMERICS R7: s C/beta (1 - e^(-beta t)), s 0.5, beta 9.242 /d, five daily doses, all gone
    doses = [Rate(-0.5, day, decay_per_day=9.242) for day in range(5)]
    killed = -exponent(0.0, (0.0, 30.0), np.array([30.0]), doses)[0]
    assert killed == pytest.approx(0.270504, abs=1e-6)


def test_that_a_course_in_pieces_is_the_course_at_once() -> None:
    rate = Rate(-0.3, 2.0, 9.0, 0.4)
    whole = rate.integral(0.0, 20.0)
    assert rate.integral(0.0, 5.0) + rate.integral(5.0, 20.0) == pytest.approx(whole, rel=1e-13)


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.name)
def test_that_nothing_and_everything_stay(model: Any) -> None:
    assert model.reacted(np.array([0.0, 1.0]), VALUES, (0.0, 50.0), ()) == pytest.approx([0, 1])


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.name)
def test_that_a_density_below_zero_does_not_grow(model: Any) -> None:
    assert model.reacted(np.array([-0.01]), VALUES, (0.0, 50.0), ()) == pytest.approx([-0.01])


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.name)
def test_that_growth_under_treatment_is_that_of_an_ode_solver(model: Any) -> None:
    rate = Rate(-0.2, 0.0, decay_per_day=2.0)
    rho, q = VALUES["proliferation_per_day"], power(model)
    reference = solve_ivp(
        lambda t, u: (rho - 0.2 * math.exp(-2.0 * t)) * u - rho * u ** (1 + q),
        (0.0, 6.0),
        [0.3],
        rtol=1e-11,
        atol=1e-13,
    ).y[0, -1]
    assert model.reacted(0.3, VALUES, (0.0, 6.0), [rate]) == pytest.approx(reference, rel=1e-9)


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.name)
def test_that_the_starting_front_travels_unchanged(model: Any) -> None:
    # by substitution: -c u' = D u'' + rho u (1 - u^q), c = (q + 4)/√(2 (q + 2)) √(D rho)
    d, rho, q = VALUES["diffusion_mm2_per_day"], VALUES["proliferation_per_day"], power(model)
    speed = (q + 4.0) / math.sqrt(2.0 * (q + 2.0)) * math.sqrt(d * rho)
    x, h = np.linspace(-12.0, 12.0, 25), 1e-3
    before, u, after = (model.profile(x + shift, 0.5, VALUES) for shift in (-h, 0.0, h))
    slope, bend = (after - before) / (2 * h), (after - 2 * u + before) / h**2
    residual = speed * slope + d * bend + rho * u * (1.0 - u**q)
    assert np.abs(residual).max() < 1e-8


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.name)
@pytest.mark.parametrize("visible", [0.16, 0.5, 0.8])
def test_that_the_front_is_visible_up_to_its_surface(model: Any, visible: float) -> None:
    assert model.profile(0.0, visible, VALUES) == pytest.approx(visible, rel=1e-12)


def test_that_every_parameter_names_a_source_and_a_unit() -> None:
    assert all(p.source and p.unit for model in MODELS for p in model.parameters)
