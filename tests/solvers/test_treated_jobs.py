"""Tumour jobs with radiotherapy from a dose map, and with drugs that some cells resist."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from solvers.contract import Event, Job
from solvers.describe import description
from solvers.failures import BadInput
from solvers.tumour import run
from tests.solvers.meshes import box_mesh, mesh_arrays

MEMBER = {"diffusion_mm2_per_day": 0.01, "proliferation_per_day": 0.05}
LQ = {"alpha_per_gy": 0.05, "alpha_beta_gy": 10.0}
DRUG = {"sensitivity_per_day@tmz": 0.5, "clearance_per_day@tmz": 9.242}
MESH = box_mesh((16.0, 8.0, 8.0), (8, 4, 4))


def answer(
    events: tuple[Event, ...], *, member: dict[str, float], model: str = "fisher_kpp", **arrays: Any
) -> tuple[dict[str, NDArray[Any]], dict[str, float]]:
    even = np.full(len(MESH.points_mm), 0.4)
    settings = {"days": (0.0, 12.0), "edge_mm": 0.0, "keep_members": 1, "step_days": 2.0}
    job = Job("tumour", model, (member,), settings, events)
    return run(job, {**mesh_arrays(MESH), "density": even, **arrays}, lambda _: None)


def logistic(density: float, days: float) -> float:
    grown = math.exp(0.05 * days)
    return density * grown / (1.0 + density * (grown - 1.0))


def test_that_a_dose_map_kills_where_it_lies() -> None:
    # 2 Gy on day 11.875 at x = 0, nothing at x = 16: a map in Gy times the amount 0.5
    dose = np.linspace(4.0, 0.0, 9)[:, None, None] * np.ones((9, 2, 2))
    affine = np.diag([2.0, 8.0, 8.0, 1.0])
    event = Event("irradiate", 11.875, 0.5, where="plan")
    found, _ = answer((event,), member={**MEMBER, **LQ}, plan_gy=dose, plan_affine=affine)
    last, x = found["density"][0, -1], found["points_mm"][:, 0]
    before = logistic(0.4, 11.875)
    left = logistic(before * math.exp(-0.05 * 2.0 - 0.005 * 4.0), 0.125)
    assert last[x == 0.0] == pytest.approx(left, rel=1e-4)
    assert last[x == 16.0] == pytest.approx(logistic(before, 0.125), rel=1e-4)


def test_that_a_drug_spares_what_resists_it() -> None:
    # five doses of 5 leave exp(-5 × 5 s/k) of what they kill; hardly anything grows meanwhile
    events = tuple(Event("infuse", day + 0.375, 5.0, agent="tmz") for day in range(5))
    member = {**MEMBER, **DRUG, "proliferation_per_day": 1e-4}
    left = math.exp(-25.0 * 0.5 / 9.242)
    for resistant in (0.0, 0.5):
        found, _ = answer(events, member={**member, "resistant_fraction@tmz": resistant})
        share = resistant + (1.0 - resistant) * left
        assert found["density"][0, -1] == pytest.approx(0.4 * share, rel=2e-3)


def test_that_a_starving_tumour_leaves_necrosis_that_rays_do_not_clear() -> None:
    member = {
        **MEMBER,
        **LQ,
        "alpha_per_gy": 1.0,
        "necrosis_per_day": 0.5,
        "nutrient_reach_mm": 2.0,
        "nutrient_uptake": 20.0,
    }
    found, _ = answer((Event("irradiate", 11.9, 40.0),), member=member, model="two_species")
    assert 0.1 < found["density"][0, -1].min() < 0.4


@pytest.mark.parametrize(
    ("events", "member", "said"),
    [
        ((Event("irradiate", 1.0, 2.0),), MEMBER, r"alpha_per_gy \(1/Gy\) is missing"),
        ((Event("infuse", 1.0, agent="tmz"),), MEMBER, "sensitivity_per_day@tmz"),
        ((Event("irradiate", 1.0, where="plan"),), {**MEMBER, **LQ}, "plan_gy"),
        ((Event("irradiate", 1.0, 2.0),) * 2, {**MEMBER, **LQ}, "given 2 times"),
        ((Event("infuse", 1.0, agent="tmz"),), {**MEMBER, **DRUG, "alpha_per_gy": 1.0}, "unknown"),
    ],
)
def test_that_treatments_that_lack_something_are_refused(
    events: tuple[Event, ...], member: dict[str, float], said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        answer(events, member=member)


def test_that_a_form_is_told_what_treatments_ask() -> None:
    asked = description()["kinds"]["tumour"]["event_parameters"]
    assert {p["name"] for p in asked["irradiate"]} == set(LQ)
    assert "clearance_per_day@AGENT" in {p["name"] for p in asked["infuse"]}
