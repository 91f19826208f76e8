from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import meshio
import numpy as np
import pytest

from organtwin.casefolder import CaseFolder
from organtwin.cli import main
from organtwin.core.case import Case
from organtwin.core.journal import Done
from organtwin.core.watch import Watch
from organtwin.exporting.meshes import Tagged, write_mesh
from organtwin.exporting.nifti import write_voxels
from organtwin.importing import image_at
from organtwin.importing.nifti_labels import label_grid
from tests.meshing.cubes import cube

SHIFT = np.array([4.0, -2.0, 2.0])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cube of 30 mm that moves by `SHIFT`; an image, labels and landmarks of 2 mm voxels."""
    place, mesh = tmp_path_factory.mktemp("warp"), cube()
    moved = np.tile(SHIFT, (len(mesh.points), 1))
    named = {"liver": 7, "tumour-1": 300}
    write_mesh(place / "moved.vtu", Tagged(mesh, named, fields={"displacement_mm": moved}))
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = -9.0
    at = np.stack(np.indices((26, 24, 25)), axis=-1) * 2.0 - 9.0
    inside = ((at > 0) & (at < 30)).all(axis=-1)
    for name, values in (
        ("image", np.where(inside, 40, -80).astype(np.int16)),
        ("labels", np.where(inside, 7, 0).astype(np.int16)),
    ):
        voxels = np.asfortranarray(values)
        write_voxels(place / f"{name}.nii.gz", voxels, affine, watch=Watch())
    lines = 'name,x_mm,y_mm,z_mm\n"a, b",3,4,5\nfar,-20,0,0\n'
    (place / "points.csv").write_text(lines, encoding="utf-8")
    return place


def warped(capsys: pytest.CaptureFixture[str], folder: Path, *more: str) -> dict[str, Any]:
    paths = [str(folder / text) if "." in text else text for text in more]
    assert main(["warp", str(folder / "moved.vtu"), *paths, "--json"]) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def voxels(path: Path) -> np.ndarray:
    return np.asarray(image_at(path, None, "", Watch()).voxels)


def labels(path: Path) -> np.ndarray:
    return label_grid(path, Watch()).layers[0]


def test_that_an_image_is_warped_and_each_voxel_says_what_it_shows(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = warped(capsys, folder, "--image", "image.nii.gz", "--modality", "CT",
                  "--to", "after.nii.gz")  # fmt: skip
    after, shown = voxels(folder / "after.nii.gz"), labels(folder / "after-shown.nii.gz")
    before = voxels(folder / "image.nii.gz")
    assert np.array_equal(after[2:, :-1, 1:][shown[2:, :-1, 1:] == 1],
                          before[:-2, 1:, :-1][shown[2:, :-1, 1:] == 1])  # fmt: skip
    assert set(after[shown == 2].tolist()) == {-1000}
    assert told["tissue_ml"] == pytest.approx(27.0, rel=0.01)
    record = json.loads((folder / "after.nii.gz.json").read_text())
    content = (folder / "after.nii.gz").read_bytes()
    assert record["sha256"]["file"] == hashlib.sha256(content).hexdigest()
    assert set(record["sha256"]) == {"mesh", "source", "file"}


def test_that_labels_are_the_numbers_of_the_mesh_in_the_file(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    warped(capsys, folder, "--labels", "labels.nii.gz", "--to", "moved.nii.gz")
    values, counts = np.unique(labels(folder / "moved.nii.gz"), return_counts=True)
    assert values.tolist() == [0, 7, 300]
    assert counts[1:] * 0.008 == pytest.approx([26.0, 1.0])


def test_that_landmarks_are_written_with_what_became_of_them(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = warped(capsys, folder, "--landmarks", "points.csv", "--to", "there.csv")
    with (folder / "there.csv").open(newline="") as file:
        first, far = csv.DictReader(file)
    assert [float(first[a]) for a in ("x_mm", "y_mm", "z_mm")] == [7.0, 2.0, 7.0]
    assert (first["name"], first["moved"], first["off_mm"]) == ("a, b", "1", "0.0000")
    assert (far["x_mm"], far["moved"], far["off_mm"]) == ("-20.0000", "0", "20.0000")
    assert (told["landmarks"], told["stayed"]) == (2, 1)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--image", "image.nii.gz", "--to", "x.csv"], ".nii.gz"),
        (["--labels", "image.nii.gz", "--to", "x.nii.gz"], "not labels"),
        (["--image", "image.nii.gz", "--to", "image.nii.gz", "--replace"], "made from"),
        (["--image", "image.nii.gz", "--to", "y.nii.gz", "--field", "pull"], "displacement_mm"),
        (["--landmarks", "moved.vtu", "--to", "x.csv"], "landmarks"),
    ],
)
def test_that_what_cannot_be_warped_says_why(
    folder: Path, capsys: pytest.CaptureFixture[str], more: list[str], said: str
) -> None:
    paths = [str(folder / text) if "." in text else text for text in more]
    assert main(["warp", str(folder / "moved.vtu"), *paths]) == 2
    assert said in " ".join(capsys.readouterr().err.split())


def test_that_a_case_gives_its_deformation_with_units_and_limits_and_warps_with_it(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, to = tmp_path / "case", tmp_path / "result.vtu"
    with CaseFolder.create(path, Case("P"), "tester") as made:
        made.append(made.case.having(mesh=made.put(cube(4, 7.5))), Done("mesh"))
    assert main(["result", str(path)]) == 2
    asked = json.dumps({"pressure_kpa": 0.5, "down": [1.0, 0.0, 0.0]})
    assert main(["simulate", str(path), "deform", "--arguments", asked]) == 0
    capsys.readouterr()
    limit = ["--strain-limit", "liver=-0.001", "--source", "this test"]
    assert main(["result", str(path), "--to", str(to), *limit, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    mesh = meshio.read(to)
    assert mesh.point_data["displacement_mm"].shape == mesh.points.shape
    cells = {"principal_strains", "principal_stresses_kpa", "strain_energy_kpa", "volume_ratio"}
    assert cells <= set(told["cells"])
    assert {array.shape[1] for array in mesh.cell_data_dict["principal_strains"].values()} == {3}
    figures = {row["figure"]: row for row in told["tables"]["Deformation"]}
    assert figures["liver: volume change"]["unit"] in ("mL", "%")
    assert "force of gravity on the tissue, x" in figures
    assert told["tables"]["Beyond the limits of strain"][0]["source"] == "this test"
    image = ["--image", str(folder / "image.nii.gz"), "--to", str(tmp_path / "a.nii.gz")]
    assert main(["warp", str(to), *image]) == 0
