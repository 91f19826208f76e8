"""NIfTI as written, read back by SimpleITK and by our own reader: the same voxels in one place."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from organtwin.core.errors import BadArgument, BadInput, Stopped
from organtwin.core.labelmap import LabelMap
from organtwin.core.volume import GeometryReport, Volume
from organtwin.core.watch import Watch
from organtwin.exporting.nifti import (
    _axes,
    header,
    packed,
    write_volume,
    write_voxels,
)
from organtwin.importing import read_masks, read_volume, scan
from organtwin.organs import organ, tumour

WATCH = Watch()


def write_drawn(path: Path, drawn: LabelMap) -> None:
    names = {s.label: s.name for s in drawn.structures}
    write_voxels(path, drawn.labels, drawn.affine, names=names, watch=WATCH)


SPACING = (0.7, 0.9, 2.5)
TURNS = {
    "straight": np.eye(3),
    "to the right and front": np.diag([-1.0, -1.0, 1.0]),
    "left-handed": np.diag([1.0, 1.0, -1.0]),
    "coronal": np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]),
}


def oblique(seed: int) -> np.ndarray:
    q, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return q


def nearly(angle: float) -> np.ndarray:
    """Return axes turned a little from straight: near half a turn in RAS, where digits are lost."""
    s, c = np.sin(angle), np.cos(angle)
    return np.array([[1.0, 0, 0], [0, c, -s], [0, s, c]]) @ np.array(
        [[c, -s, 0], [s, c, 0], [0, 0, 1]]
    )


ALL = {
    **TURNS,
    **{f"oblique {seed}": oblique(seed) for seed in range(6)},
    **{f"turned by {angle:g}": nearly(angle) for angle in (1e-4, 1e-3, 1e-2, 0.1)},
}


def affine_of(turn: np.ndarray) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = turn * SPACING
    affine[:3, 3] = (-120.5, 33.25, 410.75)
    return affine


def volume_of(turn: np.ndarray, dtype: Any = np.int16) -> Volume:
    voxels = np.random.default_rng(1).integers(-1000, 1000, (6, 5, 4)).astype(dtype)
    return Volume(voxels, affine_of(turn), "HU", "CT", GeometryReport(SPACING, "LPS"))


@pytest.mark.parametrize("turn", ALL)
@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_that_another_reader_finds_the_same_volume(tmp_path: Path, turn: str, dtype: Any) -> None:
    volume = volume_of(ALL[turn], dtype)
    write_volume(tmp_path / "v.nii.gz", volume, WATCH)
    image = sitk.ReadImage(str(tmp_path / "v.nii.gz"))
    assert np.array_equal(sitk.GetArrayFromImage(image).transpose(2, 1, 0), volume.voxels)
    assert image.GetOrigin() == pytest.approx(tuple(volume.affine[:3, 3]), rel=1e-5)
    assert image.GetSpacing() == pytest.approx(SPACING, rel=1e-5)
    assert np.reshape(image.GetDirection(), (3, 3)) == pytest.approx(ALL[turn], abs=1e-5)


@pytest.mark.parametrize("turn", ALL)
def test_that_the_qform_says_the_same_as_far_as_float32_can(turn: str) -> None:
    # Near half a turn in RAS the fourth part of the quaternion is the root of what float32 leaves
    # of 1 - d²: 1e-4 at worst. The sform has all digits, and readers follow it.
    said = header(
        (6, 5, 4), np.dtype("<i2"), affine_of(ALL[turn]), said="", labels=False, offset=352
    )
    b, c, d = struct.unpack_from("<3f", said, 256)
    back = np.diag([-1, -1, 1]) @ _axes(b, c, d) * [1, 1, struct.unpack_from("<f", said, 76)[0]]
    assert np.abs(back - ALL[turn]).max() <= 1.01e-4


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_that_our_own_reader_finds_the_same_volume(tmp_path: Path, ending: str) -> None:
    volume = volume_of(oblique(3))
    write_volume(tmp_path / f"v{ending}", volume, WATCH)
    (series,) = scan(tmp_path, WATCH).series
    back = read_volume(series, WATCH)
    assert np.array_equal(back.voxels, volume.voxels)
    assert np.abs(back.affine - volume.affine).max() <= 1e-4
    assert series.geometry.findings == ()


def labels() -> LabelMap:
    values = np.zeros((6, 5, 4), np.uint8)
    values[1:5, 1:4, 1:3], values[2, 2, 1] = 1, 101
    structures = (organ("liver").structure("liver"), tumour(1, "liver"))
    return LabelMap(values, affine_of(np.eye(3)), structures)


def test_that_labels_come_back_with_their_names(tmp_path: Path) -> None:
    write_drawn(tmp_path / "l.nii.gz", labels())
    (source,) = scan(tmp_path, WATCH).labels
    masks = read_masks(source, volume_of(np.eye(3)), WATCH)
    assert {m.name: int(m.voxels.sum()) for m in masks} == {"liver": 23, "tumour-1": 1}


def test_that_another_reader_finds_the_same_labels(tmp_path: Path) -> None:
    write_drawn(tmp_path / "l.nii.gz", labels())
    image = sitk.ReadImage(str(tmp_path / "l.nii.gz"))
    assert image.GetPixelID() == sitk.sitkUInt8
    assert np.array_equal(sitk.GetArrayFromImage(image).transpose(2, 1, 0), labels().labels)


def test_that_units_and_codes_are_stated(tmp_path: Path) -> None:
    write_volume(tmp_path / "v.nii.gz", volume_of(np.eye(3)), WATCH)
    said = sitk.ReadImage(str(tmp_path / "v.nii.gz"))
    keys = ("qform_code", "sform_code", "xyzt_units", "scl_slope")
    assert [said.GetMetaData(key) for key in keys] == ["1", "1", "2", "1"]
    assert said.GetMetaData("descrip").startswith("CT in HU; OrganTwin")


def test_that_the_same_volume_makes_the_same_bytes() -> None:
    volume = volume_of(np.eye(3))
    once, again = (packed(volume.voxels, volume.affine, watch=WATCH) for _ in range(2))
    assert once == again


def test_that_a_stop_leaves_nothing_and_keeps_what_was(tmp_path: Path) -> None:
    (tmp_path / "v.nii.gz").write_text("before")
    with pytest.raises(Stopped):
        write_volume(tmp_path / "v.nii.gz", volume_of(np.eye(3)), Watch(asked_to_stop=lambda: True))
    assert [p.name for p in tmp_path.iterdir()] == ["v.nii.gz"]
    assert (tmp_path / "v.nii.gz").read_text() == "before"


@pytest.mark.parametrize("name", ["v.nrrd", "v.dcm", "v"])
def test_that_another_ending_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadArgument, match="ends in"):
        write_volume(tmp_path / name, volume_of(np.eye(3)), WATCH)


def test_that_a_folder_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be written"):
        write_volume(tmp_path / "no" / "v.nii.gz", volume_of(np.eye(3)), WATCH)


def test_that_skewed_axes_are_not_written(tmp_path: Path) -> None:
    skewed = affine_of(np.array([[1.0, 0.3, 0], [0, 1, 0], [0, 0, 1]]))
    with pytest.raises(BadArgument, match="right angles"):
        write_voxels(tmp_path / "v.nii", np.zeros((3, 3, 3), np.int16), skewed, watch=WATCH)
    assert list(tmp_path.iterdir()) == []
