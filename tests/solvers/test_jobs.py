"""Jobs as the other side sees them: a folder, a process, and its end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from solvers.contract import Event, Job, Progress, Result
from solvers.jobfolder import run_folder
from tests.solvers.meshes import (
    ball_distance,
    box_mesh,
    mesh_arrays,
    outputs,
    result_of,
    start_job,
    write_job,
)

MEMBERS = (
    {"diffusion_mm2_per_day": 0.1, "proliferation_per_day": 0.03},
    {"diffusion_mm2_per_day": 0.05, "proliferation_per_day": 0.02},
)
SETTINGS = {"days": (0.0, 30.0, 60.0), "step_days": 5.0, "edge_mm": 5.0, "refine_radius_mm": 6.0}


def tumour_arrays(radius: float = 8.0) -> dict[str, NDArray[Any]]:
    mesh = box_mesh((48.0, 48.0, 48.0), (6, 6, 6))
    return {**mesh_arrays(mesh), **ball_distance((24.0, 24.0, 24.0), radius, 20.0)}


def tumour_job(folder: Path, **changes: Any) -> Job:
    asked: dict[str, Any] = {
        "model": "fisher_kpp",
        "members": MEMBERS,
        "arrays": tumour_arrays(),
        "settings": SETTINGS,
        **changes,
    }
    return write_job(folder, "tumour", asked.pop("model"), **asked)


def finished(folder: Path) -> Result:
    return run_folder(folder, lambda _: None)


def test_that_a_tumour_job_answers_in_a_process_of_its_own(tmp_path: Path) -> None:
    job = tumour_job(tmp_path)
    process = start_job(tmp_path)
    said, _ = process.communicate(timeout=120)
    progress = [Progress.from_line(line) for line in said.splitlines()]
    assert process.returncode == 0
    assert None not in progress
    assert result_of(tmp_path).job_id == job.id
    assert set(outputs(tmp_path)) == set(result_of(tmp_path).arrays)


def test_that_the_visible_volume_starts_at_the_distance_maps(tmp_path: Path) -> None:
    tumour_job(tmp_path, settings={**SETTINGS, "edge_mm": 3.0})
    assert finished(tmp_path).ok
    ball = 4.0 / 3.0 * np.pi * 8.0**3 / 1000.0
    assert outputs(tmp_path)["volume_ml"][:, 0] == pytest.approx(ball, rel=0.05)


def test_that_volumes_grow_and_probabilities_lie_between(tmp_path: Path) -> None:
    tumour_job(tmp_path, settings={**SETTINGS, "keep_members": 1})
    assert finished(tmp_path).ok
    answer = outputs(tmp_path)
    assert (np.diff(answer["volume_ml"], axis=1) > 0.0).all()
    assert set(np.unique(answer["visible_probability"])) <= {0.0, 0.5, 1.0}
    assert answer["density"].mean(axis=0) == pytest.approx(answer["density_mean"], abs=1e-6)


def test_that_the_same_job_has_the_same_id_and_the_same_answer(tmp_path: Path) -> None:
    jobs = [tumour_job(tmp_path / name) for name in ("a", "b")]
    results = [finished(tmp_path / name) for name in ("a", "b")]
    assert jobs[0].id == jobs[1].id
    assert results[0].arrays == results[1].arrays


def test_that_a_whole_resection_leaves_nothing_visible(tmp_path: Path) -> None:
    arrays = tumour_arrays()
    wide = ball_distance((24.0, 24.0, 24.0), 16.0, 24.0)
    arrays |= {"removed_mm": wide["distance_mm"], "removed_affine": wide["distance_affine"]}
    tumour_job(tmp_path, arrays=arrays, events=(Event("remove_region", 10.0, where="removed"),))
    assert finished(tmp_path).ok
    assert (outputs(tmp_path)["volume_ml"][:, 1:] == 0.0).all()


def test_that_a_deformation_job_answers_for_each_member(tmp_path: Path) -> None:
    mesh = box_mesh((20.0, 10.0, 10.0), (4, 2, 2))
    fixed = np.flatnonzero(mesh.points_mm[:, 0] == 0.0).astype(np.int32)
    members = [{"shear_modulus_kpa@1": stiffness} for stiffness in (2.0, 4.0)]
    write_job(
        tmp_path,
        "deformation",
        "neo_hookean",
        members=members,
        arrays={**mesh_arrays(mesh), "fixed_nodes": fixed},
        settings={"gravity_mm_per_s2": (0.0, 0.0, -9810.0)},
    )
    assert finished(tmp_path).ok
    sag = np.abs(outputs(tmp_path)["displacement_mm"]).max(axis=(1, 2))
    assert outputs(tmp_path)["von_mises_kpa"].shape == (2, len(mesh.cells))
    assert 1.5 < sag[0] / sag[1] < 2.1  # twice as stiff, half the sag but for large rotation


def bad(tmp_path: Path, **changes: Any) -> Result:
    tumour_job(tmp_path, **changes)
    return finished(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "wishful"}, "no growth model 'wishful'"),
        ({"members": ()}, "members"),
        ({"members": ({"diffusion_mm2_per_day": 0.1},)}, "proliferation_per_day"),
        ({"members": ({**MEMBERS[0], "diffusion_mm2_per_day": -1.0},)}, "outside"),
        ({"members": ({**MEMBERS[0], "speed": 1.0},)}, "unknown parameters speed"),
        ({"settings": {"days": (30.0, 0.0)}}, "ascend"),
        ({"settings": {**SETTINGS, "colour": 1.0}}, "unknown settings: colour"),
        ({"settings": {}}, "'days'"),
        ({"events": (Event("heat", 1.0),)}, "no event 'heat'"),
        ({"events": (Event("remove_region", 1.0, where="removed"),)}, "removed_mm"),
        ({"events": (Event("scale_density", -1.0, 0.5),)}, "before day 0"),
        ({"settings": {**SETTINGS, "edge_mm": 0.3}}, "more than"),
        ({"members": ({**MEMBERS[0], "diffusion_mm2_per_day": 2e-4},)}, "mm wide"),
        ({"arrays": tumour_arrays(radius=1.0)}, "not resolved"),
    ],
)
def test_that_a_job_that_cannot_be_done_says_why(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    result = bad(tmp_path, **changes)
    assert (result.ok, result.error) == (False, "BadInput")
    assert message in result.message


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("points_mm", np.full((343, 3), np.nan), "not finite"),
        ("tetrahedra", np.full((10, 4), 400, np.int32), "outside 0..342"),
        ("regions", np.zeros(3, np.int32), "regions"),
        ("distance_affine", np.zeros((4, 4)), "distance_affine"),
        ("distance_mm", np.zeros((3, 3)), "3 dimensions"),
    ],
)
def test_that_an_array_that_cannot_be_used_is_named(
    tmp_path: Path, name: str, array: NDArray[Any], message: str
) -> None:
    result = bad(tmp_path, arrays={**tumour_arrays(), name: array})
    assert result.error == "BadInput"
    assert message in result.message


def test_that_an_array_other_than_the_named_one_is_refused(tmp_path: Path) -> None:
    tumour_job(tmp_path)
    changed = tumour_arrays()
    changed["points_mm"] = changed["points_mm"] + 0.1
    np.savez(tmp_path / "input.npz", **changed)
    assert "'points_mm'" in finished(tmp_path).message


def test_that_an_archive_with_a_pickle_is_refused(tmp_path: Path) -> None:
    tumour_job(tmp_path)
    np.savez(tmp_path / "input.npz", points_mm=np.array([{}], dtype=object))
    assert finished(tmp_path).error == "BadInput"


@pytest.mark.parametrize("text", ["{", "[]", '{"contract":99}', '{"contract":1}'])
def test_that_a_job_file_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "job.json").write_text(text)
    assert finished(tmp_path).error == "BadInput"
    assert result_of(tmp_path).error == "BadInput"


def test_that_a_process_with_an_empty_job_file_ends_with_a_result(tmp_path: Path) -> None:
    (tmp_path / "job.json").write_text("")
    process = start_job(tmp_path)
    process.communicate(timeout=60)
    assert process.returncode == 1
    assert result_of(tmp_path).error == "BadInput"


def test_that_a_terminated_job_leaves_no_result(tmp_path: Path) -> None:
    tumour_job(tmp_path, members=MEMBERS * 200)
    process = start_job(tmp_path)
    assert process.stdout is not None
    while "member 2/" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=10)
    assert process.returncode == -signal.SIGTERM
    assert not (tmp_path / "result.json").exists()


def test_that_describe_lists_every_kind_with_bounds_and_sources() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "solvers", "describe"], capture_output=True, text=True, check=True
    ).stdout
    kinds = json.loads(said)["kinds"]
    growth = {"coupled", "tumour", "growth_sensitivity"}
    assert set(kinds) == growth | {"deformation", "sensitivity"}
    assert all(
        parameter["source"] and parameter["low"] < parameter["high"]
        for kind in kinds.values()
        for model in kind["models"]
        for parameter in model["parameters"]
    )


def test_that_importing_the_package_pulls_no_dolfinx() -> None:
    code = (
        "import sys, solvers, solvers.contract, solvers.tumour, solvers.deformation, solvers.laws;"
        "assert not {'dolfinx', 'petsc4py', 'mpi4py', 'organtwin'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_that_an_unknown_verb_is_a_wrong_command_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "solvers", "fly"], capture_output=True, check=False
    )
    assert done.returncode == 2
