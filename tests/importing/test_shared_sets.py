"""Real scanners' files against facts computed independently (`expected.json` of each set)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from organtwin.core.errors import MisplacedLabel, UnreadableFile, WrongGeometry
from organtwin.core.volume import Volume, to_index, to_lps
from organtwin.core.watch import Watch
from organtwin.importing import Scan, Series, read_labels, read_masks, read_volume, scan
from organtwin.organs import organ

WATCH = Watch()
REGULAR = (
    "codecs-series",
    "codecs-series-j2k",
    "codecs-series-jpegls",
    "codecs-series-jpeg",
    "codecs-series-rle",
    "oblique-hitachi",
    "tiny-head-93",
    "seg-liver-3slices",
)
ROUNDED = 5.1e-5
"""The facts give values to four decimals; whole numbers have to agree exactly."""
REFUSED = ("too-few-slices", "single-slice", "mixed-orientation", "localizer-3-planes")


def facts(folder: Path) -> Any:
    return json.loads((folder / "expected.json").read_text(encoding="utf-8"))


def odd(shared: Path, case: str) -> tuple[Scan, Any]:
    """Return the scan of one case of `odd-dicom-a` and what is known of it."""
    folder = shared / "odd-dicom-a"
    return scan(folder / case, WATCH), facts(folder)["cases"][case]


def of_modality(found: Scan, modality: str) -> Series:
    return next(s for s in found.series if s.modality == modality)


@pytest.fixture(scope="module")
def abdomen(shared: Path) -> tuple[Scan, Volume]:
    """Return what is in the abdominal set and its CT."""
    found = scan(shared / "ccth-a01-abdomen", WATCH)
    return found, read_volume(of_modality(found, "CT"), WATCH)


def check_series(series: Series, expected: Any) -> None:
    """Compare what a header scan says with one volume of `expected.json`."""
    rows_mm, columns_mm = expected["pixel_spacing_row_col"]
    letters = "".join(axis.rstrip("~") for axis in expected["axes_ijk"])
    assert series.size[:2] == (
        expected["columns"] if "columns" in expected else expected["cols"],
        expected["rows"],
    )
    assert series.geometry.spacing_mm[:2] == pytest.approx((columns_mm, rows_mm), abs=1e-5)
    assert series.geometry.orientation == letters
    if "slice_gap_min" in expected:
        assert series.geometry.gap_min_mm == pytest.approx(expected["slice_gap_min"], abs=1e-3)
        assert series.geometry.gap_max_mm == pytest.approx(expected["slice_gap_max"], abs=1e-3)


def check_voxels(volume: Volume, expected: Any) -> None:
    """Compare place (≤ 0.01 mm) and value (exact in float32) of the sample voxels."""
    for sample in expected["sample_voxels"]:
        index = np.round(to_index(volume.affine, np.array(sample["lps"]))).astype(int)
        assert index[0] == sample["col"]
        assert index[1] == sample["row"]
        off_mm = np.abs(to_lps(volume.affine, index) - sample["lps"])
        assert off_mm.max() <= 0.01 + 5e-4
        assert volume.voxels[tuple(index)] == pytest.approx(sample["value"], abs=ROUNDED)


@pytest.mark.parametrize("case", REGULAR)
def test_that_a_regular_series_agrees_with_two_other_readers(shared: Path, case: str) -> None:
    found, known = odd(shared, case)
    expected = known["series"][0]["volumes"][0]
    (series,) = found.series
    check_series(series, expected)
    assert series.size[2] == expected["n_slices"]
    assert series.geometry.grade == "good"
    check_voxels(read_volume(series, WATCH), expected)


def test_that_codecs_change_no_voxel(shared: Path) -> None:
    volumes = [
        read_volume(odd(shared, f"codecs-series-{codec}")[0].series[0], WATCH)
        for codec in ("rle", "j2k", "jpegls", "jpeg")
    ]
    assert all(np.array_equal(v.voxels, volumes[0].voxels) for v in volumes)


@pytest.mark.parametrize("case", REFUSED)
def test_that_what_is_no_volume_is_described_and_refused(shared: Path, case: str) -> None:
    found, known = odd(shared, case)
    expected = known["series"][0]["volumes"]
    assert len(found.series) == len(expected)
    for one in expected:
        letters = "".join(axis.rstrip("~") for axis in one["axes_ijk"])
        series = next(s for s in found.series if s.geometry.orientation == letters)
        check_series(series, one)
        assert series.size[2] == one["n_slices"]
        with pytest.raises(WrongGeometry):
            read_volume(series, WATCH)


def test_that_the_three_planes_are_known_for_a_localizer(shared: Path) -> None:
    found, _ = odd(shared, "localizer-3-planes")
    assert [s.localizer for s in found.series] == [True] * 3


def test_that_the_missing_ge_slice_is_found(shared: Path) -> None:
    found, known = odd(shared, "missing-slice-ge")
    expected = known["series"][0]["volumes"][0]
    (series,) = found.series
    check_series(series, expected)
    assert series.geometry.missing_slices == expected["missing_slices_estimate"]
    assert series.geometry.grade == "withheld"
    assert series.size == (512, 512, expected["n_slices"] + 1)


def test_that_slices_beside_a_missing_one_keep_place_and_values(shared: Path) -> None:
    found, known = odd(shared, "missing-slice-ge")
    check_voxels(read_volume(found.series[0], WATCH), known["series"][0]["volumes"][0])


def test_that_no_broken_file_becomes_a_volume(shared: Path) -> None:
    found, known = odd(shared, "broken")
    assert all(s.refusal is not None for s in found.series)
    refused = {r.path.name for r in found.refused}
    assert refused == set(known["files"])


def test_that_a_truncated_real_file_is_named(shared: Path) -> None:
    found, _ = odd(shared, "broken")
    series = next(s for s in found.series if s.files[0].name == "MR_truncated.dcm")
    with pytest.raises(UnreadableFile, match=r"MR_truncated\.dcm"):
        read_volume(series, WATCH)


def test_that_a_multi_frame_image_is_placed_by_its_frames(shared: Path) -> None:
    found, known = odd(shared, "enhanced-mr-philips")
    expected = next(iter(known["files"].values()))
    (series,) = found.series
    volume = read_volume(series, WATCH)
    first, last = (expected["multiframe"][f"{end}_frame_position"] for end in ("first", "last"))
    ends = to_lps(volume.affine, np.array([[0, 0, 0], [0, 0, 7]]))
    assert np.abs(np.array([first, last]) - ends).max() <= 0.01
    assert volume.voxels.mean() == pytest.approx(expected["pydicom_values"]["mean"], abs=1e-3)


def test_that_frames_without_places_are_refused(shared: Path) -> None:
    found, _ = odd(shared, "enhanced-mr-small-syntaxes")
    assert {r.error_class for r in found.refused} == {"WrongGeometry"}
    assert len(found.refused) == 5


@pytest.mark.parametrize(("modality", "number"), [("CT", 0), ("PT", 1)])
def test_that_the_abdomen_agrees_with_two_other_readers(
    shared: Path, modality: str, number: int
) -> None:
    folder = shared / "ccth-a01-abdomen"
    expected = facts(folder)["dicom"]["series"][number]["volumes"][0]
    series = of_modality(scan(folder, WATCH), modality)
    check_series(series, expected)
    check_voxels(read_volume(series, WATCH), expected)


def test_that_contours_citing_absent_slices_give_the_liver(
    shared: Path, abdomen: tuple[Scan, Volume]
) -> None:
    found, volume = abdomen
    labels = read_labels(found.labels[0], volume, organ("liver"), names=None, watch=WATCH)
    expected = facts(shared / "ccth-a01-abdomen")["rtstruct_on_this_subset"]["liver"]
    assert [(s.name, s.label) for s in labels.structures] == [("liver", 1)]
    assert labels.volume_ml("liver") == pytest.approx(expected["volume_mL_raster_xor"], rel=0.001)
    assert labels.volume_ml("liver") == pytest.approx(
        expected["volume_mL_polygon_area_x_gap"], rel=0.02
    )


def test_that_every_contoured_organ_agrees_where_slices_are(
    shared: Path, abdomen: tuple[Scan, Volume]
) -> None:
    found, volume = abdomen
    expected = facts(shared / "ccth-a01-abdomen")["rtstruct_on_this_subset"]
    for mask in read_masks(found.labels[0], volume, WATCH):
        voxels = np.count_nonzero(mask.voxels)
        assert voxels == pytest.approx(expected[mask.name]["voxels_xor"], rel=0.005)


def test_that_an_organ_cut_by_the_images_is_not_passed_for_whole(
    abdomen: tuple[Scan, Volume],
) -> None:
    found, volume = abdomen
    with pytest.raises(MisplacedLabel, match="of liver lies outside the images"):
        read_labels(
            found.labels[0],
            volume,
            organ("liver"),
            names={"small_bowel": "liver", "liver": ""},
            watch=WATCH,
        )


def test_that_tilt_and_changing_gaps_are_reported(shared: Path) -> None:
    folder = shared / "ge-ct-tilt-nonuniform"
    expected = facts(folder)["dicom"]["series"][0]["volumes"][0]
    (series,) = scan(folder, WATCH).series
    report = series.geometry
    assert report.tilt_deg == pytest.approx(expected["shear_angle_deg"], abs=0.01)
    assert report.gap_min_mm == pytest.approx(expected["slice_gap_min"], abs=1e-3)
    assert report.gap_max_mm == pytest.approx(expected["slice_gap_max"], abs=1e-3)
    assert report.grade == "withheld"
    assert any("48.21 mm" in finding for finding in report.findings)


def test_that_every_slice_of_a_tilted_head_lies_where_it_was_scanned(shared: Path) -> None:
    # Each measured slice against the resampled volume at the same place in the patient: what is
    # left is interpolation, so the two must be the same picture; 5 mm off they are not.
    series = scan(shared / "ge-ct-tilt-nonuniform", WATCH).series[0]
    volume = read_volume(series, WATCH)
    for n in (3, 14, 27):
        here = _likeness(volume, series, n, shift_mm=0.0)
        there = _likeness(volume, series, n, shift_mm=5.0)
        assert here > 0.97
        assert here > there


def _likeness(volume: Volume, series: Series, n: int, *, shift_mm: float) -> float:
    """Correlation of slice `n` with the volume at its place, moved down its columns by a shift."""
    from scipy.ndimage import map_coordinates

    from organtwin.importing.pixels import FrameReader

    one = series.slices[n]
    j, i = np.mgrid[60:460:4, 60:460:4]
    lps = (
        np.array(one.position_mm)
        + i[..., None] * np.multiply(one.row, one.spacing_mm[0])
        + j[..., None] * np.multiply(one.column, one.spacing_mm[1])
        + np.multiply(one.column, shift_mm)
    )
    index = np.moveaxis(to_index(volume.affine, lps), -1, 0)
    sampled = map_coordinates(volume.voxels.astype(np.float32), index, order=1, mode="nearest")
    measured = FrameReader(one.pixels).frame(0)[j, i] * one.slope + one.intercept
    return float(np.corrcoef(sampled.ravel(), np.maximum(measured, -1500).ravel())[0, 1])


def test_that_an_oblique_brain_agrees_with_two_other_readers(shared: Path) -> None:
    folder = shared / "remind-022-brain-mr"
    expected = facts(folder)["dicom"]["series"][0]["volumes"][0]
    (series,) = scan(folder, WATCH).series
    check_series(series, expected)
    check_voxels(read_volume(series, WATCH), expected)


def test_that_a_cropped_segmentation_is_placed_by_position(shared: Path) -> None:
    folder = shared / "remind-022-brain-mr"
    found, expected = scan(folder, WATCH), facts(folder)["tumour"]
    volume = read_volume(found.series[0], WATCH)
    labels = read_labels(found.labels[0], volume, organ("liver"), names=None, watch=WATCH)
    mask = labels.mask("tumour-1")
    centroid = to_lps(volume.affine, np.argwhere(mask)).mean(axis=0)
    assert np.count_nonzero(mask) == expected["voxels"]
    assert np.abs(centroid - expected["centroid_lps"]).max() <= 0.01
    assert volume.voxels[mask].mean() == pytest.approx(expected["t1_mean_in_tumour"], abs=0.01)


def test_that_a_liver_segmentation_is_known_by_its_retired_code(shared: Path) -> None:
    found, known = odd(shared, "seg-liver-3slices")
    volume = read_volume(found.series[0], WATCH)
    source = next(s for s in found.labels if s.path.name == "liver.dcm")
    labels = read_labels(source, volume, organ("liver"), names=None, watch=WATCH)
    expected = known["other_files"]["liver.dcm"]["segment_volume_mL_voxels_times_spacing"]["1"]
    assert labels.volume_ml("liver") == pytest.approx(expected, rel=1e-4)


def test_that_overlapping_segments_are_all_read(shared: Path) -> None:
    found, known = odd(shared, "seg-liver-3slices")
    volume = read_volume(found.series[0], WATCH)
    source = next(s for s in found.labels if s.path.name == "partial_overlaps.dcm")
    expected = known["other_files"]["partial_overlaps.dcm"]["segment_voxels"]
    masks = read_masks(source, volume, WATCH)
    assert [int(m.voxels.sum()) for m in masks] == [expected[str(n)] for n in range(1, 6)]


def test_that_overlapping_segments_are_not_flattened_in_silence(shared: Path) -> None:
    found, _ = odd(shared, "seg-liver-3slices")
    volume = read_volume(found.series[0], WATCH)
    source = next(s for s in found.labels if s.path.name == "partial_overlaps.dcm")
    with pytest.raises(MisplacedLabel, match="structures beside it"):
        read_labels(source, volume, organ("liver"), names=None, watch=WATCH)


@pytest.mark.parametrize("modality", ["CT", "PT"])
def test_that_a_sarcoma_has_its_volume_on_each_grid(shared: Path, modality: str) -> None:
    folder = shared / "sts-002"
    found = scan(folder / "dicom", WATCH)
    volume = read_volume(of_modality(found, modality), WATCH)
    name = {"CT": "CT", "PT": "PET"}[modality]
    source = next(s for s in found.labels if s.names == (f"GTV_Mass_{name}",))
    (mask,) = read_masks(source, volume, WATCH)
    expected = facts(folder)["tumour"][name]["rtstruct"][f"GTV_Mass_{name}"]
    assert np.count_nonzero(mask.voxels) == expected["voxels_xor"]


@pytest.mark.parametrize("name", ["example_ct.nii.gz", "example_mr_sm.nii.gz"])
def test_that_nifti_is_turned_from_ras_to_lps(shared: Path, name: str) -> None:
    folder = shared / "totalseg-abdomen-3mm"
    expected = facts(folder)["images"][name]
    (series,) = scan(folder / name, WATCH).series
    volume = read_volume(series, WATCH)
    assert series.geometry.orientation == "".join(expected["axes_ijk_lps"])
    for sample in expected["sample_voxels"]:
        assert np.abs(to_lps(volume.affine, sample["ijk"]) - sample["lps"]).max() <= 0.01
        assert volume.voxels[tuple(sample["ijk"])] == sample["value"]
