"""Derivatives: Taylor remainders, central differences, a closed form, the job and the page."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from solvers.failures import BadInput
from solvers.laws import law
from solvers.library import sensitivity, write_job
from solvers.refinement import Mesh
from tests.solvers.meshes import box_mesh, outputs
from tests.solvers.problems import outer_faces

LOADS = {"gravity_mm_per_s2": (9000.0, -5000.0, -3000.0), "pressure_kpa": 0.3}
EXACT = {"residual_tolerance": 1e-11}
BUMPS = np.array([1.0, 0.5])
"""Steps of a Taylor remainder in units of 0.5 % of a number: truncation shows, rounding not."""
POINTS = np.random.default_rng(4).uniform(2.0, 18.0, (6, 3))
MEMORY = {"times_s": (1.0,), "prony_moduli": (0.5,), "prony_times_s": (1.0,)}


def block(cuts: int = 2) -> Mesh:
    """A cube of 20 mm whose corner is another region."""
    mesh = box_mesh((20.0,) * 3, (cuts,) * 3, jitter=0.1)
    middles = mesh.points_mm[mesh.cells].mean(axis=1)
    return Mesh(mesh.points_mm, mesh.cells, np.where(middles.max(axis=1) < 11.0, 2, 1))


def arrays(mesh: Mesh) -> dict[str, Any]:
    """Held below, moved at one side, pressed at a part of the top, where it is open."""
    x, _, z = mesh.points_mm.T
    faces = outer_faces(mesh)
    pressed = (z[faces] > 19.9).all(axis=1) & (x[faces].mean(axis=1) < 12.0)
    moved = np.flatnonzero((x > 19.9) & (z > 9.0))
    cells = np.ones((len(mesh.cells), 1))
    return {
        "fixed_nodes": np.flatnonzero(z < 0.1),
        "pressure_faces": faces[pressed],
        "prescribed_nodes": moved,
        "prescribed_mm": np.full((len(moved), 3), 0.3),
        "observed_points_mm": POINTS,
        "observed_mm": np.full((len(POINTS), 3), 0.4),
        "observed_sd_mm": np.full(len(POINTS), 0.5),
        "fibre": cells * [0.0, 0.0, 1.0],
        "sheet": cells * [0.0, 1.0, 0.0],
    }


def numbers(name: str) -> dict[str, float]:
    """Each parameter of a law in both regions."""
    own = {p.name: p.default or 0.4 for p in law(name).parameters if p.default is not None}
    own |= {"poisson_ratio": 0.47}
    stiff = [{**own, "shear_modulus_kpa": shear} for shear in (3.0, 9.0)]
    return {f"{key}@{i + 1}": value for i in (0, 1) for key, value in stiff[i].items()}


def asked(name: str, element: str, **more: Any) -> dict[str, Any]:
    mesh = block()
    given: dict[str, Any] = {
        "mesh": mesh,
        "law": name,
        "values": numbers(name),
        "arrays": arrays(mesh),
        "settings": {**LOADS, **EXACT, "element": element},
    }
    return {**given, **more}


def remainders(question: dict[str, Any], change: Any, slope: float, value: float) -> Any:
    """What is left of J along a change after the tangent is taken off, for each of `BUMPS`."""
    found = [float(sensitivity(**change(question, bump))["misfit"]) for bump in BUMPS]
    return np.abs(np.array(found) - value - BUMPS * slope)


def orders(left: Any) -> Any:
    return np.log2(left[:-1] / left[1:])


@pytest.mark.parametrize(
    ("name", "element"),
    [
        ("neo_hookean", "p2_p1"),
        ("linear_elastic", "p1_p1"),
        ("saint_venant_kirchhoff", "p1_p1"),
        ("mooney_rivlin", "p1_p1"),
        ("yeoh", "p1_p1"),
        ("ogden", "p1_p1"),
        ("exponential", "p1_p1"),
        ("fung", "p1_p1"),
        ("holzapfel_ogden", "p1_p1"),
    ],
)
def test_that_the_slopes_of_all_numbers_of_a_law_leave_a_second_order(
    name: str, element: str
) -> None:
    question = asked(name, element)
    base = sensitivity(**question)
    steps = {key: 0.005 * value for key, value in question["values"].items()}
    slope = sum(float(base[f"misfit_per_{key}"]) * step for key, step in steps.items())

    def change(of: dict[str, Any], by: float) -> dict[str, Any]:
        return {**of, "values": {key: v + by * steps[key] for key, v in of["values"].items()}}

    left = remainders(question, change, slope, float(base["misfit"]))
    assert orders(left) == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize("element", ["p1_p1", "p2_p1"])
def test_that_the_slopes_of_loads_supports_and_cells_leave_a_second_order(element: str) -> None:
    question = asked("neo_hookean", element)
    mesh, given = question["mesh"], question["arrays"]
    cells = np.where(mesh.regions == 1, 3.0, 9.0)
    question["arrays"] = {**given, "shear_modulus_kpa": cells}
    question["values"] = {f"poisson_ratio@{i}": 0.47 for i in (1, 2)}
    base = sensitivity(**question)
    random = np.random.default_rng(1)
    stiffer = random.normal(0.0, 0.1, len(cells))
    moved = random.normal(0.0, 0.03, given["prescribed_mm"].shape)
    heavier, pressed = np.array([100.0, 80.0, -60.0]), 0.01
    slope = float(
        base["misfit_per_shear_modulus_kpa"] @ stiffer
        + (base["misfit_per_prescribed_mm"] * moved).sum()
        + base["misfit_per_gravity_mm_per_s2"] @ heavier
        + base["misfit_per_pressure_kpa"] * pressed
        + base["misfit_per_density_g_per_ml"] * 0.01
    )

    def change(of: dict[str, Any], by: float) -> dict[str, Any]:
        new = {
            "shear_modulus_kpa": cells + by * stiffer,
            "prescribed_mm": given["prescribed_mm"] + by * moved,
        }
        weight = tuple(np.array(LOADS["gravity_mm_per_s2"]) + by * heavier)
        load = {"gravity_mm_per_s2": weight, "pressure_kpa": 0.3 + by * pressed}
        load["density_g_per_ml"] = 1.05 + by * 0.01
        settings = {**of["settings"], **load}
        return {**of, "arrays": {**of["arrays"], **new}, "settings": settings}

    left = remainders(question, change, slope, float(base["misfit"]))
    assert orders(left) == pytest.approx(2.0, abs=0.1)


def pressed_by_a_ball() -> dict[str, Any]:
    """A block on springs with a ball in its top."""
    mesh = block(3)
    faces = outer_faces(mesh)
    top = (mesh.points_mm[faces][:, :, 2] > 19.9).all(axis=1)
    below = (mesh.points_mm[faces][:, :, 2] < 0.1).all(axis=1)
    seen = {key: array for key, array in arrays(mesh).items() if key.startswith("observed")}
    held = {"spring_faces": faces[below], "tool_faces": faces[top]}
    ball = {"tool_radius_mm": 12.0, "tool_start_mm": (9.0, 11.0, 32.0)}
    ball |= {"tool_travel_mm": (0.3, 0.0, -2.0), "contact_tolerance_mm": 1.0}
    springs = {"spring_normal_kpa_per_mm": 0.3, "spring_tangential_kpa_per_mm": 0.2}
    settings = {**ball, **springs, **EXACT, "element": "p1_p1"}
    return asked("neo_hookean", "p1_p1", mesh=mesh, arrays={**held, **seen}, settings=settings)


@pytest.mark.parametrize(
    ("number", "step"),
    [
        ("tool_radius_mm", 1e-3),
        ("spring_normal_kpa_per_mm", 1e-4),
        ("spring_tangential_kpa_per_mm", 1e-4),
        ("shear_modulus_kpa@1", 1e-3),
    ],
)
def test_that_slopes_under_contact_and_springs_are_those_of_a_central_difference(
    number: str, step: float
) -> None:
    question = pressed_by_a_ball()
    where = "values" if "@" in number else "settings"
    sides = [
        {**question, where: {**question[where], number: question[where][number] + side}}
        for side in (step, -step)
    ]
    above, below = (float(sensitivity(**side)["misfit"]) for side in sides)
    found = float(sensitivity(**question)[f"misfit_per_{number}"])
    assert found == pytest.approx((above - below) / (2.0 * step), rel=1e-4)


def test_that_a_bar_lengthens_with_its_stiffness_as_the_closed_form_says() -> None:
    """Linear, stretched by its own weight: u(L) = ρ g L²/(2 E), E = 2 μ (1 + ν); du/dμ = -u/μ."""
    length, shear, ratio = 60.0, 4.0, 0.3
    mesh = box_mesh((length, 6.0, 6.0), (12, 1, 1))
    end = mesh.points_mm[:, 0] > length - 0.1
    held = {
        "prescribed_nodes": np.flatnonzero(mesh.points_mm[:, 0] < 0.1),
    }
    held["prescribed_mm"] = np.zeros((len(held["prescribed_nodes"]), 3))
    pull = 1e-6 * 1.05 * 100.0
    answer = sensitivity(
        mesh,
        "linear_elastic",
        {"shear_modulus_kpa@1": shear, "poisson_ratio@1": ratio},
        arrays=held,
        settings={"gravity_mm_per_s2": (100.0, 0.0, 0.0), **EXACT},
        misfit=lambda moved: (float(moved[end, 0].mean()), end[:, None] * [1.0, 0, 0] / end.sum()),
    )
    expected = pull * length**2 / (2.0 * 2.0 * shear * (1.0 + ratio))
    assert float(answer["misfit"]) == pytest.approx(expected, rel=0.02)
    assert float(answer["misfit_per_shear_modulus_kpa@1"]) == pytest.approx(
        -float(answer["misfit"]) / shear, rel=1e-8
    )


def test_that_the_slope_of_the_misfit_is_that_of_the_displacement() -> None:
    names = "shear_modulus_kpa@2 gravity_mm_per_s2"
    question = asked("neo_hookean", "p2_p1")
    question["settings"] |= {"changes": names}
    answer = sensitivity(**question)
    given = question["arrays"]
    away = (answer["modelled_mm"] - given["observed_mm"]) / given["observed_sd_mm"][:, None] ** 2
    for name in names.split():
        moved = answer[f"modelled_mm_per_{name}"]
        along = np.einsum("ki,ki...->...", away, moved)
        assert along == pytest.approx(answer[f"misfit_per_{name}"], rel=1e-8)


def test_that_a_large_problem_takes_the_transposed_solver() -> None:
    question = asked("neo_hookean", "p2_p1", mesh=block(5), arrays=arrays(block(5)))
    base = sensitivity(**question)
    pressed = {
        by: float(
            sensitivity(
                **{**question, "settings": {**question["settings"], "pressure_kpa": 0.3 + by}}
            )["misfit"]
        )
        for by in (1e-3, -1e-3)
    }
    expected = (pressed[1e-3] - pressed[-1e-3]) / 2e-3
    assert float(base["misfit_per_pressure_kpa"]) == pytest.approx(expected, rel=1e-5)


def test_that_two_ranks_derive_as_one(tmp_path: Path) -> None:
    question = asked("neo_hookean", "p2_p1")
    question["settings"] |= {"changes": "shear_modulus_kpa@2"}
    alone = sensitivity(**question)
    write_job(tmp_path, kind="sensitivity", **question)
    command = [str(Path(sys.executable).parent / "mpiexec"), "-n", "2", sys.executable]
    subprocess.run([*command, "-m", "solvers", "run", str(tmp_path)], check=True, timeout=120)
    found = outputs(tmp_path)
    assert set(found) == set(alone)
    for name, expected in alone.items():
        assert found[name][0] == pytest.approx(expected, rel=1e-6, abs=1e-9), name


@pytest.mark.parametrize(
    ("settings", "given", "message"),
    [
        ({"changes": "colour"}, {}, "no derivative for 'colour'"),
        ({"unload": 1.0}, {}, "unload"),
        (MEMORY, {}, "times_s"),
        ({"residual_tolerance": 1.0}, {}, "residual_tolerance"),
        ({}, {"observed_points_mm": POINTS + 30.0}, "outside the mesh"),
        ({}, {"observed_sd_mm": np.zeros(len(POINTS))}, "noise must be positive"),
        ({}, {"shear_modulus_kpa": np.ones(3)}, "shear_modulus_kpa"),
    ],
)
def test_that_what_has_no_derivative_is_refused(
    settings: dict[str, Any], given: dict[str, Any], message: str
) -> None:
    question = asked("neo_hookean", "p1_p1")
    question["arrays"] |= given
    question["settings"] |= settings
    with pytest.raises(BadInput, match=message):
        sensitivity(**question)
