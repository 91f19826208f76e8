"""Each rule of reading a series, on slices written to order."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless

from organtwin.core.errors import BadInput, NoImages, Stopped, UnreadableFile, WrongGeometry
from organtwin.core.volume import to_lps
from organtwin.core.watch import Watch
from organtwin.importing import Series, read_volume, scan

WATCH = Watch()
Write = Callable[..., list[Path]]


def one_series(folder: Path) -> Series:
    (series,) = scan(folder, WATCH).series
    return series


def test_that_slices_are_sorted_by_position_and_not_by_name(write: Write, tmp_path: Path) -> None:
    write([6.0, 0.0, 3.0, 9.0])
    volume = read_volume(one_series(tmp_path / "dicom"), WATCH)
    assert volume.voxels[0, 0].tolist() == [-900, -800, -1000, -700]


def test_that_i_runs_along_columns_and_j_down_rows(write: Write, tmp_path: Path) -> None:
    write([0.0, 3.0, 6.0])
    volume = read_volume(one_series(tmp_path / "dicom"), WATCH)
    assert volume.voxels.shape == (5, 4, 3)
    assert volume.voxels[3, 2, 1] == 100 + 20 + 3 - 1000


def test_that_pixel_spacing_gives_rows_first(write: Write, tmp_path: Path) -> None:
    write([0.0, 3.0, 6.0])
    volume = read_volume(one_series(tmp_path / "dicom"), WATCH)
    assert volume.spacing_mm == (1.0, 2.0, 3.0)
    assert to_lps(volume.affine, [1, 1, 1]).tolist() == [-9.0, -18.0, 3.0]


def test_that_voxels_are_int16_in_fortran_order_and_read_only(write: Write, tmp_path: Path) -> None:
    write([0.0, 3.0, 6.0])
    voxels = read_volume(one_series(tmp_path / "dicom"), WATCH).voxels
    assert voxels.dtype == np.int16
    assert voxels.flags.f_contiguous
    assert not voxels.flags.writeable


def test_that_a_fractional_slope_gives_float32(write: Write, tmp_path: Path) -> None:
    write([0.0, 3.0, 6.0], RescaleSlope=0.5, RescaleIntercept=0)
    voxels = read_volume(one_series(tmp_path / "dicom"), WATCH).voxels
    assert voxels.dtype == np.float32
    assert voxels[3, 0, 0] == 1.5


def test_that_values_beyond_int16_give_float32(write: Write, tmp_path: Path) -> None:
    write([0.0, 3.0, 6.0], RescaleIntercept=40000)
    voxels = read_volume(one_series(tmp_path / "dicom"), WATCH).voxels
    assert voxels.dtype == np.float32
    assert voxels[1, 0, 0] == 40001


def test_that_padding_stays_the_value_it_is(write: Write, tmp_path: Path) -> None:
    paths = write([0.0, 3.0, 6.0], PixelPaddingValue=-2000)
    one = pydicom.dcmread(paths[0])
    one.PixelData = np.full((4, 5), -2000, "<i2").tobytes()
    one.save_as(paths[0])
    assert read_volume(one_series(tmp_path / "dicom"), WATCH).voxels[0, 0, 0] == -3000


def test_that_identity_travels_to_the_series(write: Write, tmp_path: Path) -> None:
    write([0.0, 3.0, 6.0])
    series = one_series(tmp_path / "dicom")
    assert (series.identity.name, series.identity.patient_id) == ("Invented^Ann", "A1")
    assert (series.uid, series.modality, series.unit) == ("1.2.3", "CT", "HU")
    assert series.acquired is not None
    assert series.acquired.isoformat() == "2024-01-31"


@pytest.mark.parametrize(
    ("study", "acquired", "day", "findings"),
    [
        ("20240131", "20240201", "2024-01-31", ()),  # past midnight
        (None, "20240201", "2024-02-01", ()),
        ("20200101", "20240201", "2024-02-01",
         ("StudyDate is 2020-01-01, AcquisitionDate 2024-02-01: AcquisitionDate is used",)),
        ("19000101", "20240201", "2024-02-01", ()),  # written where a day was removed
        ("20240131", "00010101", "2024-01-31", ()),
    ],
)  # fmt: skip
def test_that_a_visit_is_of_its_study_s_date_unless_taken_on_another_day(
    write: Write,
    tmp_path: Path,
    *,
    study: str | None,
    acquired: str,
    day: str,
    findings: tuple[str, ...],
) -> None:
    write([0.0, 3.0, 6.0], StudyDate=study, AcquisitionDate=acquired)
    series = one_series(tmp_path / "dicom")
    assert str(series.acquired) == day
    assert series.geometry.findings == findings
    assert dict(series.geometry.established)["date"].startswith(
        "StudyDate" if day == "2024-01-31" else "AcquisitionDate"
    )


def test_that_the_date_of_a_series_is_stated_and_does_not_count(
    write: Write, tmp_path: Path
) -> None:
    write([0.0, 3.0, 6.0], StudyDate="20240131", AcquisitionDate=None, SeriesDate="20250131")
    series = one_series(tmp_path / "dicom")
    assert str(series.acquired) == "2024-01-31"
    assert series.geometry.findings == (
        "SeriesDate is 2025-01-31, StudyDate 2024-01-31: StudyDate is used",
    )


def test_that_every_file_is_asked_for_its_date(write: Write, tmp_path: Path) -> None:
    write([0.0, 3.0, 6.0], StudyDate="20240131", AcquisitionDate="20240131")
    write([9.0, 12.0], StudyDate="20240131", AcquisitionDate="20250131")
    report = one_series(tmp_path / "dicom").geometry
    assert report.grade == "withheld"
    assert "AcquisitionDate is 2024-01-31 to 2025-01-31 within one series" in report.findings


def test_that_a_name_in_another_alphabet_is_read(write: Write, tmp_path: Path) -> None:
    write([0.0, 3.0, 6.0], SpecificCharacterSet="ISO_IR 192", PatientName="Люкceмбypг")
    assert one_series(tmp_path / "dicom").identity.name == "Люкceмбypг"


@pytest.mark.parametrize("keyword", ["NumberOfSlices", "ImagesInAcquisition"])
def test_that_fewer_images_than_the_header_counts_are_a_finding(
    write: Write, tmp_path: Path, keyword: str
) -> None:
    write([0.0, 3.0, 6.0], **{keyword: 40})
    report = one_series(tmp_path / "dicom").geometry
    assert (report.grade, report.findings) == ("good", (f"{keyword} says 40, 3 are here",))


@pytest.mark.parametrize(
    ("kind", "grade"),
    [
        (["DERIVED", "PRIMARY", "AXIAL"], "withheld"),
        (["DERIVED", "SECONDARY", "REFORMATTED"], "good"),
    ],
)
def test_that_only_reformats_may_disagree_with_the_gantry(
    write: Write, tmp_path: Path, kind: list[str], grade: str
) -> None:
    write([0.0, 3.0, 6.0], ImageType=kind, GantryDetectorTilt=20)
    assert one_series(tmp_path / "dicom").geometry.grade == grade


def test_that_a_good_series_has_nothing_to_say(write: Write, tmp_path: Path) -> None:
    write([0.0, 3.0, 6.0])
    report = one_series(tmp_path / "dicom").geometry
    assert (report.grade, report.findings, report.orientation) == ("good", (), "LPS")


def test_that_a_missing_slice_is_stated_and_withheld(write: Write, tmp_path: Path) -> None:
    write([0.0, 3.0, 9.0, 12.0])
    report = one_series(tmp_path / "dicom").geometry
    assert (report.grade, report.missing_slices) == ("withheld", 1)
    assert "1 missing slice (after 3.00 mm" in report.findings[0]


def test_that_a_missing_slice_is_the_mean_of_its_neighbours(write: Write, tmp_path: Path) -> None:
    write([0.0, 3.0, 9.0, 12.0])
    volume = read_volume(one_series(tmp_path / "dicom"), WATCH)
    assert volume.voxels[0, 0].tolist() == [-1000, -900, -850, -800, -700]
    assert volume.spacing_mm[2] == pytest.approx(3.0)


def test_that_more_missing_than_present_is_refused(write: Write, tmp_path: Path) -> None:
    write([0.0, 3.0, 6.0, 300.0])
    with pytest.raises(WrongGeometry, match="97 slices are missing"):
        read_volume(one_series(tmp_path / "dicom"), WATCH)


def test_that_changing_gaps_are_resampled_by_position(write: Write, tmp_path: Path) -> None:
    write([0.0, 2.0, 5.0, 9.1])
    series = one_series(tmp_path / "dicom")
    volume = read_volume(series, WATCH)
    heights = volume.affine[2, 3] + volume.affine[2, 2] * np.arange(volume.voxels.shape[2])
    expected = np.interp(heights, [0, 2, 5, 9.1], [-1000, -900, -800, -700])
    assert series.geometry.grade == "withheld"
    assert np.abs(volume.voxels[0, 0] - expected).max() <= 0.5


def test_that_a_tilted_stack_is_resampled_upright(write: Write, tmp_path: Path) -> None:
    write([(0.0, 2.0 * n, 3.0 * n) for n in range(4)])
    series = one_series(tmp_path / "dicom")
    volume = read_volume(series, WATCH)
    assert series.geometry.grade == "withheld"
    assert series.geometry.tilt_deg == pytest.approx(np.degrees(np.arctan2(2, 3)), abs=1e-3)
    assert volume.voxels.shape == (5, 7, 4)
    assert to_lps(volume.affine, [2, 3, 2]).tolist() == [2.0, 6.0, 6.0]
    assert volume.voxels[2, 3, 2] == 200 + 10 + 2 - 1000


def test_that_a_tilt_by_part_of_a_pixel_is_interpolated(write: Write, tmp_path: Path) -> None:
    write([(0.0, 1.0 * n, 3.0 * n) for n in range(4)])
    volume = read_volume(one_series(tmp_path / "dicom"), WATCH)
    assert volume.voxels[2, 1, 1] == 100 + 5 + 2 - 1000


def test_that_rounded_direction_cosines_are_no_tilt(write: Write, tmp_path: Path) -> None:
    write([(0.001 * n, 0.0, 3.0 * n) for n in range(20)])
    series = one_series(tmp_path / "dicom")
    volume = read_volume(series, WATCH)
    assert series.geometry.grade == "good"
    assert to_lps(volume.affine, [0, 0, 19]) == pytest.approx([0.0095, 0.0, 57.0], abs=1e-6)
    assert series.geometry.residual_mm == pytest.approx(0.0095, abs=1e-6)


@pytest.mark.parametrize("count", [1, 2])
def test_that_fewer_than_three_slices_are_no_volume(
    write: Write, tmp_path: Path, count: int
) -> None:
    write([3.0 * n for n in range(count)])
    with pytest.raises(WrongGeometry, match="not a volume"):
        read_volume(one_series(tmp_path / "dicom"), WATCH)


def test_that_a_localizer_is_never_a_volume(write: Write, tmp_path: Path) -> None:
    write([0.0, 3.0, 6.0], ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    series = one_series(tmp_path / "dicom")
    assert series.localizer
    with pytest.raises(WrongGeometry, match="localizer"):
        read_volume(series, WATCH)


def test_that_three_orientations_in_one_series_are_a_localizer(
    write: Write, tmp_path: Path
) -> None:
    for six in ([1, 0, 0, 0, 1, 0], [1, 0, 0, 0, 0, -1], [0, 1, 0, 0, 0, -1]):
        write([(0.0, 3.0 * n, 3.0 * n) for n in range(3)], ImageOrientationPatient=six)
    series = scan(tmp_path / "dicom", WATCH).series
    assert [s.localizer for s in series] == [True] * 3


def test_that_two_series_in_a_folder_are_told_apart(write: Write, tmp_path: Path) -> None:
    write([0.0, 3.0, 6.0])
    write([1.0, 4.0, 7.0, 10.0], SeriesInstanceUID="1.2.4")
    series = scan(tmp_path / "dicom", WATCH).series
    assert [(s.uid, s.size[2]) for s in series] == [("1.2.3", 3), ("1.2.4", 4)]


def test_that_two_patients_in_a_folder_keep_their_names(write: Write, tmp_path: Path) -> None:
    write([0.0, 3.0, 6.0])
    write([0.0, 3.0, 6.0], SeriesInstanceUID="1.2.4", PatientName="Other^Bob", PatientID="B2")
    series = scan(tmp_path / "dicom", WATCH).series
    assert [(s.identity.name, s.identity.patient_id) for s in series] == [
        ("Invented^Ann", "A1"),
        ("Other^Bob", "B2"),
    ]


def test_that_phases_of_one_series_are_split(write: Write, tmp_path: Path) -> None:
    write([0.0, 3.0, 6.0], AcquisitionNumber=1)
    write([0.0, 3.0, 6.0], AcquisitionNumber=2)
    series = scan(tmp_path / "dicom", WATCH).series
    assert [(s.part, s.size[2], s.refusal) for s in series] == [(0, 3, None), (1, 3, None)]


def test_that_images_at_one_place_without_a_difference_are_refused(
    write: Write, tmp_path: Path
) -> None:
    write([0.0, 3.0, 3.0, 6.0])
    with pytest.raises(WrongGeometry, match="several images lie at one place"):
        read_volume(one_series(tmp_path / "dicom"), WATCH)


def test_that_a_copy_of_a_file_is_left_out_and_stated(write: Write, tmp_path: Path) -> None:
    paths = write([0.0, 3.0, 6.0])
    (tmp_path / "dicom" / "copy.dcm").write_bytes(paths[1].read_bytes())
    series = one_series(tmp_path / "dicom")
    assert series.size == (5, 4, 3)
    assert series.geometry.findings == ("1 copies of the same images were left out",)


def test_that_two_frames_of_reference_in_one_series_are_no_volume(
    write: Write, tmp_path: Path
) -> None:
    write([0.0, 3.0, 6.0])
    write([9.0, 12.0], FrameOfReferenceUID="1.2.10")
    with pytest.raises(WrongGeometry, match="2 frames of reference"):
        read_volume(one_series(tmp_path / "dicom"), WATCH)


def test_that_an_empty_folder_holds_no_images(tmp_path: Path) -> None:
    with pytest.raises(NoImages, match="no files there"):
        scan(tmp_path, WATCH)


def test_that_a_folder_that_is_not_there_holds_no_images(tmp_path: Path) -> None:
    with pytest.raises(NoImages, match="no such folder"):
        scan(tmp_path / "nowhere", WATCH)


def test_that_a_text_file_named_dcm_is_refused_by_name(write: Write, tmp_path: Path) -> None:
    write([0.0, 3.0, 6.0])
    (tmp_path / "dicom" / "note.dcm").write_text("only words")
    found = scan(tmp_path / "dicom", WATCH)
    assert [(r.path.name, r.error_class) for r in found.refused] == [("note.dcm", "UnreadableFile")]
    assert len(found.usable()) == 1


def test_that_a_folder_of_refused_files_says_why(tmp_path: Path) -> None:
    (tmp_path / "note.dcm").write_text("only words")
    with pytest.raises(NoImages, match=r"note\.dcm: UnreadableFile"):
        scan(tmp_path, WATCH).usable()


def test_that_a_truncated_file_refuses_its_series_only(write: Write, tmp_path: Path) -> None:
    paths = write([0.0, 3.0, 6.0, 9.0])
    write([0.0, 3.0, 6.0], SeriesInstanceUID="1.2.4")
    paths[1].write_bytes(paths[1].read_bytes()[:-7])
    first, second = scan(tmp_path / "dicom", WATCH).series
    assert read_volume(second, WATCH).voxels.shape == (5, 4, 3)
    with pytest.raises(UnreadableFile, match=r"001\.dcm"):
        read_volume(first, WATCH)


def test_that_a_file_cut_in_its_header_refuses_its_series(write: Write, tmp_path: Path) -> None:
    paths = write([0.0, 3.0, 6.0, 9.0])
    content = paths[3].read_bytes()
    paths[3].write_bytes(content[: content.index(b"\x28\x00\x10\x00")])
    with pytest.raises(UnreadableFile, match=r"003\.dcm"):
        read_volume(one_series(tmp_path / "dicom"), WATCH)


def test_that_a_file_changed_since_the_scan_is_not_read(write: Write, tmp_path: Path) -> None:
    paths = write([0.0, 3.0, 6.0])
    series = one_series(tmp_path / "dicom")
    os.utime(paths[0], ns=(1, 1))
    with pytest.raises(UnreadableFile, match="changed since"):
        read_volume(series, WATCH)


@pytest.mark.parametrize(
    "syntax", [ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, RLELossless]
)
def test_that_a_transfer_syntax_changes_no_value(write: Write, tmp_path: Path, syntax: str) -> None:
    write([0.0, 3.0, 6.0])
    expected = read_volume(one_series(tmp_path / "dicom"), WATCH).voxels
    for path in (tmp_path / "dicom").iterdir():
        one = pydicom.dcmread(path)
        if syntax == RLELossless:
            one.compress(RLELossless)
        elif syntax == ExplicitVRBigEndian:
            one.PixelData = one.pixel_array.astype(">i2").tobytes()
        one.file_meta.TransferSyntaxUID = syntax
        little = syntax != ExplicitVRBigEndian
        pydicom.dcmwrite(path, one, implicit_vr=False, little_endian=little)
    series = one_series(tmp_path / "dicom")
    assert np.array_equal(read_volume(series, WATCH).voxels, expected)


def test_that_links_out_of_the_folder_are_not_followed(write: Write, tmp_path: Path) -> None:
    write([0.0, 3.0, 6.0])
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "link.dcm").symlink_to(tmp_path / "dicom" / "000.dcm")
    (tmp_path / "other" / "folder").symlink_to(tmp_path / "dicom")
    found = scan(tmp_path / "other", WATCH)
    assert found.series == ()
    assert {r.error_class for r in found.refused} == {BadInput.__name__}


def test_that_a_pipe_in_the_folder_does_not_hang(write: Write, tmp_path: Path) -> None:
    write([0.0, 3.0, 6.0])
    os.mkfifo(tmp_path / "dicom" / "pipe.dcm")
    assert [r.path.name for r in scan(tmp_path / "dicom", WATCH).refused] == ["pipe.dcm"]


def test_that_reading_stops_when_asked(write: Write, tmp_path: Path) -> None:
    write([0.0, 3.0, 6.0])
    series = one_series(tmp_path / "dicom")
    with pytest.raises(Stopped):
        read_volume(series, Watch(asked_to_stop=lambda: True))


def test_that_random_damage_gives_an_error_of_ours_or_a_volume(
    write: Write, tmp_path: Path
) -> None:
    paths = write([0.0, 3.0, 6.0])
    whole, chance = paths[1].read_bytes(), random.Random(7)
    for _ in range(300):
        content = bytearray(whole)
        for _ in range(chance.randint(1, 6)):
            content[chance.randrange(128, len(content))] = chance.randrange(256)
        paths[1].write_bytes(content[: chance.choice([len(content), chance.randrange(200, 1200)])])
        for series in scan(tmp_path / "dicom", WATCH).series:
            try:
                read_volume(series, WATCH)
            except BadInput:
                continue
