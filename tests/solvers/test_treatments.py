"""Treatments against closed forms and an ODE solver; R-numbers are those of shared/NUMERICS.md."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from solvers.contract import ContractError, Event
from solvers.dose import dose_at
from solvers.failures import BadInput
from solvers.growth import growth_model
from solvers.growth.clones import Clones, with_clones
from solvers.growth.rates import exponent
from solvers.treatments import asked_of_members, check_treatments, factor_of, rates_of, survival

FISHER = growth_model("fisher_kpp")
DRUG = {"sensitivity_per_day@tmz": 0.5, "clearance_per_day@tmz": 9.242}
OTHER = {"sensitivity_per_day@fu": 1.5, "clearance_per_day@fu": 0.7}
GROWTH = {"diffusion_mm2_per_day": 0.1, "proliferation_per_day": 0.05}
LQ = {"alpha_per_gy": 0.05, "alpha_beta_gy": 10.0}


def killed(events: list[Event], values: dict[str, float], until: float) -> float:
    return float(-exponent(0.0, (0.0, until), np.float64(until), rates_of(events, values)))


def test_that_fractions_leave_what_the_linear_quadratic_model_says() -> None:
    # R6
    assert survival(2.0, LQ) ** 3 == pytest.approx(0.697676, abs=5e-7)
    assert survival(2.0, LQ) ** 30 == pytest.approx(0.0273, abs=5e-5)


def test_that_five_boluses_kill_their_closed_form() -> None:
    # R7: s 0.5 /d, clearance 9.242 /d, five daily doses of 1
    events = [Event("infuse", day, agent="tmz") for day in range(5)]
    assert killed(events, DRUG, 30.0) == pytest.approx(0.270504, abs=1e-6)


def test_that_an_infusion_kills_in_the_end_what_a_bolus_of_its_amount_does() -> None:
    events = [Event("infuse", 1.0, 0.25, until_day=5.0, agent="fu")]
    assert killed(events, OTHER, 200.0) == pytest.approx(1.5 * 0.25 * 4.0 / 0.7, rel=1e-12)


def slope_with(given: float) -> Any:
    """Slopes of the concentrations of tmz and fu, fu given at a rate, and of the kill."""

    def slope(_: float, y: Any) -> list[float]:
        return [-9.242 * y[0], -0.7 * y[1] + given, 0.5 * y[0] + 1.5 * y[1]]

    return slope


def test_that_overlapping_drugs_kill_by_their_concentrations() -> None:
    events = [
        Event("infuse", 0.375, 1.0, agent="tmz"),
        Event("infuse", 0.4, 0.6, until_day=2.9, agent="fu"),
        Event("infuse", 1.375, 1.0, agent="tmz"),
        Event("infuse", 1.5, 0.9, until_day=4.0, agent="fu"),
    ]

    def given(t: float, agent: str) -> float:
        return sum(
            e.amount
            for e in events
            if e.agent == agent and e.until_day and e.day <= t < e.until_day
        )

    state, marks = np.zeros(3), [0.0, 0.375, 0.4, 1.375, 1.5, 2.9, 4.0, 6.3]
    for start, end in pairwise(marks):
        state[0] += sum(e.amount for e in events if e.agent == "tmz" and e.day == start)
        rates = slope_with(given(0.5 * (start + end), "fu"))
        state = solve_ivp(rates, (start, end), state, rtol=1e-11, atol=1e-13).y[:, -1]
    assert killed(events, {**DRUG, **OTHER}, 6.3) == pytest.approx(state[2], rel=1e-9)


def clones() -> tuple[Clones, dict[str, float], tuple[Any, ...]]:
    model = Clones(FISHER, ("fu", "tmz"))
    events = [Event("infuse", 0.0, agent="tmz"), Event("infuse", 0.0, 0.8, until_day=3, agent="fu")]
    values = {**GROWTH, **DRUG, **OTHER, "proliferation_per_day": 0.3}
    return model, values, rates_of(events, values)


def test_that_clones_are_those_of_an_ode_solver() -> None:
    model, values, rates = clones()

    def slope(t: float, u: Any) -> Any:
        tmz = -0.5 * math.exp(-9.242 * t)
        fu = -1.5 * 0.8 / 0.7 * -math.expm1(-0.7 * t)
        return u * (0.3 + np.array([tmz + fu, tmz, fu]) - 0.3 * u.sum())

    start = np.array([0.5, 0.1, 0.05])
    reference = solve_ivp(slope, (0.0, 3.0), start, rtol=1e-11, atol=1e-13).y[:, -1]
    found = model.reacted(start[:, None], values, (0.0, 3.0), rates)[:, 0]
    assert found == pytest.approx(reference, rel=1e-9)


def test_that_without_drugs_clones_grow_as_one() -> None:
    model, values, _ = clones()
    state = np.array([[0.2], [0.1], [0.05]])
    whole = FISHER.reacted(state.sum(axis=0), values, (0.0, 4.0), ())
    assert model.reacted(state, values, (0.0, 4.0)).sum(axis=0) == pytest.approx(whole, rel=1e-13)


def test_that_slopes_of_clones_are_those_of_complex_steps() -> None:
    model, values, rates = clones()
    random = np.random.default_rng(2)
    state, slope = random.uniform(0.0, 0.3, (3, 5)), random.normal(size=(3, 5))
    values = {**values, "proliferation_per_day": random.uniform(0.02, 0.3, 5)}
    found = model.pulled(state, values, (0.0, 2.0), rates, slope=slope)
    stepped = super(Clones, model).pulled(state, values, (0.0, 2.0), rates, slope=slope)
    assert found.state == pytest.approx(stepped.state, rel=1e-11)
    assert np.array(found.rates) == pytest.approx(np.array(stepped.rates), rel=1e-10)
    name = "proliferation_per_day"
    assert found.values[name] == pytest.approx(stepped.values[name], rel=1e-10)


def test_that_resistant_shares_start_evenly_mixed_and_are_no_more_than_all() -> None:
    model = Clones(FISHER, ("tmz",))
    found = model.started(np.array([0.4]), {"resistant_fraction@tmz": 0.25})
    assert found == pytest.approx(np.array([[0.3], [0.1]]))
    with pytest.raises(BadInput, match="more than 1"):
        Clones(FISHER, ("a", "b")).started(
            np.array([0.4]), {"resistant_fraction@a": 0.6, "resistant_fraction@b": 0.6}
        )


def test_that_a_model_without_clones_says_which_have_them() -> None:
    assert with_clones(FISHER, ()) is FISHER
    with pytest.raises(BadInput, match="choose fisher_kpp or logistic"):
        with_clones(growth_model("fisher_power"), ("tmz",))


def test_that_a_dose_map_is_read_where_the_nodes_lie() -> None:
    dose = np.arange(27.0).reshape(3, 3, 3)
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    arrays = {"plan_gy": dose, "plan_affine": affine}
    points = np.array([[2.0, 2.0, 2.0], [1.0, 0.0, 0.0], [9.0, 0.0, 0.0]])
    assert dose_at(arrays, "plan", points) == pytest.approx([13.0, 4.5, 0.0])
    nodal = {"plan_gy": np.array([1.0, 2.0, 3.0])}
    assert dose_at(nodal, "plan", points) == pytest.approx([1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({}, "missing"),
        ({"plan_gy": np.full(1, np.nan)}, "not finite"),
        ({"plan_gy": np.full(1, -1.0)}, "negative"),
        ({"plan_gy": np.ones((2, 2, 2))}, "plan_affine"),
        ({"plan_gy": np.ones((2, 2, 2)), "plan_affine": np.eye(4)}, "no node"),
    ],
)
def test_that_a_dose_map_that_is_none_is_refused(arrays: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        dose_at(arrays, "plan", np.array([[50.0, 0.0, 0.0]]))


def test_that_a_dose_map_multiplies_the_amount() -> None:
    event = Event("irradiate", 0.0, 0.5, where="plan")
    found = factor_of(event, FISHER, LQ, dose_gy=np.array([0.0, 4.0]))
    assert found == pytest.approx([1.0, survival(2.0, LQ)])


def test_that_what_is_left_in_a_region_stays_there() -> None:
    event = Event("scale_density", 0.0, 0.02, where="zone")
    assert factor_of(event, FISHER, {}, inside=np.array([-1.0, 1.0])) == pytest.approx([0.02, 1.0])


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ([Event("irradiate", 0.375, 2.0)] * 2, "irradiate on day 0.375 is given 2 times"),
        ([Event("change_load", 1.0)], "no event"),
        ([Event("remove_region", 1.0)], "distance map"),
        ([Event("infuse", 1.0, where="x", agent="a")], "everywhere"),
        ([Event("remove_region", 1.0, 0.1, where="x")], "give scale_density"),
        ([Event("irradiate", 1.0, 2.0, until_day=2.0)], "at once"),
    ],
)
def test_that_treatments_a_tumour_cannot_take_are_refused(events: list[Event], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        check_treatments(events)


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({"kind": "irradiate", "amount": -2.0}, "not negative"),
        ({"kind": "irradiate", "agent": "tmz"}, "nothing else"),
        ({"kind": "infuse"}, "names its agent"),
        ({"kind": "infuse", "agent": "5fu"}, "names its agent"),
        ({"kind": "infuse", "agent": "a", "until_day": 1.0}, "leave until_day out"),
        ({"kind": "add_rate", "decay_per_day": -1.0}, "decay"),
        ({"kind": "add_rate", "amount": math.nan}, "finite"),
    ],
)
def test_that_numbers_no_solver_honours_make_no_event(event: dict[str, Any], said: str) -> None:
    with pytest.raises(ContractError, match=said):
        Event(day=1.0, **event)


def test_that_members_are_asked_for_what_treatments_need() -> None:
    events = [Event("irradiate", 0.0, 2.0), Event("infuse", 1.0, agent="tmz")]
    assert [p.name for p in asked_of_members(events)] == [
        "alpha_per_gy",
        "alpha_beta_gy",
        "sensitivity_per_day@tmz",
        "clearance_per_day@tmz",
        "resistant_fraction@tmz",
    ]
    assert asked_of_members([Event("add_rate", 0.0)]) == ()
