from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import meshio
import numpy as np
import pytest

from organtwin.cli import main
from organtwin.core.watch import Watch
from organtwin.exporting.meshes import Tagged, write_mesh
from organtwin.exporting.nifti import write_voxels
from tests.meshing.cubes import cube

SLOPE = np.array([0.7, -1.3, 2.1])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cube of 30 mm with a linear temperature, and an image of 3 mm voxels around it."""
    place, mesh = tmp_path_factory.mktemp("transfer"), cube()
    field = {"temperature": 3.0 + mesh.points @ SLOPE}
    write_mesh(place / "mesh.vtu", Tagged(mesh, {"tumour-1": 300}, fields=field))
    affine = np.diag([3.0, 3.0, 3.0, 1.0])
    affine[:3, 3] = -3.0
    at = np.stack(np.indices((13, 13, 13)), axis=-1) * 3.0 - 3.0
    values = np.asfortranarray(3.0 + at @ SLOPE, dtype=np.float32)
    write_voxels(place / "image.nii.gz", values, affine, watch=Watch())
    return place


def transferred(capsys: pytest.CaptureFixture[str], folder: Path, *more: str) -> dict[str, Any]:
    paths = [str(folder / text) if "." in text else text for text in more]
    assert main(["transfer", *paths, "--json"]) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def test_that_a_field_goes_to_voxels_and_back_with_its_error_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A linear field is exact both ways, but for the file's float32."""
    there = transferred(capsys, folder, "mesh.vtu", "--field", "temperature",
                        "--onto", "image.nii.gz", "--to", "there.nii.gz")  # fmt: skip
    assert there["without_value"] == 13**3 - 11**3
    record = json.loads((folder / "there.nii.gz.json").read_text())
    assert record == there["provenance"]
    assert record["settings"]["field"] == "temperature"
    assert there["before"] == pytest.approx(27000 * (3.0 + 15.0 * SLOPE.sum()))
    back = transferred(capsys, folder, "image.nii.gz", "--onto", "mesh.vtu", "--to", "back.vtu")
    mesh = meshio.read(folder / "back.vtu")
    assert back["without_value"] == 0
    assert np.allclose(mesh.point_data["field"], mesh.point_data["temperature"], atol=1e-4)
    assert mesh.field_data["tumour-1"].tolist() == [300, 3]


def test_that_a_density_keeps_its_amount(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = transferred(capsys, folder, "mesh.vtu", "--field", "temperature", "--density",
                       "--onto", "image.nii.gz", "--to", "amount.nii.gz")  # fmt: skip
    assert abs(told["relative_error"]) < 1e-9
    assert told["outside_percent"] == 0.0


def test_that_a_density_on_voxels_says_what_it_left_and_is_confined_when_asked(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """11³ voxels of 27 mm³ touch the cube, 9³ of them lie in it; the field is 3 + x·SLOPE, its
    mean over either the value at the middle, 15 mm."""
    image = ("image.nii.gz", "--onto", "mesh.vtu", "--density", "--replace", "--to", "amount.vtu")
    mean = 3.0 + 15.0 * SLOPE.sum()
    told = transferred(capsys, folder, *image)
    assert told["off_a_constant"] < 1e-9
    assert told["after"] == pytest.approx(27_000 * mean, rel=1e-4)
    assert told["in_partial_voxels"] == pytest.approx((11**3 - 9**3) * 27 * mean, rel=1e-4)
    confined = transferred(capsys, folder, *image, "--confined")
    assert confined["after"] == pytest.approx(11**3 * 27 * mean, rel=1e-4)
    assert confined["off_a_constant"] > 0.1


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["mesh.vtu", "--onto", "mesh.vtu", "--to", "x.vtu"], "the other an image"),
        (["mesh.vtu", "--onto", "image.nii.gz", "--to", "x.nii.gz"], "there are: temperature"),
        (["mesh.vtu", "--onto", "image.nii.gz", "--to", "x.png"], ".nii.gz"),
        (["image.nii.gz", "--onto", "mesh.vtu", "--to", "x.stl"], ".vtu"),
        (["image.nii.gz", "--onto", "bad.vtu", "--to", "x.vtu"], "no VTK file"),
        (["image.nii.gz", "--onto", "huge.vtu", "--to", "x.vtu"], "more points or cells"),
    ],
)
def test_that_what_cannot_be_transferred_is_refused(
    folder: Path, capfd: pytest.CaptureFixture[str], more: list[str], said: str
) -> None:
    (folder / "bad.vtu").write_text("<VTKFile>")
    whole = (folder / "mesh.vtu").read_bytes()
    (folder / "huge.vtu").write_bytes(
        whole.replace(b'NumberOfPoints="343"', b'NumberOfPoints="999999999999"')
    )
    assert main(["transfer", *(str(folder / text) if "." in text else text for text in more)]) == 2
    assert said in " ".join(capfd.readouterr().err.split())
    assert not any(folder.glob("x.*"))
