"""Terrains and what spreads on them: matrices for any D, barriers, limits, the nutrient."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from solvers.course import Course
from solvers.diffusion import limited
from solvers.failures import NotConverged
from solvers.growth import growth_model
from solvers.moves import Member
from solvers.nutrient import REACH, UPTAKE, Nutrient
from solvers.refinement import Mesh
from solvers.rows import Rows
from solvers.terrain import Terrain
from solvers.tetrahedra import volumes_mm3
from solvers.timeline import timeline
from tests.solvers.meshes import box_mesh

Reals = NDArray[np.float64]
SLOPE = np.array([0.3, -0.2, 0.5])
STILL = {"proliferation_per_day": 0.0}


@pytest.fixture(scope="module")
def mesh() -> Mesh:
    return box_mesh((12.0, 9.0, 9.0), (8, 6, 6), jitter=0.15)


def whole(mesh: Mesh, tensor: Reals | None = None, tolerance: float = 1e-6) -> Terrain:
    return Terrain(Rows(mesh), np.ones(len(mesh.cells), bool), tensor, tolerance=tolerance)


def energy(terrain: Terrain, diffusivity: float | Reals) -> float:
    """u·K u of the field u with the constant slope `SLOPE`."""
    field = terrain.rows.taken(terrain.rows.mesh.points_mm @ SLOPE)
    stiffness = terrain.stiffness(diffusivity)
    vector, flow = stiffness.createVecs()
    vector.array[:] = field
    stiffness.mult(vector, flow)
    return float(field @ flow.array_r)


def test_that_stiffness_is_the_integral_of_d_and_squared_slopes(mesh: Mesh) -> None:
    # u = g·x: ∫ D |∇u|² = Σ D V g·g, cell by cell
    diffusivity = np.random.default_rng(1).uniform(0.01, 1.0, len(mesh.cells))
    exact = volumes_mm3(mesh.points_mm, mesh.cells) @ diffusivity * SLOPE @ SLOPE
    assert energy(whole(mesh), diffusivity) == pytest.approx(exact, rel=1e-12)


def test_that_a_tensor_weighs_the_slopes(mesh: Mesh) -> None:
    # ∫ D g·T g with T = [[2, 0.3, -0.1], [0.3, 1, 0.2], [-0.1, 0.2, 0.5]] in every cell
    row = np.array([2.0, 1.0, 0.5, 0.3, -0.1, 0.2])
    full = np.array([[2.0, 0.3, -0.1], [0.3, 1.0, 0.2], [-0.1, 0.2, 0.5]])
    terrain = whole(mesh, np.tile(row, (len(mesh.cells), 1)))
    exact = 0.4 * 12.0 * 9.0 * 9.0 * SLOPE @ full @ SLOPE
    assert energy(terrain, 0.4) == pytest.approx(exact, rel=1e-12)


def test_that_fields_and_tensors_keep_the_mass(mesh: Mesh) -> None:
    # NUMERICS R8: 1e-10 with a direct solver; here conjugate gradients, mended
    random = np.random.default_rng(2)
    tensor = np.tile([1.0, 0.2, 0.2, 0.1, 0.0, 0.0], (len(mesh.cells), 1))
    course = Course(mesh, timeline((0.0, 270.0), (), 3.0), tensor=tensor)
    diffusivity = random.uniform(0.01, 0.5, len(mesh.cells))
    member = Member(growth_model("fisher_kpp"), STILL, diffusivity=diffusivity)
    first, last = course.march(member, random.random(len(mesh.points_mm)))
    mass = [float(s.terrain.volumes_mm3 @ s.density) for s in (first, last)]
    assert mass[1] == pytest.approx(mass[0], rel=1e-11)


def test_that_nothing_crosses_a_barrier(mesh: Mesh) -> None:
    middle = mesh.points_mm[mesh.cells].mean(axis=1)[:, 0]
    diffusivity = np.where(np.abs(middle - 6.0) < 2.0, 0.0, 0.5)
    start = np.where(mesh.points_mm[:, 0] < 3.0, 0.8, 0.0)
    course = Course(mesh, timeline((200.0,), (), 2.0))
    member = Member(growth_model("fisher_kpp"), STILL, diffusivity=diffusivity)
    (state,) = course.march(member, start)
    assert np.abs(state.density[mesh.points_mm[:, 0] > 7.5]).max() == 0.0
    assert state.density[mesh.points_mm[:, 0] < 3.0].min() > 0.1


def test_that_the_limiter_keeps_the_mass_and_the_bounds(mesh: Mesh) -> None:
    terrain = whole(mesh)
    density = 1.2 * np.exp(-((mesh.points_mm[terrain.rows.own, 0] / 4.0) ** 2)) - 0.05
    kept, moved = limited(terrain, density, 1.0)
    assert kept.min() == 0.0
    assert kept.max() <= 1.0
    assert terrain.mass_mm3(kept) == pytest.approx(terrain.mass_mm3(density), rel=1e-13)
    off = density - np.clip(density, 0.0, 1.0)
    assert moved == pytest.approx(terrain.mass_mm3(np.abs(off)), rel=1e-13)


def test_that_a_density_that_no_front_can_take_is_refused_with_its_place(mesh: Mesh) -> None:
    terrain = whole(mesh)
    density = np.zeros(len(mesh.points_mm))
    density[7] = 1.5
    x, y, z = mesh.points_mm[terrain.rows.own[7]]
    with pytest.raises(NotConverged, match=rf"\({x:.1f}, {y:.1f}, {z:.1f}\) mm LPS"):
        limited(terrain, density, 1.0)


def test_that_the_nutrient_fades_as_a_slab_says() -> None:
    # -R² s'' + (1 + a p) s = 1, p = 1 for x > L/2, 0 else: with m² = 1 + a on the eaten side,
    # s = 1 - A cosh(x/R), s = 1/m² + B cosh(m (L - x)/R); value and slope agree in the middle
    length, reach, uptake = 16.0, 2.0, 3.0
    bar = box_mesh((length, 1.0, 1.0), (64, 2, 2))
    terrain = whole(bar)
    x = bar.points_mm[terrain.rows.own, 0]
    cells = np.where(x > 0.5 * length + 1e-9, 1.0, np.where(x > 0.5 * length - 1e-9, 0.5, 0.0))
    m, half = math.sqrt(1.0 + uptake), 0.5 * length / reach
    jump = 1.0 - 1.0 / m**2
    drop = jump / (math.cosh(half) + math.sinh(half) / (m * math.tanh(m * half)))
    rise = drop * math.sinh(half) / (m * math.sinh(m * half))
    left = 1.0 - drop * np.cosh(x / reach)
    right = 1.0 / m**2 + rise * np.cosh(m * (length - x) / reach)
    found = terrain.nutrient(reach).solved(cells, uptake)
    assert found == pytest.approx(np.where(x < 0.5 * length, left, right), abs=2e-3)


def test_that_the_nutrients_slopes_are_those_of_differences(mesh: Mesh) -> None:
    terrain, random = whole(mesh, tolerance=1e-10), np.random.default_rng(4)
    cells, towards, weight = (random.random(len(mesh.points_mm)) for _ in range(3))

    def judged(cells: Reals, reach: float, uptake: float) -> float:
        return float(weight @ Nutrient(terrain, reach).solved(cells, uptake))

    h = 1e-5
    nutrient = terrain.nutrient(2.0)
    slopes = nutrient.pulled(cells, 3.0, nutrient.solved(cells, 3.0), weight)
    found = (slopes.cells @ towards, slopes.values[REACH], np.sum(slopes.values[UPTAKE]))
    changes: list[dict[str, Any]] = [
        {"cells": cells + sign * h * towards, "reach": 2.0, "uptake": 3.0} for sign in (1, -1)
    ]
    changes += [{"cells": cells, "reach": 2.0 + sign * h, "uptake": 3.0} for sign in (1, -1)]
    changes += [{"cells": cells, "reach": 2.0, "uptake": 3.0 + sign * h} for sign in (1, -1)]
    values = [judged(**change) for change in changes]
    expected = [(values[at] - values[at + 1]) / (2.0 * h) for at in (0, 2, 4)]
    assert found == pytest.approx(expected, rel=1e-5)
