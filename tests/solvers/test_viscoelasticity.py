"""Tissue that relaxes and creeps, against closed forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from solvers.contract import Job
from solvers.deformation import run
from solvers.failures import BadInput
from solvers.refinement import Mesh
from solvers.viscoelasticity import Prony
from tests.solvers.meshes import box_mesh, mesh_arrays
from tests.solvers.test_deformation import faces_at, moved, outer

SERIES = {"prony_moduli": (0.3, 0.2), "prony_times_s": (1.0, 20.0)}
PRONY = Prony(*SERIES.values())
MU = 2.14
Answer = dict[str, NDArray[Any]]


def answer(model: str, arrays: Mapping[str, NDArray[Any]], **settings: Any) -> Answer:
    """What a job of one incompressible member gives, without the axis of members."""
    member = {"shear_modulus_kpa@1": MU, "poisson_ratio@1": 0.5}
    given = {"element": "p1_p1", **settings}
    outputs, _ = run(Job("deformation", model, (member,), given), arrays, lambda _: None)
    return {name: array[0] for name, array in outputs.items()}


def pulled(mesh: Mesh, stretch: float, *, small: bool = False) -> Answer:
    """All of a box's surface moved as incompressible tissue is, `stretch` along x."""
    nodes = outer(mesh.points_mm)
    gradient = np.array([stretch, stretch**-0.5, stretch**-0.5]) - 1.0
    if small:
        gradient = (stretch - 1.0) * np.array([1.0, -0.5, -0.5])
    arrays = moved(nodes, mesh.points_mm[nodes] * gradient)
    return {**mesh_arrays(mesh), **arrays, "fixed_nodes": np.empty(0, np.int32)}


@pytest.mark.parametrize("model", ["neo_hookean", "linear_elastic"])
def test_that_a_held_bar_relaxes_by_its_series(model: str) -> None:
    times = (0.0, 0.5, 3.0, 4.0, 60.0)
    small = model == "linear_elastic"
    mesh = box_mesh((6.0, 4.0, 4.0), (2, 2, 2), jitter=0.1)
    arrays = pulled(mesh, 1.0001 if small else 1.2, small=small)
    instant = answer(model, arrays)["von_mises_kpa"]
    for count in range(1, len(times) + 1):
        told = answer(model, arrays, times_s=times[:count], **SERIES)
        left = PRONY.left(times[count - 1])
        assert told["von_mises_kpa"] == pytest.approx(left * instant, rel=1e-4)


def test_that_a_ramp_is_followed_exactly_in_few_steps() -> None:
    # linear tissue strained at a constant rate: σ(t)/σ₀ = 1/t ∫ G = 1 - Σ g (1 - γ(t/τ))
    arrays = pulled(box_mesh((6.0, 4.0, 4.0), (1, 1, 1)), 1.0001, small=True)
    instant = answer("linear_elastic", arrays)["von_mises_kpa"]
    times = (1.5, 4.0)
    factors = tuple(time / 4.0 for time in times)
    told = answer("linear_elastic", arrays, times_s=times, load_factors=factors, **SERIES)
    wanted = 1.0 - sum(
        g * (1.0 + np.expm1(-4.0 / t) * t / 4.0) for g, t in zip(*SERIES.values(), strict=True)
    )
    assert told["von_mises_kpa"] == pytest.approx(wanted * instant, rel=1e-5)


def test_that_a_squeezed_bar_creeps_as_a_standard_solid() -> None:
    # J(t) G(0) = 1 + g/(1 - g) (1 - exp(-(1 - g) t/τ)): Laplace transform of J G = 1
    mesh = box_mesh((12.0, 4.0, 4.0), (2, 1, 1))
    near, far = (mesh.points_mm[:, 0] == x for x in (0.0, 12.0))
    ends = np.concatenate([faces_at(mesh, near), faces_at(mesh, far)])
    arrays = {**mesh_arrays(mesh), "pressure_faces": ends, "spring_faces": faces_at(mesh, near)}
    soft = {"spring_normal_kpa_per_mm": 1e-5, "spring_tangential_kpa_per_mm": 1e-5}
    times = (0.0, *np.geomspace(0.1, 40.0, 24))
    given = {"pressure_kpa": 1e-3, "prony_moduli": (0.5,), "prony_times_s": (2.0,), **soft}
    told = answer("linear_elastic", arrays, times_s=times, **given)["displacement_at_times_mm"]
    shorter = told[:, near, 0].mean(axis=1) - told[:, far, 0].mean(axis=1)
    assert shorter[0] == pytest.approx(12.0 * 1e-3 / (3.0 * MU), rel=1e-3)
    creep = 1.0 + (1.0 - np.exp(-0.5 * np.array(times) / 2.0))
    assert shorter / shorter[0] == pytest.approx(creep, rel=3e-3)


def test_that_tissue_is_stiff_at_once_and_soft_in_the_end() -> None:
    mesh = box_mesh((20.0, 6.0, 6.0), (4, 2, 2))
    base = np.flatnonzero(mesh.points_mm[:, 0] == 0.0)
    arrays = {**mesh_arrays(mesh), "fixed_nodes": base}
    weight = {"gravity_mm_per_s2": (0.0, 0.0, -9810.0)}
    told = answer("neo_hookean", arrays, **weight, **SERIES, times_s=(0.0, 1e6, 1e7))
    first, _, last = told["displacement_at_times_mm"]
    assert first == pytest.approx(
        answer("neo_hookean", arrays, **weight)["displacement_mm"], abs=1e-4
    )
    softer = {"gravity_mm_per_s2": (0.0, 0.0, -2 * 9810.0)}  # half the stiffness is left
    in_the_end = answer("neo_hookean", arrays, **softer)["displacement_mm"]
    assert last == pytest.approx(in_the_end, abs=1e-4)


def test_that_an_elastic_region_beside_does_not_relax() -> None:
    mesh = box_mesh((6.0, 4.0, 4.0), (2, 1, 1))
    regions = np.where(mesh.points_mm[mesh.cells].mean(axis=1)[:, 0] < 3.0, 1, 2)
    arrays = {**pulled(mesh, 1.1), "regions": regions}
    member = {f"{n}@{label}": v for label in (1, 2) for n, v in SOFT.items()}
    given = {"times_s": (0.0, 1e6), "element": "p1_p1"} | {f"{k}@2": v for k, v in SERIES.items()}
    told = run(Job("deformation", "neo_hookean", (member,), given), arrays, lambda _: None)[0]
    stress = told["von_mises_kpa"][0]
    assert stress[regions == 2].mean() == pytest.approx(0.5 * stress[regions == 1].mean(), rel=1e-3)


SOFT = {"shear_modulus_kpa": MU, "poisson_ratio": 0.5}


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"prony_moduli": (0.3,), "prony_times_s": (1.0,)}, "no times_s"),
        ({"prony_moduli": (0.3,), "times_s": (1.0,)}, "1 and 0"),
        ({**SERIES, "prony_moduli": (0.5, 0.6), "times_s": (1.0,)}, "add up to 1.1"),
        ({"times_s": (2.0, 1.0)}, "ascend"),
        ({"times_s": (1.0,), "load_factors": (0.5, 1.0)}, "1 and 2"),
        ({"times_s": (1.0,), "unload": 1.0}, "unload"),
    ],
)
def test_that_a_history_that_is_none_is_refused(settings: Any, complaint: str) -> None:
    arrays = pulled(box_mesh((6.0, 4.0, 4.0), (1, 1, 1)), 1.2)
    with pytest.raises(BadInput, match=complaint):
        answer("neo_hookean", arrays, **settings)
