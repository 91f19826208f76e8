"""Maps, reconstructions and passes of the table: told apart by their setting, named, withheld."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .conftest import Write
from .test_parting import MR, alternating, at_seconds, parts_in


@pytest.mark.parametrize(("pause_s", "grade"), [(312, "withheld"), (50, "good")])
def test_that_halves_of_a_ct_taken_minutes_apart_are_withheld(
    write: Write, tmp_path: Path, pause_s: float, grade: str
) -> None:
    for n in range(12):
        write([3.0 * n], AcquisitionTime=at_seconds(0.4 * n + pause_s * (n // 6)))
    (part,) = parts_in(tmp_path / "dicom")
    assert (part.geometry.grade, part.size[2]) == (grade, 12)
    said = f"up to {pause_s} s apart (AcquisitionTime; between 15.00 and 18.00 mm"
    assert [said in f for f in part.geometry.findings] == [True] * (grade == "withheld")


@pytest.mark.parametrize(
    ("times", "said"),
    [(("235950", "000010"), {}), (("100000", "101000"), MR), (("100000", ""), {})],
)
def test_that_midnight_an_mr_and_half_without_times_are_no_pause(
    write: Write, tmp_path: Path, times: tuple[str, str], said: dict[str, Any]
) -> None:
    for half, time in enumerate(times):
        write([15.0 * half + 3.0 * n for n in range(5)], AcquisitionTime=time, **said)
    (part,) = parts_in(tmp_path / "dicom")
    assert (part.geometry.grade, part.geometry.findings) == ("good", ())


def test_that_echo_times_a_thousandth_apart_part_nothing(write: Write, tmp_path: Path) -> None:
    alternating(write, "EchoTime", (4.6, 4.605), 12, **MR)
    (part,) = parts_in(tmp_path / "dicom")
    assert (part.geometry.grade, part.geometry.findings, part.size[2]) == ("good", (), 12)


def test_that_echoes_a_thousandth_apart_at_one_place_are_two_volumes(
    write: Write, tmp_path: Path
) -> None:
    for echo in (4.6, 4.605):
        write([3.0 * n for n in range(6)], EchoTime=echo, **MR)
    assert [p.size[2] for p in parts_in(tmp_path / "dicom")] == [6, 6]


MAPS = [("InversionTime", (50, 400, 1100)), ("FlipAngle", (2, 5, 15))]


@pytest.mark.parametrize(("keyword", "values"), MAPS)
def test_that_maps_at_the_same_places_are_volumes_named_by_their_value(
    write: Write, tmp_path: Path, keyword: str, values: tuple[int, ...]
) -> None:
    for value in values:
        write([3.0 * n for n in range(5)], **{keyword: value}, **MR)
    parts = parts_in(tmp_path / "dicom")
    assert [(p.geometry.grade, p.geometry.findings) for p in parts] == [
        (
            "good",
            (f"one of 3 volumes at the same places, told apart by {keyword}: {value} here",),
        )
        for value in values
    ]


def test_that_maps_of_two_settings_are_told_apart_by_both(write: Write, tmp_path: Path) -> None:
    for ti in (50, 400):
        for flip in (2, 5):
            write([3.0 * n for n in range(5)], InversionTime=ti, FlipAngle=flip, **MR)
    parts = parts_in(tmp_path / "dicom")
    assert len(parts) == 4
    assert "InversionTime and FlipAngle: 50 and 5 here" in parts[1].geometry.findings[0]


RECONSTRUCTIONS = [
    ("ConvolutionKernel", ("B30f", "B70f")),
    ("ContrastBolusAgent", (None, "Iomeprol")),
    ("SliceThickness", (3.0, 5.0)),
    ("ImageType", (["ORIGINAL", "PRIMARY", "AXIAL"], ["DERIVED", "PRIMARY", "AXIAL"])),
    ("SeriesDescription", ("soft", "bone")),
    ("FlipAngle", (5, 15)),
]


@pytest.mark.parametrize(("keyword", "values"), RECONSTRUCTIONS)
def test_that_reconstructions_half_a_step_apart_are_two_volumes(
    write: Write, tmp_path: Path, keyword: str, values: tuple[Any, Any]
) -> None:
    alternating(write, keyword, values, 12)
    parts = parts_in(tmp_path / "dicom")
    assert [p.geometry.spacing_mm[2] for p in parts] == pytest.approx([3.0, 3.0])
    assert all(f"told apart by {keyword}" in p.geometry.findings[0] for p in parts)


@pytest.mark.parametrize("values", [("soft", "bone", "3"), tuple(map(str, range(12)))])
def test_that_a_description_that_changes_along_a_volume_parts_nothing(
    write: Write, tmp_path: Path, values: tuple[str, ...]
) -> None:
    for n in range(12):
        write([3.0 * n], SeriesDescription=values[n * len(values) // 12])
    (part,) = parts_in(tmp_path / "dicom")
    assert (part.geometry.grade, part.geometry.findings) == ("good", ())
