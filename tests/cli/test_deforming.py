"""`organtwin deform`: a case's organ, or a mesh of a file, in another position."""

from __future__ import annotations

import json
from pathlib import Path

import meshio
import numpy as np
import pytest

from organtwin.casefolder import CaseFolder
from organtwin.cli import main
from organtwin.core.case import Case
from organtwin.core.journal import Done
from organtwin.core.parameter import Ensemble
from organtwin.core.watch import Watch
from organtwin.exporting.meshes import Tagged, write_mesh
from organtwin.exporting.nifti import write_voxels
from tests.simulating.test_growth import block

LYING = ["--position", "left-lateral", "--preview"]


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    to = tmp_path_factory.mktemp("meshes") / "organ.vtu"
    write_mesh(to, Tagged(block(4)))
    return to


def test_that_a_mesh_is_turned_and_tells_figures_with_unit(
    mesh: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to = tmp_path / "turned.vtu"
    asked = ["deform", str(mesh), *LYING, "--members", "0", "--target=0,0,0", "--to", str(to)]
    assert main([*asked, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    rows = {row["figure"]: row for row in told["tables"]["Deformation"]}
    assert rows["to the left"]["value"] > 1.0
    assert rows["target 1 shift"]["unit"] == "mm"
    written = meshio.read(to)
    moved = written.point_data["displacement_mm"]
    assert moved.shape == written.points.shape
    assert rows["largest shift"]["value"] == pytest.approx(
        np.linalg.norm(moved, axis=1).max(), rel=0.05
    )
    record = json.loads(to.with_name("turned.vtu.json").read_text())
    assert record["settings"]["position"] == "left-lateral"
    assert record["settings"]["job"] == told["job"]


def test_that_a_case_keeps_the_posture_in_its_journal_with_its_ensemble(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "case"
    with CaseFolder.create(path, Case("P"), "tester") as made:
        made.append(made.case.having(mesh=made.put(block(4))), Done("mesh"))
    to = tmp_path / "turned.vtu"
    asked = ["deform", str(path), *LYING, "--members", "2", "--seed", "7", "--to", str(to)]
    assert main(asked) == 0
    assert "displacement_sd_mm" in meshio.read(to).point_data
    assert "90%" in capsys.readouterr().out
    with CaseFolder.open(path, write=False) as folder:
        done, simulation = folder.entries[-1].done, folder.get(folder.case.simulations[-1])
        kept = [folder.get(one) for one in done.outputs]
    assert (done.step, done.seed) == ("pose", 7)
    assert done.arguments["position"] == "left-lateral"
    assert any(isinstance(one, Ensemble) and len(one.members) == 3 for one in kept)
    assert simulation.quantities["target_1_shift_mm"].shape == (3, 1)  # the tumour's centroid


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--pneumoperitoneum-mmhg", "40"], "usual are 10 to 15"),
        (["--target=0,0"], "is not X,Y,Z"),
        (["--target=900,0,0", "--members", "0"], "not in the mesh"),
        (["--to", "result.nii"], "ends in .vtu"),
        (["--members", "-1"], "no -1 members"),
    ],
)
def test_that_what_cannot_be_posed_says_why(
    mesh: Path, capsys: pytest.CaptureFixture[str], more: list[str], said: str
) -> None:
    assert main(["deform", str(mesh), *more]) == 2
    assert said in " ".join(capsys.readouterr().err.split())


def test_that_a_file_of_labels_is_meshed_and_deformed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    voxels = np.zeros((14, 12, 10), np.uint8)
    voxels[2:12, 2:10, 2:8] = 1
    labels = tmp_path / "labels.nii.gz"
    write_voxels(labels, voxels, np.diag([5.0, 5.0, 5.0, 1.0]), names={1: "liver"}, watch=Watch())
    asked = ["deform", str(labels), *LYING, "--members", "0", "--json"]
    assert main(asked) == 0
    told = json.loads(capsys.readouterr().out)
    rows = {row["figure"]: row for row in told["tables"]["Deformation"]}
    assert rows["to the left"]["value"] > 1.0


def test_that_a_case_is_unloaded_held_by_a_table_and_tells_strains_beyond_limits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "case"
    with CaseFolder.create(path, Case("P"), "tester") as made:
        made.append(made.case.having(mesh=made.put(block(4))), Done("mesh"))
    far = float(block(4).points[:, 0].max())
    table = f"--plane=table={far},0,0,-1,0,0,0,0,0"
    asked = ["deform", str(path), *LYING[:2], "--members", "0", "--unload", table]
    limits = ["--strain-limit", "liver=0.001", "--source", "set for this test", "--json"]
    assert main([*asked, *limits]) == 0
    told = json.loads(capsys.readouterr().out)
    beyond = told["tables"]["Beyond the limits of strain"]
    assert beyond[0]["structure"] == "liver"
    assert beyond[0]["worst"] > 0.001
    with CaseFolder.open(path, write=False) as folder:
        done, simulation = folder.entries[-1].done, folder.get(folder.case.simulations[-1])
    assert done.arguments["unload"]
    assert done.arguments["strain_limits"] == {"liver": 0.001}
    assert "beyond the limits of strain" in done.summary
    right = simulation.fields["displacement_mm"][0][block(4).points[:, 0] > far - 1e-6]
    assert right[:, 0].max() < 0.1  # the table is where the organ ends


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--plane=table=1,2,3"], "9 numbers"),
        (["--plane=table=0,0,0,0,0,0,0,0,0"], "of some length"),
        (["--strain-limit", "liver=0.3", "--source", "x"], "tells no strains"),
        (["--strain-limit", "liver=0.3"], "needs its source"),
    ],
)
def test_that_planes_and_limits_that_are_none_are_refused(
    mesh: Path, capsys: pytest.CaptureFixture[str], more: list[str], said: str
) -> None:
    assert main(["deform", str(mesh), *LYING, "--members", "0", *more]) == 2
    assert said in " ".join(capsys.readouterr().err.split())
