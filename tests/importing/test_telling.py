"""Maps, reconstructions and passes of the table: told apart by their setting, named, withheld."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import EnhancedCTImageStorage

from tests.importing.conftest import Write
from tests.slices import slice_of, values_at

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


def frames_of(folder: Path, modality: str, frames: Sequence[tuple[float, str, str, Any]]) -> Path:
    """Write one enhanced image whose frames have a height, and a value in a functional group."""
    plain = dict.fromkeys(("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"))
    one = slice_of(values_at(0), (0, 0, 0), Modality=modality, **plain)
    one.SOPClassUID = one.file_meta.MediaStorageSOPClassUID = EnhancedCTImageStorage
    one.NumberOfFrames = len(frames)
    one.PixelData = np.stack([values_at(n) for n in range(len(frames))]).astype("<i2").tobytes()
    shared, orientation, measures = Dataset(), Dataset(), Dataset()
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    measures.PixelSpacing, measures.SliceThickness = [2, 1], 3
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [orientation], [measures]
    per = []
    for height, group, keyword, value in frames:
        frame, position, said = Dataset(), Dataset(), Dataset()
        position.ImagePositionPatient = [0, 0, height]
        setattr(said, keyword, value)
        frame.PlanePositionSequence = [position]
        setattr(frame, group, [said])
        per.append(frame)
    one.SharedFunctionalGroupsSequence, one.PerFrameFunctionalGroupsSequence = [shared], per
    folder.mkdir()
    one.save_as(folder / "a.dcm", enforce_file_format=True)
    return folder


def test_that_frames_of_a_ct_taken_minutes_apart_are_withheld(tmp_path: Path) -> None:
    when = ("FrameContentSequence", "FrameAcquisitionDateTime")
    times = [f"2024013110{5 * (n // 4):02d}{n:02d}.5" for n in range(8)]
    frames = [(3.0 * n, *when, time) for n, time in enumerate(times)]
    (part,) = parts_in(frames_of(tmp_path / "dicom", "CT", frames))
    assert part.geometry.grade == "withheld"
    assert "up to 301 s apart" in part.geometry.findings[0]


@pytest.mark.parametrize(
    ("group", "keyword", "values"),
    [
        ("MRModifierSequence", "InversionTimes", (50.0, 400.0)),
        ("MRTimingAndRelatedParametersSequence", "FlipAngle", (5, 15)),
        ("CTReconstructionSequence", "ConvolutionKernel", ("B30f", "B70f")),
    ],
)
def test_that_frames_at_one_place_are_volumes_named_by_their_value(
    tmp_path: Path, group: str, keyword: str, values: tuple[Any, Any]
) -> None:
    frames = [(3.0 * (n // 2), group, keyword, values[n % 2]) for n in range(8)]
    parts = parts_in(frames_of(tmp_path / "dicom", "MR", frames))
    assert [p.geometry.grade for p in parts] == ["good", "good"]
    assert f"told apart by {keyword}: {values[1]} here" in parts[1].geometry.findings[0]
