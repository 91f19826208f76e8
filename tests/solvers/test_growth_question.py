"""What a tumour job is asked: numbers by region and cell, and what is refused before any solve."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from solvers.contract import ContractError, Event, Job
from solvers.failures import BadInput, NotConverged
from solvers.growth_question import growth_question
from solvers.jobfolder import run_folder
from solvers.meshfiles import array_hash
from solvers.refinement import Mesh
from solvers.tumour import run
from tests.solvers.meshes import ball_distance, box_mesh, mesh_arrays, write_job

D, RHO = "diffusion_mm2_per_day", "proliferation_per_day"
MEMBER = {D: 0.2, RHO: 0.05}
MESH = box_mesh((20.0, 12.0, 12.0), (10, 6, 6))
HALVES = Mesh(MESH.points_mm, MESH.cells, (1 + (MESH.points_mm[MESH.cells].mean(1)[:, 0] > 10.0)))
BLOB = 0.9 * np.exp(-((MESH.points_mm - 6.0) ** 2).sum(axis=1) / 12.0)
CELLS = np.full(len(MESH.cells), 0.2)


def job(members: Any = (MEMBER,), model: str = "fisher_kpp", **changes: Any) -> tuple[Job, Any]:
    arrays = {**mesh_arrays(HALVES), "density": BLOB, **changes.pop("arrays", {})}
    arrays = {name: array for name, array in arrays.items() if array is not None}
    settings = {"days": (0.0, 10.0), "edge_mm": 0.0, **changes.pop("settings", {})}
    hashes = {name: array_hash(array) for name, array in arrays.items()}
    return Job("tumour", model, members, settings, changes.pop("events", ()), hashes), arrays


def outside() -> dict[str, Any]:
    return {"density": None, **ball_distance((90.0, 6.0, 6.0), 5.0, 10.0)}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"members": ({D: 0.0, RHO: 0.05},)}, "choose the growth model logistic"),
        ({"members": ({D: -0.1, RHO: 0.05},)}, "outside"),
        ({"members": ({D: float("nan"), RHO: 0.05},)}, "is not a number"),
        ({"members": ({**MEMBER, f"{D}@3": 0.1},)}, "no region 3"),
        ({"members": ({f"{D}@1": 0.1, RHO: 0.05},)}, "is missing"),
        ({"arrays": {D: CELLS}}, "leave one out"),
        ({"members": ({RHO: 0.05},), "arrays": {D: -CELLS}}, "cell 0 has -0.2"),
        ({"members": ({RHO: 0.05},), "arrays": {D: CELLS * np.nan}}, "not finite"),
        ({"arrays": {"density": BLOB * np.nan}}, "not finite"),
        ({"arrays": {"density": 2.0 * BLOB}}, "must lie in"),
        ({"arrays": {"density": 0.0 * BLOB}}, "there is no tumour"),
        ({"arrays": outside()}, "outside the organ: 6"),
        ({"arrays": {"points_mm": 0.0 * MESH.points_mm}}, "flat"),
        ({"arrays": {"diffusion_tensor": -np.ones((len(CELLS), 6))}}, "positive definite"),
        ({"settings": {"days": (5.0, 2.0)}}, "2 follows 5"),
        ({"settings": {"edge_mm": 2.0}}, "edge_mm = 0"),
        ({"events": (Event("scale_density", 1.0, 0.5),) * 2}, "2 times"),
        ({"events": (Event("irradiate", 1.0, 2.0),)}, "alpha_per_gy"),
        ({"events": (Event("irradiate", 1.0, where="plan"),)}, "alpha_per_gy"),
    ],
)
def test_that_what_cannot_be_grown_is_refused(changes: Any, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        growth_question(*job(**changes))


def test_that_an_event_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(ContractError, match="ends before it starts"):
        Event("add_rate", 5.0, -0.1, until_day=2.0)


def test_that_a_region_has_its_own_number_and_its_border_the_mean() -> None:
    asked = growth_question(*job(members=({**MEMBER, f"{RHO}@2": 0.15},)))
    rho, x = np.asarray(asked.numbers[0].nodal[RHO]), MESH.points_mm[:, 0]
    assert rho[x < 9.0] == pytest.approx(0.05)
    assert rho[x > 11.0] == pytest.approx(0.15)
    assert rho[np.abs(x - 10.0) < 0.1].mean() == pytest.approx(0.1)


def test_that_diffusion_by_cells_is_as_given() -> None:
    given = np.linspace(0.0, 0.5, len(CELLS))
    asked = growth_question(*job(members=({RHO: 0.05},), arrays={D: given}))
    assert np.array_equal(asked.numbers[0].diffusivity, given)


def test_that_a_cell_keeps_its_number_when_the_mesh_is_refined() -> None:
    low = np.where(HALVES.regions == 2, 0.4, 0.1)
    arrays = {D: low, "density": None, **ball_distance((10.0, 6.0, 6.0), 4.0, 10.0)}
    asked = growth_question(*job(({RHO: 0.05},), arrays=arrays, settings={"edge_mm": 1.5}))
    mesh, found = asked.ground.mesh, asked.numbers[0].diffusivity
    assert len(mesh.cells) > len(MESH.cells)
    assert np.array_equal(found, np.where(mesh.regions == 2, 0.4, 0.1))


def test_that_regions_of_equal_numbers_answer_as_one_number_does() -> None:
    one, _ = run(*job(), lambda _: None)
    two, _ = run(*job(members=({**MEMBER, f"{D}@2": 0.2, f"{RHO}@1": 0.05},)), lambda _: None)
    assert two["density_mean"] == pytest.approx(one["density_mean"], abs=1e-6)


def test_that_a_course_that_fails_leaves_the_last_good_state(tmp_path: Path) -> None:
    asked, arrays = job()
    write_job(
        tmp_path,
        "tumour",
        "fisher_kpp",
        members=asked.members,
        arrays=arrays,
        settings={**asked.settings, "days": (0.0, 30.0)},
        events=(Event("add_rate", 5.0, 1e6),),
    )
    result = run_folder(tmp_path, lambda _: None)
    assert (result.ok, result.error) == (False, NotConverged.__name__)
    assert "day 5.96154: the density is no number at" in result.message
    assert "mm LPS" in result.message
    last = np.load(tmp_path / "last_good.npz")
    assert 4.0 < last["last_day"] < 5.0
    assert 0.1 < last["last_density"][0].max() <= 1.0


def test_that_adapting_steps_tell_their_error() -> None:
    _, numbers = run(*job(settings={"time_tolerance": 1e-3}), lambda _: None)
    assert 0.0 < numbers["time_error"] < 1e-3
    assert numbers["mass_leak_mended"] < 1e-4
