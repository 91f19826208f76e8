"""`organtwin density`: what a tumour starts from, of plain files."""

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


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cube of 30 mm, labels of a ball of 8 mm in it (2), and an ADC map in 1e-6 mm²/s."""
    place = tmp_path_factory.mktemp("density")
    write_mesh(place / "mesh.vtu", Tagged(cube(), {"liver": 1, "tumour-1": 2}))
    affine = np.diag([1.5, 1.5, 1.5, 1.0])
    affine[:3, 3] = -3.0
    at = np.moveaxis(np.indices((25, 25, 25)), 0, -1) * 1.5 - 3.0
    ball = np.linalg.norm(at - 15.0, axis=-1) < 8.0
    inside = ((at > 0) & (at < 30)).all(axis=-1)
    labels = np.asfortranarray(np.where(ball, 2, inside), dtype=np.uint8)
    write_voxels(place / "labels.nii.gz", labels, affine, watch=Watch())
    adc = np.asfortranarray(np.where(ball, 1200.0, 1800.0), dtype=np.float32)
    write_voxels(place / "adc.nii.gz", adc, affine, watch=Watch())
    return place


def density(
    capsys: pytest.CaptureFixture[str], folder: Path, *more: str, status: int = 0
) -> dict[str, Any]:
    paths = [str(folder / text) if text.endswith((".vtu", ".gz")) else text for text in more]
    names = ["--structure", "tumour-1", "--names", "1=liver", "2=tumour-1"]
    labels = ["--labels", str(folder / "labels.nii.gz")]
    assert main(["density", *paths, *labels, *names, "--json"]) == status
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def test_that_labels_become_a_density_on_the_mesh(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = density(capsys, folder, "mesh.vtu", "--width-mm", "2", "--to", "start.vtu")
    field = meshio.read(folder / "start.vtu").point_data["density"]
    assert 0.0 < field.min() < 0.2 < 0.8 < field.max() <= 1.0
    assert abs(told["visible_error"]) < 1e-3
    assert told["visible_ml"] == pytest.approx(told["labelled_ml"], rel=0.02)
    assert told["visible_density"] == 0.5
    assert json.loads((folder / "start.vtu.json").read_text()) == told["provenance"]


def test_that_an_adc_map_becomes_a_density_on_voxels(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = density(capsys, folder, "adc.nii.gz", "--unit", "1e-6 mm2/s", "--least", "0.6e-3",
                   "--to", "start.nii.gz")  # fmt: skip
    assert told["mass_ml"] == pytest.approx(0.75 * 8.0**3 * 4.18879 / 1000.0, rel=0.03)
    assert "ADC_min 0.0006 mm²/s (given)" in told["how"]


def test_that_a_unit_that_is_not_said_is_asked_for(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = density(capsys, folder, "adc.nii.gz", "--least", "patient", "--to", "b.nii.gz", status=2)
    assert "not guessed" in json.dumps(told)
    told = density(capsys, folder, "adc.nii.gz", "--to", "b.nii.gz", status=2)
    assert "--least" in json.dumps(told)
    assert not (folder / "b.nii.gz").exists()
