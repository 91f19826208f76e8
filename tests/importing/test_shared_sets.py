"""Real scanners' files against facts computed independently (`expected.json` of each set)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from organtwin.core.errors import BadInput, MisplacedLabel, UnreadableFile
from organtwin.core.volume import Volume, to_index, to_lps
from organtwin.core.watch import Watch
from organtwin.importing import Scan, Series, read_labels, read_volume, scan
from organtwin.organs import organ

WATCH = Watch()
LIKE = 0.99


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


def test_that_codecs_change_no_voxel(shared: Path) -> None:
    volumes = [
        read_volume(odd(shared, f"codecs-series-{codec}")[0].series[0], WATCH)
        for codec in ("rle", "j2k", "jpegls", "jpeg")
    ]
    assert all(np.array_equal(v.voxels, volumes[0].voxels) for v in volumes)


def test_that_the_three_planes_are_known_for_a_localizer(shared: Path) -> None:
    found, _ = odd(shared, "localizer-3-planes")
    assert [s.localizer for s in found.series] == [True] * 3


def test_that_a_truncated_real_file_is_named(shared: Path) -> None:
    found, _ = odd(shared, "broken")
    series = next(s for s in found.series if s.files[0].name == "MR_truncated.dcm")
    with pytest.raises(UnreadableFile, match=r"MR_truncated\.dcm"):
        read_volume(series, WATCH)


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


def test_that_every_slice_of_a_tilted_head_lies_where_it_was_scanned(shared: Path) -> None:
    # Each measured slice against the resampled volume at the same place in the patient: what is
    # left is interpolation, so the two must be the same picture; 5 mm off they are not.
    series = scan(shared / "ge-ct-tilt-nonuniform", WATCH).series[0]
    volume = read_volume(series, WATCH)
    for n in range(len(series.slices)):
        here = _likeness(volume, series, n, shift_mm=0.0)
        there = _likeness(volume, series, n, shift_mm=5.0)
        assert here > LIKE
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


def test_that_overlapping_segments_stay_whole(shared: Path) -> None:
    """Each segment's volume is the one that another reader found in the file."""
    found, known = odd(shared, "seg-liver-3slices")
    volume = read_volume(found.series[0], WATCH)
    source = next(s for s in found.labels if s.path.name == "partial_overlaps.dcm")
    labels = read_labels(source, volume, organ("liver"), names=None, watch=WATCH)
    assert labels.beneath
    expected = known["other_files"]["partial_overlaps.dcm"]
    said = expected["segment_volume_mL_voxels_times_spacing"].values()
    volumes = sorted(labels.volume_ml(s.name) for s in labels.structures)
    assert volumes == pytest.approx(sorted(said), rel=1e-4)


@pytest.mark.parametrize("folder", ["ccth-a01-abdomen", "sts-002", "odd-dicom-a"])
def test_that_slices_told_by_the_one_before_are_those_of_their_own_headers(
    shared: Path, folder: str
) -> None:
    from organtwin.importing.dicom_series import _Slices, claims, slices_of
    from organtwin.importing.scanning import headers_of, listed

    files, _ = headers_of(listed(shared / folder)[0], WATCH)
    told, compared = _Slices(), 0
    for file in filter(claims, files):
        try:
            alone = slices_of(file)
        except BadInput:
            continue
        assert told(file) == alone
        compared += 1
    assert compared > 50
