"""Slopes of a tumour's course: every model, against central differences and one another."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from solvers.contract import Event
from solvers.course import Course
from solvers.diffusion import limited
from solvers.failures import BadInput
from solvers.growth import growth_models
from solvers.moves import Member, Report
from solvers.pulling import limited_back
from solvers.pushing import Change, limited_on, pushed_states
from solvers.retracing import retraced
from solvers.terrain import Terrain
from solvers.timeline import timeline
from solvers.voxelmesh import voxel_mesh
from tests.solvers.growing import values_for

Reals = NDArray[np.float64]
MESH = voxel_mesh(np.ones((9, 9, 9), np.uint8), np.diag([2.0, 2.0, 2.0, 1.0]))
AWAY = MESH.points_mm - MESH.points_mm.mean(axis=0)
DENSITY = 0.8 * np.exp(-(AWAY**2).sum(axis=1) / (2 * 4.0**2))
EVENTS = (
    *(Event("irradiate", 5.0 + day + 0.375, 2.0) for day in range(3)),
    Event("infuse", 12.3, 1.0, agent="drug"),
    Event("infuse", 15.2, 0.5, until_day=15.9, agent="drug"),
)
TREATED = {
    "alpha_per_gy": 0.05,
    "alpha_beta_gy": 10.0,
    "sensitivity_per_day@drug": 2.0,
    "clearance_per_day@drug": 9.242,
    "resistant_fraction@drug": 0.0,
}


def misfit(states: Reals) -> tuple[float, Reals]:
    away = states - 0.9 * DENSITY
    return 0.5 * float((away**2).sum()), away


class Question:
    """One model under treatment; `told` gives J of other numbers."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.course = Course(MESH, timeline((0.0, 8.0, 24.0), EVENTS, 2.0), tolerance=1e-12)
        own = {k: v for k, v in values_for(model).items() if k not in model.fields}
        self.values = own | TREATED
        self.start: Reals = model.started(DENSITY, self.values)

    def member(self, values: dict[str, Any]) -> Member:
        return self.course.member(self.model, values, EVENTS)

    def told(self, values: dict[str, Any], start: Reals | None = None) -> float:
        begun = self.start if start is None else start
        states = [s.species for s in self.course.march(self.member(values), begun)]
        return misfit(np.array(states))[0]

    def central(self, name: str) -> float:
        value, step = self.values[name], 1e-4
        more, less = (self.told({**self.values, name: value * (1 + s)}) for s in (step, -step))
        return float((more - less) / (2 * step * value))


@pytest.fixture(scope="module", params=growth_models().values(), ids=lambda model: model.name)
def asked(request: pytest.FixtureRequest) -> Question:
    return Question(request.param)


def test_that_slopes_by_parameters_are_those_of_central_differences(asked: Question) -> None:
    found = retraced(asked.course, asked.member(asked.values), asked.start, misfit)
    for parameter in asked.model.parameters:
        name, by = parameter.name, found.gradient
        own = by.diffusivity if name.startswith("diffusion") else by.values.get(name, 0.0)
        assert np.sum(own) == pytest.approx(asked.central(name), rel=1e-6, abs=1e-9)


def test_that_slopes_by_the_start_are_those_of_central_differences(asked: Question) -> None:
    found = retraced(asked.course, asked.member(asked.values), asked.start, misfit)
    change = asked.start * np.random.default_rng(1).normal(size=asked.start.shape)
    more, less = (asked.told(asked.values, asked.start + s * change) for s in (1e-4, -1e-4))
    assert (found.start * change).sum() == pytest.approx((more - less) / 2e-4, rel=1e-6)


def test_that_what_is_pushed_forward_is_what_is_pulled_back(asked: Question) -> None:
    member = asked.member(asked.values)
    found = retraced(asked.course, member, asked.start, misfit)
    rates = np.array([[r.amount, r.decay_per_day] for r in member.rates])
    change = Change(
        values={p.name: asked.values[p.name] for p in asked.model.parameters},
        rates=rates,
        factors=dict(member.factors),
        diffusivity=member.diffusivity,
    )
    states, tangents = pushed_states(
        asked.course, member, asked.start, change=change, of_start=asked.start
    )
    pushed = float((misfit(states)[1] * tangents).sum())
    by = found.gradient
    pulled = sum(float(np.sum(v)) * asked.values[name] for name, v in by.values.items())
    pulled += float((by.rates * rates).sum()) + by.diffusivity * float(member.diffusivity)
    pulled += sum(float((v * member.factors[event]).sum()) for event, v in by.factors.items())
    assert pulled + float((found.start * asked.start).sum()) == pytest.approx(pushed, rel=1e-9)


@pytest.mark.parametrize("diffusion", [0.01, 0.1, 1.0])
def test_that_the_slope_by_diffusion_holds_where_a_continuous_adjoint_fails(
    diffusion: float,
) -> None:
    asked = Question(growth_models()["fisher_kpp"])
    asked.values["diffusion_mm2_per_day"] = diffusion
    found = retraced(asked.course, asked.member(asked.values), asked.start, misfit)
    central = asked.central("diffusion_mm2_per_day")
    assert found.gradient.diffusivity == pytest.approx(central, rel=1e-5)


def test_that_the_remainder_of_taylors_formula_falls_with_the_square() -> None:
    asked = Question(growth_models()["fisher_kpp"])
    found = retraced(asked.course, asked.member(asked.values), asked.start, misfit)
    name, steps = "proliferation_per_day", np.array([4e-2, 2e-2, 1e-2, 5e-3])
    slope, value = float(np.sum(found.gradient.values[name])), asked.values[name]
    rest = [
        abs(asked.told({**asked.values, name: value * (1 + s)}) - found.misfit - slope * value * s)
        for s in steps
    ]
    assert np.polyfit(np.log(steps), np.log(rest), 1)[0] == pytest.approx(2.0, abs=0.1)


def test_that_slopes_do_not_depend_on_the_memory_for_states() -> None:
    asked = Question(growth_models()["two_species"])
    member = asked.member(asked.values)
    ample, scarce = (
        retraced(asked.course, member, asked.start, misfit, kept_mb=megabytes).start
        for megabytes in (100.0, 0.05)
    )
    np.testing.assert_allclose(scarce, ample, rtol=1e-8, atol=1e-10)


def test_that_slopes_of_diffusion_by_cell_add_up() -> None:
    asked = Question(growth_models()["fisher_kpp"])
    member = asked.member(asked.values)
    whole = retraced(asked.course, member, asked.start, misfit).gradient.diffusivity
    cells = asked.course.member(
        asked.model, asked.values, EVENTS, diffusivity=np.full(len(MESH.cells), 0.1)
    )
    by_cell = retraced(asked.course, cells, asked.start, misfit).gradient.cells(None)
    assert by_cell.sum() == pytest.approx(whole, rel=1e-9)


def test_that_a_limited_density_moves_as_its_tangent_and_transpose_say() -> None:
    asked = Question(growth_models()["fisher_kpp"])
    terrain = asked.course.terrains_of(asked.member(asked.values))[0]
    rng = np.random.default_rng(2)
    density = rng.uniform(-0.1, 1.1, len(DENSITY))
    ceiling, moved, of_ceiling = np.full(len(DENSITY), 0.95), *rng.normal(size=(2, len(DENSITY)))
    step = 1e-7
    more, less = (_limited(terrain, density + s * moved, ceiling + s * of_ceiling)
                  for s in (step, -step))  # fmt: skip
    tangent = limited_on(terrain, moved, of_ceiling, density=density, ceiling=ceiling)
    np.testing.assert_allclose(tangent, (more - less) / (2 * step), rtol=1e-5, atol=1e-6)
    slope = rng.normal(size=len(DENSITY))
    own, by_ceiling = limited_back(terrain, slope, density, ceiling)
    assert own @ moved + by_ceiling @ of_ceiling == pytest.approx(slope @ tangent, rel=1e-10)


def _limited(terrain: Terrain, density: Reals, ceiling: Reals) -> Reals:
    return limited(terrain, density, ceiling)[0]


def test_that_a_slope_of_another_shape_is_refused() -> None:
    asked = Question(growth_models()["fisher_kpp"])
    with pytest.raises(BadInput, match="of shape"):
        retraced(asked.course, asked.member(asked.values), asked.start,
                 lambda states: (0.0, states[0]))  # fmt: skip


def test_that_every_report_is_asked_for_once() -> None:
    asked = Question(growth_models()["fisher_kpp"])
    moves = asked.course.moves(asked.member(asked.values))
    assert [move.index for move in moves if isinstance(move, Report)] == [0, 1, 2]
