"""`organtwin measure` and `organtwin agreement` on plain files of labels."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkIOXML import vtkXMLPolyDataReader

from organtwin.cli import main
from organtwin.core.watch import Watch
from organtwin.exporting.nifti import write_voxels
from tests.measuring.shapes import OBLIQUE, ellipsoid, grid

AFFINE = grid((0.8, 0.9, 2.0), OBLIQUE)
SHAPE = (60, 50, 30)
Capsys = pytest.CaptureFixture[str]


def labels(path: Path, radius: float, *, value: int = 1) -> str:
    """Write a ball with a smaller one inside, labels `value` and `value` + 1."""
    ball = ellipsoid(AFFINE, SHAPE, (radius,) * 3).astype(np.uint8) * np.uint8(value)
    ball[ellipsoid(AFFINE, SHAPE, (7.0,) * 3)] = value + 1
    write_voxels(path, np.asfortranarray(ball), AFFINE, watch=Watch())
    return str(path)


def image(path: Path) -> str:
    values = np.full(SHAPE, -100, np.int16, order="F")
    values[ellipsoid(AFFINE, SHAPE, (7.0,) * 3)] = 60
    write_voxels(path, values, AFFINE, watch=Watch())
    return str(path)


def told(capsys: Capsys, *words: str) -> tuple[int, dict[str, Any], str]:
    status = main([*words, "--json"])
    out, err = capsys.readouterr()
    return status, json.loads(out), err


def test_that_every_structure_is_measured(tmp_path: Path, capsys: Capsys) -> None:
    path = labels(tmp_path / "labels.nii.gz", 15.0)
    status, said, _ = told(
        capsys, "measure", path, "--image", image(tmp_path / "ct.nii.gz"), "--modality", "CT",
        "--names", "1=liver", "2=tumour-1",
    )  # fmt: skip
    liver, tumour = said["structures"]
    assert status == 0
    assert liver["volume"]["voxels_ml"] == pytest.approx(4 / 3 * np.pi * 15**3 / 1000, rel=0.01)
    assert liver["volume"]["surface_ml"] == pytest.approx(4 / 3 * np.pi * 15**3 / 1000, rel=0.01)
    assert tumour["diameters"]["long_axis"]["mm"] == pytest.approx(14.0, abs=1.0)
    assert tumour["diameters"]["recist"]["lesion"] == "measurable"
    assert (tumour["values"]["mean"], tumour["values"]["unit"]) == (60.0, "HU")
    assert tumour["geometry"] == "good"


def test_that_two_files_are_compared_by_name_of_their_values(
    tmp_path: Path, capsys: Capsys
) -> None:
    first = labels(tmp_path / "first.nii.gz", 13.0)
    second = labels(tmp_path / "second.nii.gz", 15.0, value=5)
    to = tmp_path / "map.vtp"
    status, said, err = told(
        capsys, "agreement", first, second, "--names", "1=liver", "2=tumour-1",
        "--second-names", "5=liver", "6=tumour-1", "--to", str(to),
    )  # fmt: skip
    liver, tumour = said["structures"]
    assert (status, err.count("warning")) == (0, 0)
    assert liver["mean_mm"] == pytest.approx(2.0, abs=0.2)
    assert liver["shift_mm"] == pytest.approx(2.0, abs=0.2)
    assert tumour["dice"] == 1.0
    assert json.loads(to.with_name("map.vtp.json").read_text()) == said["provenance"]
    assert set(said["provenance"]["sha256"]) == {"first", "second", "file"}
    reader = vtkXMLPolyDataReader()
    reader.SetFileName(str(to))
    reader.Update()
    signed = vtk_to_numpy(reader.GetOutput().GetPointData().GetArray("signed_mm"))
    number = vtk_to_numpy(reader.GetOutput().GetPointData().GetArray("structure"))
    assert signed[number == 0].mean() == pytest.approx(2.0, abs=0.2)


def test_that_a_table_is_printed_for_people(tmp_path: Path, capsys: Capsys) -> None:
    assert main(["measure", labels(tmp_path / "labels.nii.gz", 9.0)]) == 0
    out = capsys.readouterr().out
    assert "mL by surface" in out
    assert "longest in 3D mm" in out
