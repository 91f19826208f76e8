"""Series that hold more than one volume: what is told apart, named, and held back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from organtwin.core.errors import WrongGeometry
from organtwin.core.watch import Watch
from organtwin.importing import Series, read_volume, scan
from tests.importing.conftest import Write
from tests.slices import slice_of, values_at

WATCH = Watch()
MR: dict[str, Any] = {"Modality": "MR", "RescaleSlope": None, "RescaleIntercept": None}
KINDS = [
    ("EchoTime", (10, 90), MR),
    ("KVP", (80, 140), {}),
    ("StackID", ("1", "2"), MR),
    ("TemporalPositionIdentifier", (1, 2), MR),
    ("AcquisitionNumber", (1, 2), {}),
    ("AcquisitionTime", ("100000", "100045"), {}),
    ("AcquisitionDate", ("20230131", "20240131"), {}),
]


def parts_in(folder: Path) -> tuple[Series, ...]:
    return scan(folder, WATCH).series


def alternating(
    write: Write, keyword: str, values: tuple[Any, Any], count: int, **said: Any
) -> None:
    for n in range(count):
        write([1.5 * n], **{keyword: values[n % 2]}, **said)


@pytest.mark.parametrize(("keyword", "values", "said"), KINDS)
def test_that_alternating_acquisitions_are_two_volumes(
    write: Write, tmp_path: Path, keyword: str, values: tuple[Any, Any], said: dict[str, Any]
) -> None:
    alternating(write, keyword, values, 12, **said)
    parts = parts_in(tmp_path / "dicom")
    assert [part.size[2] for part in parts] == [6, 6]
    assert [part.geometry.spacing_mm[2] for part in parts] == pytest.approx([3.0, 3.0])
    assert all(keyword in part.geometry.findings[0] for part in parts)


@pytest.mark.parametrize(("keyword", "values", "said"), KINDS)
def test_that_a_mixture_which_cannot_be_told_apart_is_withheld(
    write: Write, tmp_path: Path, keyword: str, values: tuple[Any, Any], said: dict[str, Any]
) -> None:
    alternating(write, keyword, values, 5, **said)
    (part,) = parts_in(tmp_path / "dicom")
    assert part.geometry.grade == "withheld"
    assert f"differ in {keyword}" in " ".join(part.geometry.findings)


def at_seconds(seconds: float) -> str:
    return f"10{int(seconds) // 60:02d}{seconds % 60:09.6f}"


def test_that_scans_whose_slices_each_have_a_time_are_told_apart_by_the_pause(
    write: Write, tmp_path: Path
) -> None:
    for n in range(12):
        write([1.5 * n], AcquisitionTime=at_seconds(0.3 * n + 60 * (n % 2)))
    parts = parts_in(tmp_path / "dicom")
    assert [part.size[2] for part in parts] == [6, 6]
    assert "AcquisitionTime 100000, 1001" in parts[0].geometry.findings[0]


def test_that_scans_at_the_same_places_are_told_apart_by_the_pause(
    write: Write, tmp_path: Path
) -> None:
    for n in range(12):
        write([3.0 * (n // 2)], AcquisitionTime=at_seconds(0.3 * n + 60 * (n % 2)))
    parts = parts_in(tmp_path / "dicom")
    assert [part.geometry.grade for part in parts] == ["good", "good"]


def test_that_times_which_come_back_without_a_pause_part_nothing(
    write: Write, tmp_path: Path
) -> None:
    for n in range(12):
        write([1.5 * n], AcquisitionTime=at_seconds(0.1 * (n // 2 + n % 2)))
    (part,) = parts_in(tmp_path / "dicom")
    assert (part.geometry.grade, part.geometry.findings) == ("good", ())


ONE_VALUE = [
    ("EchoTime", ("90", "90.0"), MR),
    ("KVP", ("120", "120.00"), {}),
    ("AcquisitionTime", ("100000", "100000.000000"), {}),
]


@pytest.mark.parametrize(("keyword", "values", "said"), ONE_VALUE)
def test_that_a_number_written_in_two_ways_parts_nothing(
    write: Write, tmp_path: Path, keyword: str, values: tuple[Any, Any], said: dict[str, Any]
) -> None:
    alternating(write, keyword, values, 12, **said)
    (part,) = parts_in(tmp_path / "dicom")
    assert (part.geometry.grade, part.geometry.findings, part.size[2]) == ("good", (), 12)


def test_that_acquisitions_one_after_another_are_one_volume(write: Write, tmp_path: Path) -> None:
    for number in (1, 2, 3):
        said = {"AcquisitionNumber": number, "AcquisitionTime": f"10000{number}"}
        write([6.0 * number, 6.0 * number + 3.0], **said)
    (part,) = parts_in(tmp_path / "dicom")
    assert (part.geometry.grade, part.geometry.findings) == ("good", ())


def test_that_an_examination_past_midnight_is_one_volume(write: Write, tmp_path: Path) -> None:
    write([0.0, 3.0, 6.0], AcquisitionDate="20240131")
    write([9.0, 12.0, 15.0], AcquisitionDate="20240201")
    (part,) = parts_in(tmp_path / "dicom")
    assert (part.geometry.grade, part.geometry.findings) == ("good", ())


def test_that_phases_a_hundredth_of_a_mm_apart_lie_at_one_place(
    write: Write, tmp_path: Path
) -> None:
    for number in (1, 2):
        write([3.0 * n + 0.01 * number for n in range(8)], AcquisitionNumber=number)
    parts = parts_in(tmp_path / "dicom")
    assert [(p.size[2], p.geometry.grade) for p in parts] == [(8, "good"), (8, "good")]


def test_that_time_points_one_above_the_other_are_two_volumes_held_back(
    write: Write, tmp_path: Path
) -> None:
    for n, day in enumerate(("20240131", "20250131")):
        write([3.0 * k + 30 * n for k in range(10)], AcquisitionDate=day)
    parts = parts_in(tmp_path / "dicom")
    assert [str(p.acquired) for p in parts] == ["2024-01-31", "2025-01-31"]
    assert [p.geometry.grade for p in parts] == ["withheld"] * 2
    assert "part 1 goes on where this one ends: an organ may be cut" in parts[0].geometry.findings


TURN = np.radians(0.2)
TURNED = [np.cos(TURN), np.sin(TURN), 0, -np.sin(TURN), np.cos(TURN), 0]


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"ImageOrientationPatient": [float(x) for x in TURNED]}, "turned by 0.2°"),
        ({"PixelSpacing": [1.8, 0.9]}, "with pixels of 0.9 by 1.8 mm"),
        ({"Rows": 2, "Columns": 10}, "with 10 by 2 pixels"),
    ],
)
def test_that_slices_split_off_are_named_and_the_rest_withheld(
    write: Write, tmp_path: Path, other: dict[str, Any], words: str
) -> None:
    write([3.0 * n for n in range(9)])
    write([27.0], **other)
    part = parts_in(tmp_path / "dicom")[0]
    assert part.geometry.grade == "withheld"
    assert f"9 of 10 slices; part 1 has 1, {words}" in part.geometry.findings
    assert any("goes on where this one ends" in finding for finding in part.geometry.findings)


@pytest.mark.parametrize("scout_first", [True, False])
def test_that_a_scout_does_not_keep_a_volume_from_being_read(
    write: Write, tmp_path: Path, *, scout_first: bool
) -> None:
    scout = {
        "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"],
        "ImageOrientationPatient": [1, 0, 0, 0, 0, -1],
    }
    for is_scout in (scout_first, not scout_first):
        if is_scout:
            write([0.0], **scout)
        else:
            write([3.0 * n for n in range(8)])
    parts = parts_in(tmp_path / "dicom")
    assert sorted((p.size[2], p.localizer, p.refusal is None) for p in parts) == [
        (1, True, False),
        (8, False, True),
    ]
    assert {p.geometry.grade for p in parts if not p.localizer} == {"good"}


def twice(tmp_path: Path, places: list[float], changed: int) -> Path:
    """Write slices at `places` with UIDs 0, 1, …, and one more of UID 1 with other values."""
    folder = tmp_path / "dicom"
    folder.mkdir()
    told = [(n, z, values_at(n)) for n, z in enumerate(places)]
    for name, (n, z, pixels) in enumerate([*told, (1, places[1], values_at(1) + changed)]):
        one = slice_of(pixels, (0.0, 0.0, z), SOPInstanceUID=f"1.2.3.{n}")
        one.save_as(folder / f"{name}.dcm", enforce_file_format=True)
    return folder


def test_that_the_same_pixels_again_are_a_copy(tmp_path: Path) -> None:
    (part,) = parts_in(twice(tmp_path, [0.0, 3.0, 6.0], 0))
    assert part.geometry.findings == ("1 copies of the same images were left out",)


def test_that_other_pixels_of_one_uid_are_no_copy(tmp_path: Path) -> None:
    (part,) = parts_in(twice(tmp_path, [0.0, 3.0, 6.0], 700))
    with pytest.raises(WrongGeometry, match=r"one SOPInstanceUID: 1\.dcm and 3\.dcm"):
        read_volume(part, WATCH)


def test_that_one_uid_at_two_places_is_refused(write: Write, tmp_path: Path) -> None:
    for n, z in enumerate([0.0, 3.0, 6.0, 9.0]):
        write([z], SOPInstanceUID=f"1.2.3.{min(n, 2)}")
    (part,) = parts_in(tmp_path / "dicom")
    assert part.refusal is not None
    assert "different images have one SOPInstanceUID" in part.refusal.reason
