"""Tumour growth against closed forms; R-numbers are those of shared/NUMERICS.md."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from solvers.contract import Event
from solvers.course import Course, State
from solvers.growth.fisher_kpp import GROWTH
from solvers.refinement import Mesh
from solvers.rows import Rows
from solvers.terrain import Terrain
from solvers.timeline import timeline
from tests.solvers.meshes import box_mesh

VALUES = {"diffusion_mm2_per_day": 0.1, "proliferation_per_day": 0.05}
SHARED = Path(__file__).parents[2] / ".." / "shared" / "data" / "growth-recovery"


class Spreading:
    """Diffusion alone."""

    fields = ()
    living = (True,)

    def spreads(self, _: Any) -> tuple[float, ...]:
        return (1.0,)

    def reacted(self, density: Any, *_: Any) -> Any:
        return density


def march(
    mesh: Mesh,
    density: NDArray[np.float64],
    days: tuple[float, ...],
    *,
    step: float = 2.0,
    events: tuple[Event, ...] = (),
    inside: dict[str, NDArray[np.float64]] | None = None,
    model: Any = GROWTH,
    values: dict[str, float] = VALUES,
) -> list[State]:
    course = Course(mesh, timeline(days, events, step), inside)
    return list(course.march(course.member(model, values, events), density))


def mass(state: State) -> float:
    return float(state.terrain.volumes_mm3 @ state.density[state.terrain.nodes])


def test_that_the_exact_front_keeps_its_speed(bar: Mesh) -> None:
    # R3: 5/√6 √(D rho) = 0.144338 mm/d; front position = mass per cross-section
    start = GROWTH.profile(bar.points_mm[:, 0] - 15.0, 0.5, VALUES)
    first, last = march(bar, start, (20.0, 180.0))
    speed = (mass(last) - mass(first)) / 36.0 / 160.0
    assert speed == pytest.approx(0.144338, rel=0.006)


def test_that_a_spread_gaussian_widens_by_twice_d_t() -> None:
    # R4: s0² + 2 D t = 9 + 2 × 0.1 × 60 = 21 mm² per axis
    mesh = box_mesh((40.0, 40.0, 40.0), (20, 20, 20))
    away = mesh.points_mm - 20.0
    start = np.exp(-(away**2).sum(axis=1) / 18.0)
    (state,) = march(mesh, start, (60.0,), model=Spreading(), values={"diffusion_mm2_per_day": 0.1})
    weight = state.terrain.volumes_mm3 * state.density
    assert weight @ away**2 / weight.sum() == pytest.approx([21.0] * 3, rel=0.01)


def test_that_a_uniform_tumour_grows_logistically(bar: Mesh) -> None:
    # R5
    (state,) = march(bar, np.full(len(bar.points_mm), 0.1), (90.0,))
    assert state.density == pytest.approx(0.9091066, abs=1e-6)


def test_that_radiotherapy_leaves_its_surviving_fraction(bar: Mesh) -> None:
    # R6: alpha 0.05 /Gy, alpha/beta 10 Gy, three fractions of 2 Gy: 0.697676
    survive = math.exp(-0.05 * 2.0 - 0.005 * 4.0)
    events = tuple(Event("scale_density", day, survive) for day in (0.375, 1.375, 2.375))
    slow = {"diffusion_mm2_per_day": 0.1}
    start = np.full(len(bar.points_mm), 0.1)
    (state,) = march(bar, start, (4.0,), events=events, model=Spreading(), values=slow)
    assert state.density == pytest.approx(0.1 * 0.697676, rel=1e-6)


def test_that_diffusion_keeps_the_mass(bar: Mesh) -> None:
    # R8, with zero flux at the border: 1e-10 asked of a direct solver
    start = np.random.default_rng(0).random(len(bar.points_mm))
    first, last = march(
        bar, start, (0.0, 270.0), model=Spreading(), values={"diffusion_mm2_per_day": 0.4}
    )
    assert mass(last) == pytest.approx(mass(first), rel=1e-11)


@pytest.mark.parametrize("jitter", [0.0, 0.15])
def test_that_diffusion_converges_with_the_square_of_the_edge(jitter: float) -> None:
    # manufactured: cos(πx/L) cos(πy/L) decays by exp(-2 D (π/L)² t)
    errors = []
    for count in (6, 12):
        mesh = box_mesh((12.0, 12.0, 12.0), (count, count, count), jitter=jitter)
        waves = np.cos(np.pi * mesh.points_mm[:, :2] / 12.0).prod(axis=1)
        start, values = 0.5 + 0.4 * waves, {"diffusion_mm2_per_day": 0.3}
        (state,) = march(mesh, start, (40.0,), step=0.5, model=Spreading(), values=values)
        exact = 0.5 + 0.4 * waves * math.exp(-2 * 0.3 * (math.pi / 12.0) ** 2 * 40.0)
        errors.append(float(np.abs(state.density - exact).max()))
    assert math.log2(errors[0] / errors[1]) > 1.7


def test_that_halving_the_step_quarters_the_error(bar: Mesh) -> None:
    values = {"diffusion_mm2_per_day": 0.4, "proliferation_per_day": 0.05}
    start = GROWTH.profile(bar.points_mm[:, 0] - 15.0, 0.5, values)
    dose = (Event("add_rate", 3.0, -0.4, decay_per_day=0.3),)
    fine, wide, narrow = (
        march(bar, start, (63.0,), step=step, events=dose, values=values)[0].density
        for step in (0.5, 20.0, 10.0)
    )
    order = math.log2(np.abs(wide - fine).max() / np.abs(narrow - fine).max())
    assert order == pytest.approx(2.0, abs=0.4)


def test_that_a_removed_region_is_empty_and_stays_so(bar: Mesh) -> None:
    start = GROWTH.profile(bar.points_mm[:, 0] - 30.0, 0.5, VALUES)
    cut = {"removed": bar.points_mm[:, 0] - 20.0}
    events = (Event("remove_region", 10.0, where="removed"),)
    before, after = march(bar, start, (10.0, 60.0), events=events, inside=cut)
    gone = bar.points_mm[:, 0] < 16.0
    assert before.density[gone].min() > 0.5
    assert np.abs(after.density[gone]).max() == 0.0


def test_that_what_is_left_after_a_cut_keeps_its_mass(bar: Mesh) -> None:
    start = GROWTH.profile(bar.points_mm[:, 0] - 30.0, 0.5, VALUES)
    cut = {"removed": bar.points_mm[:, 0] - 20.0}
    events = (Event("remove_region", 0.0, where="removed"),)
    states = march(
        bar,
        start,
        (1.0, 90.0),
        events=events,
        inside=cut,
        model=Spreading(),
        values={"diffusion_mm2_per_day": 0.2},
    )
    assert mass(states[1]) == pytest.approx(mass(states[0]), rel=1e-11)


def test_that_a_report_day_shows_the_state_before_its_events(bar: Mesh) -> None:
    start = np.full(len(bar.points_mm), 0.4)
    first, _ = march(bar, start, (0.0, 1.0), events=(Event("scale_density", 0.0, 0.5),))
    assert first.density == pytest.approx(0.4)


def test_that_steps_land_on_every_event_and_report() -> None:
    events = (Event("scale_density", 0.375, 0.9), Event("add_rate", 3.1, -1.0, until_day=4.7))
    stops = timeline((0.0, 10.0), events, 2.0)
    assert [stop.day for stop in stops] == pytest.approx([0.0, 0.375, 3.1, 4.7, 10.0])
    assert max(stop.step_days for stop in stops) <= 2.0


def test_that_diffusion_costs_few_iterations(bar: Mesh) -> None:
    rows = Rows(bar)
    terrain = Terrain(rows, np.ones(len(bar.cells), bool))
    density = GROWTH.profile(bar.points_mm[rows.own, 0] - 15.0, 0.5, VALUES)
    operator = terrain.operator(0.1, 2.0)
    for _ in range(20):
        density = operator.stepped(density)
    assert terrain.iterations / terrain.steps < 9


def test_that_an_independent_solver_grows_the_same_total() -> None:
    if not SHARED.is_dir():
        pytest.skip("the shared growth-recovery case is not here")
    with np.load(SHARED / "recover_case.npz") as case:
        mask, h, truth, days = (case[name] for name in ("mask", "h", "truth", "days"))
    mesh, start = voxel_mesh(mask.astype(bool), float(h), truth[0])
    states = march(mesh, start, tuple(map(float, days)))
    ratio = np.array([mass(state) for state in states]) / mass(states[0])
    expected = truth.reshape(len(days), -1).sum(axis=1) / truth[0].sum()
    assert ratio == pytest.approx(expected, rel=0.02)


def voxel_mesh(
    mask: NDArray[np.bool_], h: float, field: NDArray[np.float64]
) -> tuple[Mesh, NDArray[np.float64]]:
    """Tetrahedra between the centres of voxels whose eight neighbours all lie in the mask."""
    size = [n - 1 for n in mask.shape]
    grid = box_mesh([n * h for n in size], size)
    index = np.rint(grid.points_mm / h).astype(int)
    keep = mask[tuple(index.T)][grid.cells].all(axis=1)
    nodes, cells = np.unique(grid.cells[keep], return_inverse=True)
    mesh = Mesh(
        grid.points_mm[nodes], cells.reshape(-1, 4).astype(np.int32), np.ones(keep.sum(), np.int32)
    )
    return mesh, field[tuple(index[nodes].T)].astype(np.float64)
