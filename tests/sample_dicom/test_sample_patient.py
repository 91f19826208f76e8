from __future__ import annotations

import datetime
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from scipy import ndimage

from sample_dicom import anatomy
from sample_dicom.grid import Grid
from sample_dicom.truth import mask_hash

DAYS = (0, 45, 90, 135)
NAMES = ("liver", "portal vein", "hepatic vein", "tumour-1", "tumour-2", "spleen", "kidneys")


def folder(sample: Path, day: int) -> Path:
    return sample / "images" / f"day{day:03d}"


def seg_path(sample: Path, day: int) -> Path:
    return sample / "truth" / f"day{day:03d}_seg.dcm"


@pytest.fixture(scope="module", params=DAYS)
def visit(request: pytest.FixtureRequest, sample: Path, truth: dict[str, Any]) -> dict[str, Any]:
    """One visit's truth with its masks read back from DICOM SEG, bool (ni, nj, nk)."""
    record: dict[str, Any] = truth["visits"][DAYS.index(request.param)]
    return {**record, "masks": read_masks(seg_path(sample, request.param), record["grid"])}


def read_masks(path: Path, grid: dict[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    seg = pydicom.dcmread(path)
    ni, nj, nk = grid["shape"]
    found = {name: np.zeros((ni, nj, nk), bool) for name in NAMES}
    frames = seg.pixel_array
    for frame, groups in zip(frames, seg.PerFrameFunctionalGroupsSequence, strict=True):
        number = groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        height = groups.PlanePositionSequence[0].ImagePositionPatient[2]
        k = round((height - grid["origin_mm"][2]) / grid["spacing_mm"][2])
        found[seg.SegmentSequence[number - 1].SegmentLabel][:, :, k] = frame.T
    return found


def test_that_the_sample_weighs_at_most_30_mb(sample: Path) -> None:
    files = [*(sample / "images").rglob("*"), *(sample / "truth").rglob("*")]
    assert sum(f.stat().st_size for f in files if f.is_file()) <= 30e6


@pytest.mark.parametrize("day", DAYS)
def test_that_slices_are_96_and_evenly_2_5_mm_apart(sample: Path, day: int) -> None:
    paths = sorted(folder(sample, day).glob("*.dcm"))
    heights = [
        pydicom.dcmread(p, specific_tags=["ImagePositionPatient"]).ImagePositionPatient[2]
        for p in paths
    ]
    assert len(paths) == 96
    assert np.diff(heights) == pytest.approx(-2.5)


def test_that_studies_are_45_days_apart(sample: Path) -> None:
    dates = [
        datetime.datetime.strptime(
            pydicom.dcmread(folder(sample, d) / "IM0001.dcm").StudyDate, "%Y%m%d"
        )
        for d in DAYS
    ]
    assert [(date - dates[0]).days for date in dates] == list(DAYS)


def test_that_each_visit_has_its_own_frame_of_reference(sample: Path) -> None:
    frames = {pydicom.dcmread(folder(sample, d) / "IM0001.dcm").FrameOfReferenceUID for d in DAYS}
    assert len(frames) == 4


def test_that_pixels_decode_to_liver_hu_inside_the_liver(
    sample: Path, visit: dict[str, Any]
) -> None:
    k = 50
    ds = pydicom.dcmread(folder(sample, visit["day"]) / f"IM{96 - k:04d}.dcm")
    hu = ds.pixel_array.T + float(ds.RescaleIntercept)
    masks = visit["masks"]
    sick = masks["tumour-1"] | masks["tumour-2"] | masks["portal vein"] | masks["hepatic vein"]
    plain = masks["liver"][:, :, k] & ~sick[:, :, k]
    # Painted at 106 HU; the invisible rim of the tumours and small edges pull it down a little.
    assert np.median(hu[plain]) == pytest.approx(105.0, abs=3.0)


def test_that_seg_masks_hash_as_truth_says(visit: dict[str, Any]) -> None:
    assert {n: mask_hash(m) for n, m in visit["masks"].items()} == visit["mask_sha256"]


def test_that_seg_volumes_are_those_of_truth(visit: dict[str, Any]) -> None:
    voxel_ml = np.prod(visit["grid"]["spacing_mm"]) / 1000.0
    counted = {n: float(m.sum() * voxel_ml) for n, m in visit["masks"].items()}
    assert counted == pytest.approx(visit["volumes_ml"], abs=1e-3)


def test_that_the_liver_is_one_piece_holding_both_tumours(visit: dict[str, Any]) -> None:
    masks = visit["masks"]
    assert ndimage.label(masks["liver"])[1] == 1
    assert not ((masks["tumour-1"] | masks["tumour-2"]) & ~masks["liver"]).any()


def test_that_the_scripts_still_make_the_stored_liver(sample: Path, truth: dict[str, Any]) -> None:
    record = truth["visits"][0]
    stored = read_masks(seg_path(sample, 0), record["grid"])["liver"][::6, ::6, ::4]
    grid = Grid(record["grid"]["origin_mm"], (8.4, 8.4, 10.0), stored.shape)
    made = anatomy.liver(grid.open_axes()) < 0.0
    assert np.mean(made != stored) < 1e-3


def test_that_tumours_stay_8_mm_below_the_capsule_and_40_mm_apart(visit: dict[str, Any]) -> None:
    spacing = visit["grid"]["spacing_mm"]
    box = ndimage.find_objects(visit["masks"]["liver"].astype(int))[0]
    masks = {n: np.pad(m[box], 1) for n, m in visit["masks"].items()}
    depth = ndimage.distance_transform_edt(masks["liver"], sampling=spacing)
    away = ndimage.distance_transform_edt(~masks["tumour-1"], sampling=spacing)
    assert min(depth[masks[n]].min() for n in ("tumour-1", "tumour-2")) >= 8.0
    assert away[masks["tumour-2"]].min() >= 40.0


@pytest.mark.parametrize("name", ["tumour-1", "tumour-2"])
@pytest.mark.parametrize("kind", ["volumes_ml", "exact_tumour_volumes_ml"])
def test_that_tumours_only_grow(truth: dict[str, Any], name: str, kind: str) -> None:
    assert (np.diff([v[kind][name] for v in truth["visits"]]) > 0.0).all()


def test_that_voxel_masks_agree_with_the_fine_grid(visit: dict[str, Any]) -> None:
    exact = visit["exact_tumour_volumes_ml"]
    assert {n: visit["volumes_ml"][n] for n in exact} == pytest.approx(exact, rel=0.04)


def test_that_at_least_20_landmarks_lie_inside_every_image(visit: dict[str, Any]) -> None:
    grid = visit["grid"]
    index = (np.array([*visit["landmarks_mm"].values()]) - grid["origin_mm"]) / grid["spacing_mm"]
    assert len(index) >= 20
    assert ((index >= 0.0) & (index <= np.subtract(grid["shape"], 1))).all()


def test_that_tumour_centres_lie_in_their_masks(visit: dict[str, Any]) -> None:
    grid = visit["grid"]
    for name in ("tumour-1", "tumour-2"):
        offset = np.subtract(visit["landmarks_mm"][f"{name} centre"], grid["origin_mm"])
        assert visit["masks"][name][tuple(np.rint(offset / grid["spacing_mm"]).astype(int))]


def test_that_seg_refers_to_the_images_of_its_visit(sample: Path, visit: dict[str, Any]) -> None:
    seg = pydicom.dcmread(seg_path(sample, visit["day"]))
    cited = {
        i.ReferencedSOPInstanceUID
        for i in seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    }
    assert seg.ReferencedSeriesSequence[0].SeriesInstanceUID == visit["series_instance_uid"]
    assert cited <= {
        pydicom.dcmread(p, specific_tags=["SOPInstanceUID"]).SOPInstanceUID
        for p in folder(sample, visit["day"]).glob("*.dcm")
    }


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (dicom3tools) not installed")
@pytest.mark.parametrize("day", DAYS)
def test_that_dciodvfy_finds_no_error(sample: Path, day: int) -> None:
    for path in (folder(sample, day) / "IM0048.dcm", seg_path(sample, day)):
        told = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
        assert "Error" not in told.stdout + told.stderr
