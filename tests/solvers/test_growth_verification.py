"""Growth against exact and independent solutions: small of benchmarks/growth_verification.py."""

from __future__ import annotations

import math

import pytest

from benchmarks import growth_cases as cases
from benchmarks.growth_verification import TREATED
from solvers.contract import Event
from tests.solvers.growing import REACTIONS, SPEEDS

SPREADING = tuple(name for name in REACTIONS if name != "logistic")
STILL = {**cases.STILL, **cases.LQ, **cases.DRUG}
ALIVE = {**cases.VALUES, **cases.LQ, **cases.DRUG}


def test_that_the_slowest_front_keeps_its_speed() -> None:
    speed, exact = cases.minimal_speed(0.5, 2.0)  # R1: 2 √(D ρ) = 0.141421 mm/d
    assert speed == pytest.approx(exact, rel=0.005)


def test_that_a_front_from_a_step_comes_to_bramsons_speed() -> None:
    speed = cases.stepped_speed(0.5, 1.0, (2000.0, 3000.0))  # R2
    exact = (cases.bramson_mm(3000.0) - cases.bramson_mm(2000.0)) / 1000.0
    assert speed == pytest.approx(exact, rel=0.005)


def test_that_a_front_from_a_step_is_as_fast_as_another_solvers() -> None:
    # R2 at days 600 to 900: growth_cases.plain_speed, explicit differences
    speed = cases.stepped_speed(0.5, 2.0, (600.0, 900.0))
    assert speed == pytest.approx(0.138575, rel=0.005)


@pytest.mark.parametrize("name", SPEEDS)
def test_that_exact_fronts_keep_their_speed(name: str) -> None:
    speed, exact = cases.exact_speed(name, 1.0, 2.0)  # R3
    assert speed == pytest.approx(exact, rel=0.005)


@pytest.mark.parametrize("tolerance", [1e-12, 1e-8])
def test_that_spreading_keeps_the_mass(tolerance: float) -> None:
    assert cases.drift(tolerance) < 1e-12  # R8


@pytest.mark.parametrize(("at", "step"), [(0.375, 1.0), (0.375, 2.5), (0.7, 0.3)])
def test_that_a_fraction_acts_once_at_its_hour_whatever_the_step(at: float, step: float) -> None:
    left = cases.evenly(1.0, 4.0, step=step, values=STILL, events=cases.fractions(3, at))
    assert left == pytest.approx(math.exp(-3 * (0.05 * 2.0 + 0.005 * 4.0)), abs=1e-9)  # R6


@pytest.mark.parametrize(("at", "step"), [(0.375, 1.0), (0.375, 2.5), (0.7, 0.3)])
def test_that_boluses_kill_their_integral_whatever_the_step(at: float, step: float) -> None:
    left = cases.evenly(1.0, 12.0, step=step, values=STILL, events=cases.boluses(5, at))
    assert -math.log(left) == pytest.approx(5 * 0.5 / 9.242, abs=1e-9)  # R7


@pytest.mark.parametrize("step", [0.3, 1.0, 2.5])
def test_that_growth_under_both_is_that_of_an_ode_solver(step: float) -> None:
    both = [*cases.fractions(5, 0.375), *cases.boluses(5, 0.7)]
    found = cases.evenly(0.3, 30.0, step=step, values=ALIVE, events=both)  # R5 to R7 together
    assert found == pytest.approx(cases.evenly_exact(0.3, 30.0, ALIVE, both), abs=1e-9)


def test_that_what_resists_a_drug_grows_on() -> None:
    # the drug kills all that does not resist: u = f u0 e^(rho t)/(1 + f u0 (e^(rho t) - 1))
    values = {**ALIVE, "sensitivity_per_day@drug": 50.0, "resistant_fraction@drug": 0.2}
    events = [Event("infuse", 0.0, 10.0, agent="drug")]
    found = cases.evenly(0.3, 60.0, step=2.0, values=values, events=events, agents=("drug",))
    grown = math.exp(0.05 * 60.0)
    assert found == pytest.approx(0.06 * grown / (1 + 0.06 * (grown - 1)), rel=0.01)


@pytest.mark.parametrize("name", SPREADING)
def test_that_errors_fall_with_the_square_of_the_edge(name: str) -> None:
    assert cases.orders(cases.errors_in_space(name, (2.0, 1.0), step=1.0))[0] > 1.7


@pytest.mark.parametrize("name", ["fisher_kpp", "two_species"])
def test_that_treated_errors_fall_with_the_square_of_the_edge(name: str) -> None:
    errors = cases.errors_in_space(name, (2.0, 1.0), step=0.5, events=TREATED)
    assert cases.orders(errors)[0] > 1.7


def test_that_without_spreading_there_is_no_error() -> None:
    assert cases.errors_in_space("logistic", (2.0,), step=1.0)[0] < 1e-13


@pytest.mark.parametrize("name", SPREADING)
def test_that_errors_fall_with_the_square_of_the_step(name: str) -> None:
    assert cases.orders(cases.errors_in_time(name, (4.0, 2.0)))[0] > 1.85
