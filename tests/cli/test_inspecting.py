"""`organtwin inspect` on the real sets: what it lists and what it writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from organtwin.cli import main
from tests.importing.test_rtdose import Dose, dose

__all__ = ["dose"]

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
ASKED = (
    "number", "uid", "part", "identity", "study_uid", "frame_uid", "modality", "description",
    "acquired", "size", "spacing_mm", "direction", "origin_mm", "orientation", "tilt_deg",
    "gap_min_mm", "gap_max_mm", "missing_slices", "phase", "geometry", "files", "localizer",
    "refusal",
)  # fmt: skip

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason=f"no image sets at {SHARED}")


class Told:
    """What one run said: exit status, the JSON object, stderr."""

    def __init__(self, capsys: pytest.CaptureFixture[str], place: str, *more: str) -> None:
        self.status = main(["inspect", str(SHARED / place), "--json", *more])
        out, self.err = capsys.readouterr()
        self.json: dict[str, Any] = json.loads(out)


Capsys = pytest.CaptureFixture[str]


def test_that_a_series_is_described_in_full(capsys: Capsys) -> None:
    (series,) = Told(capsys, "remind-022-brain-mr").json["series"]
    assert set(ASKED) <= set(series)
    assert series["identity"]["name"] == "ReMIND-022"
    assert series["size"] == [248, 256, 176]
    assert series["orientation"] == "RPI"
    assert series["phase"]["guess"] == "T1c"
    assert np.reshape(series["direction"], (3, 3))[:, 0] == pytest.approx(
        [-0.998006, -0.06197, -0.011988], abs=1e-6
    )


def test_that_the_geometry_says_how_and_what_follows(capsys: Capsys) -> None:
    (series,) = Told(capsys, "ge-ct-tilt-nonuniform").json["series"]
    geometry = series["geometry"]
    assert geometry["grade"] == "withheld"
    assert [what for what, _ in geometry["established"]] == [
        "spacing", "tilt", "gaps", "orientation", "position", "date",
    ]  # fmt: skip
    assert "48.8 mm off" in geometry["consequence"]


def test_that_label_files_name_their_structures(capsys: Capsys) -> None:
    (label,) = Told(capsys, "remind-022-brain-mr").json["labels"]
    assert (label["number"], label["kind"], label["names"]) == (0, "SEG", ["Glioma"])


def test_that_every_refused_file_has_its_class(capsys: Capsys) -> None:
    refused = Told(capsys, "odd-dicom-a/broken").json["refused"]
    found = {Path(r["path"]).name: r["error_class"] for r in refused}
    assert len(found) == 9
    assert found["no_meta.dcm"] == "UnreadableFile"
    assert found["JPEG2000-embedded-sequence-delimiter.dcm"] == "WrongGeometry"


def test_that_a_written_volume_lies_where_the_series_does(capsys: Capsys, tmp_path: Path) -> None:
    to = tmp_path / "v.nii.gz"
    told = Told(capsys, "odd-dicom-a/oblique-hitachi", "--series", "0", "--to", str(to))
    (series,) = told.json["series"]
    image = sitk.ReadImage(str(to))
    assert told.status == 0
    assert list(image.GetSize()) == series["size"]
    assert image.GetOrigin() == pytest.approx(series["origin_mm"], rel=1e-5)
    assert image.GetDirection() == pytest.approx(series["direction"], abs=1e-5)


def test_that_written_labels_keep_their_voxels_and_names(capsys: Capsys, tmp_path: Path) -> None:
    to = tmp_path / "l.nii.gz"
    asked = ("--series", "0", "--labels", "0", "--to", str(to))
    told = Told(capsys, "remind-022-brain-mr", *asked)
    assert told.json["values"] == {"1": "Glioma"}
    assert int(sitk.GetArrayFromImage(sitk.ReadImage(str(to))).sum()) == 799


def test_that_contours_are_written_on_a_chosen_series(capsys: Capsys, tmp_path: Path) -> None:
    listed = Told(capsys, "sts-002/dicom").json
    series = next(s["number"] for s in listed["series"] if s["modality"] == "CT")
    label = next(one["number"] for one in listed["labels"] if one["names"] == ["GTV_Mass_CT"])
    to = tmp_path / "l.nii.gz"
    Told(capsys, "sts-002/dicom", "--series", f"{series}", "--labels", f"{label}", "--to", str(to))
    assert int(sitk.GetArrayFromImage(sitk.ReadImage(str(to))).sum()) == 17090


def test_that_overlaps_are_said(capsys: Capsys, tmp_path: Path) -> None:
    place = "odd-dicom-a/seg-liver-3slices"
    labels = Told(capsys, place).json["labels"]
    number = next(one["number"] for one in labels if len(one["names"]) == 5)
    to = str(tmp_path / "l.nii.gz")
    told = Told(capsys, place, "--series", "0", "--labels", f"{number}", "--to", to)
    assert "structures overlap" in told.json["warnings"][0]
    assert "structures overlap" in told.err


def test_that_withheld_geometry_is_written_and_said(capsys: Capsys, tmp_path: Path) -> None:
    to = tmp_path / "v.nii.gz"
    told = Told(capsys, "odd-dicom-a/missing-slice-ge", "--series", "0", "--to", str(to))
    assert told.status == 0
    assert to.exists()
    assert "geometry withheld: 1 missing slice" in told.err
    assert "geometry withheld: 1 missing slice" in told.json["warnings"][0]


def test_that_a_refused_series_is_refused_with_its_class(capsys: Capsys, tmp_path: Path) -> None:
    to = tmp_path / "v.nii.gz"
    told = Told(capsys, "odd-dicom-a/too-few-slices", "--series", "0", "--to", str(to))
    assert (told.status, told.json["error"]["class"]) == (2, "WrongGeometry")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "more",
    [
        ("--series", "0"),
        ("--to", "x.nii.gz"),
        ("--labels", "0"),
        ("--series", "7", "--to", "x.nii.gz"),
        ("--series", "0", "--labels", "3", "--to", "x.nii.gz"),
    ],
)
def test_that_half_a_question_is_bad_input(capsys: Capsys, more: tuple[str, ...]) -> None:
    told = Told(capsys, "odd-dicom-a/oblique-hitachi", *more)
    assert (told.status, told.json["error"]["class"]) == (2, "BadArgument")


def test_that_a_place_without_files_is_bad_input(capsys: Capsys) -> None:
    told = Told(capsys, "no/such/place")
    assert (told.status, told.json["error"]["class"]) == (2, "NoImages")


def test_that_a_dose_is_written_in_gray(capsys: Capsys, tmp_path: Path, dose: Dose) -> None:
    dose([0.0, 3.0, 6.0])
    to = tmp_path / "dose.nii.gz"
    told = Told(capsys, str(tmp_path), "--series", "0", "--to", str(to))
    image = sitk.ReadImage(str(to))
    assert told.json["series"][0]["unit"] == "Gy"
    assert image[4, 3, 2] == pytest.approx((200 + 30 + 4) * 0.0125)
    assert image.GetOrigin() == pytest.approx((-10, -20, 30))


def test_that_tables_are_printed_for_people(capsys: Capsys) -> None:
    assert main(["inspect", str(SHARED / "odd-dicom-a/oblique-hitachi")]) == 0
    assert "Series" in capsys.readouterr().out
