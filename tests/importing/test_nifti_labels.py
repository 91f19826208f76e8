"""Labels from NIfTI: names, exact counts of the real sets, other grids of the same patient."""

from __future__ import annotations

import gzip
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from numpy.typing import NDArray

from organtwin.core.errors import BadInput, UnreadableFile
from organtwin.core.volume import GeometryReport, Volume, to_lps
from organtwin.core.watch import Watch
from organtwin.importing import label_source, read_labels, read_masks, read_volume, scan
from organtwin.importing.formats import Mask
from organtwin.importing.grids import LabelGrid, Segment, values_in
from organtwin.importing.opening import opened
from organtwin.importing.placing import Frame, paste
from organtwin.organs import organ

WATCH = Watch()
OBLIQUE = np.array([[0.8, -0.6, 0.0], [0.48, 0.64, 0.6], [-0.36, -0.48, 0.8]])


def volume_of(path: Path) -> Volume:
    from organtwin.importing.nifti import IMAGES

    ((series,), _) = IMAGES.series([opened(path, {})])
    return IMAGES.read(series, WATCH)


def facts(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "expected.json").read_text())
    return found


def test_that_a_label_table_makes_a_file_labels_with_names(shared: Path) -> None:
    folder = shared / "totalseg-abdomen-3mm"
    (source,) = scan(folder / "labels_total_v2_fast.nii.gz", WATCH).labels
    expected = facts(folder)["labels"]["labels_total_v2_fast.nii.gz"]
    assert source.names == tuple(known["name"] for known in expected.values())


def test_that_every_label_has_its_voxels_and_place(shared: Path) -> None:
    folder = shared / "totalseg-abdomen-3mm"
    volume = volume_of(folder / "example_ct.nii.gz")
    source = label_source(folder / "labels_total_v2_fast.nii.gz")
    expected = facts(folder)["labels"]["labels_total_v2_fast.nii.gz"]
    masks = read_masks(source, volume, WATCH)
    for mask, known in zip(masks, expected.values(), strict=True):
        assert (mask.name, np.count_nonzero(mask.voxels)) == (known["name"], known["voxels"])
        assert mask.source_ml == pytest.approx(known["volume_mL"], abs=1e-3)
        centroid = to_lps(volume.affine, np.argwhere(mask.voxels)).mean(axis=0)
        assert np.abs(centroid - known["centroid_lps"]).max() <= 0.01


@pytest.mark.parametrize("name", ["liver", "spleen", "portal_vein_and_splenic_vein"])
def test_that_a_single_mask_has_its_files_name(shared: Path, name: str) -> None:
    folder = shared / "totalseg-abdomen-3mm"
    source = label_source(folder / "organs_v1" / f"{name}.nii.gz")
    (mask,) = read_masks(source, volume_of(folder / "example_ct.nii.gz"), WATCH)
    assert mask.name == name
    assert np.count_nonzero(mask.voxels) == facts(folder)["organs_v1"][name]["voxels"]


@pytest.mark.parametrize(
    ("patient", "visit"), [(p, v) for p in ("01", "06", "09") for v in ("Pre", "Post")]
)
def test_that_a_mask_nobody_calls_labels_is_read_when_asked(
    shared: Path, patient: str, visit: str
) -> None:
    folder = shared / "btp-longitudinal-a"
    known = facts(folder)["patients"][patient][visit]
    volume = volume_of(folder / patient / f"{visit}_Scan_T1.nii.gz")
    (mask,) = read_masks(label_source(folder / patient / f"{visit}_Mask.nii.gz"), volume, WATCH)
    where = np.argwhere(mask.voxels)
    assert len(where) == known["mask_voxels"]
    assert np.abs(where.mean(axis=0) - known["mask_centroid_ijk"]).max() <= 0.005
    assert volume.voxels[mask.voxels].mean() == pytest.approx(known["mean_in_mask"], abs=0.01)


def test_that_labels_become_structures_of_an_organ(shared: Path) -> None:
    folder = shared / "totalseg-abdomen-3mm"
    source = label_source(folder / "organs_v1/liver.nii.gz")
    volume = volume_of(folder / "example_ct.nii.gz")
    labels = read_labels(source, volume, organ("liver"), names=None, watch=WATCH)
    assert np.count_nonzero(labels.mask("liver")) == facts(folder)["organs_v1"]["liver"]["voxels"]


def written(
    path: Path, values: NDArray[Any], *, spacing: float = 2.0, intent: int | None = None
) -> Path:
    """Write (ni, nj, nk) as NIfTI by SimpleITK, oblique."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(values.T))
    image.SetSpacing([spacing] * 3)
    image.SetOrigin([10.0, -20.0, 30.0])
    image.SetDirection(OBLIQUE.ravel().tolist())
    sitk.WriteImage(image, str(path))
    if intent is not None:
        raw = bytearray(path.read_bytes())
        struct.pack_into("<h", raw, 68, intent)
        path.write_bytes(raw)
    return path


def two_labels() -> NDArray[np.uint8]:
    values = np.zeros((7, 6, 5), dtype=np.uint8)
    values[1:4, 2:5, 1:3], values[5, 5, 4] = 5, 7
    return values


def grid(affine: NDArray[np.float64], size: tuple[int, int, int]) -> Volume:
    report = GeometryReport((1.0, 1.0, 1.0), "LPS")
    return Volume(np.zeros(size, np.int16, order="F"), affine, "1", "", report)


def own_grid(path: Path) -> Volume:
    return volume_of(path)


def test_that_the_intent_makes_a_file_labels(tmp_path: Path) -> None:
    path = written(tmp_path / "a.nii", two_labels(), intent=1002)
    assert [(s.kind, s.names) for s in scan(path, WATCH).labels] == [
        ("NIFTI", ("label-5", "label-7"))
    ]


def test_that_without_the_intent_it_is_an_image(tmp_path: Path) -> None:
    found = scan(written(tmp_path / "a.nii", two_labels()), WATCH)
    assert (len(found.series), len(found.labels)) == (1, 0)


def test_that_labels_on_their_own_grid_come_back_identical(tmp_path: Path) -> None:
    path = written(tmp_path / "a.nii.gz", two_labels())
    masks = read_masks(label_source(path), own_grid(path), WATCH)
    assert [np.array_equal(m.voxels, two_labels() == v) for m, v in zip(masks, (5, 7), strict=True)]
    assert masks[0].source_ml == pytest.approx(18 * 0.008)


def test_that_labels_on_another_grid_are_placed_as_segmentations_are(tmp_path: Path) -> None:
    path = written(tmp_path / "a.nii", two_labels())
    own = own_grid(path)
    other = own.affine.copy()
    other[:3, :3] = np.diag([1.1, 0.9, 1.3])
    other[:3, 3] = to_lps(own.affine, np.array([3, 3, 2])) - [6.0, 5.0, 7.0]
    volume = grid(other, (12, 12, 11))
    expected = np.zeros(volume.voxels.shape, dtype=bool)
    for k in range(5):
        frame = Frame(k, own.affine[:3, :3], to_lps(own.affine, np.array([0, 0, k])))
        paste((two_labels() == 5)[:, :, k].T, frame, volume, expected)
    mask = next(m for m in read_masks(label_source(path), volume, WATCH) if m.name == "label-5")
    assert np.array_equal(mask.voxels, expected)
    assert expected.any()


def test_that_what_lies_outside_is_counted(tmp_path: Path) -> None:
    path = written(tmp_path / "a.nii", two_labels())
    volume = grid(own_grid(path).affine, (3, 6, 5))
    masks: dict[str, Mask] = {m.name: m for m in read_masks(label_source(path), volume, WATCH)}
    assert np.count_nonzero(masks["label-5"].voxels) == 12
    assert masks["label-5"].source_ml == pytest.approx(18 * 0.008)
    assert not masks["label-7"].voxels.any()


@pytest.mark.parametrize("kind", ["i1", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
def test_that_every_type_of_number_is_read(tmp_path: Path, kind: str) -> None:
    path = written(tmp_path / "a.nii.gz", two_labels().astype(kind))
    assert label_source(path).names == ("label-5", "label-7")


@pytest.mark.parametrize("wrong", [0.5, -1.0, 70000.0, np.nan, np.inf])
def test_that_an_image_is_not_read_as_labels(tmp_path: Path, wrong: float) -> None:
    values = two_labels().astype(np.float32)
    values[0, 0, 0] = wrong
    with pytest.raises(BadInput, match="its values are not labels"):
        label_source(written(tmp_path / "a.nii", values))


def test_that_an_empty_mask_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="0 different labels"):
        label_source(written(tmp_path / "a.nii", 0 * two_labels()))


def test_that_a_mask_of_something_else_is_refused(shared: Path) -> None:
    with pytest.raises(BadInput):
        label_source(shared / "README.md")


@pytest.mark.parametrize("unit", [(1, 1000.0), (2, 1.0), (3, 0.001)])
def test_that_lengths_are_in_mm_whatever_the_unit(tmp_path: Path, unit: tuple[int, float]) -> None:
    path = written(tmp_path / "a.nii", two_labels())
    raw = bytearray(path.read_bytes())
    raw[123] = unit[0]
    path.write_bytes(raw)
    assert own_grid(path).spacing_mm == pytest.approx([2 * unit[1]] * 3)


def test_that_an_unstated_unit_is_said(tmp_path: Path) -> None:
    path = written(tmp_path / "a.nii", two_labels())
    raw = bytearray(path.read_bytes())
    raw[123] = 0
    path.write_bytes(raw)
    assert own_grid(path).geometry.findings == ("the unit of length is not stated; taken as mm",)


def test_that_a_file_of_several_gzip_streams_is_read(tmp_path: Path) -> None:
    raw = written(tmp_path / "a.nii", two_labels()).read_bytes()
    (tmp_path / "b.nii.gz").write_bytes(gzip.compress(raw[:400]) + gzip.compress(raw[400:]))
    assert label_source(tmp_path / "b.nii.gz").names == ("label-5", "label-7")


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_that_every_cut_file_is_refused(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name, np.random.default_rng(1).integers(0, 9, (7, 6, 5), np.uint8))
    whole = path.read_bytes()
    for length in range(0, len(whole), 23):
        path.write_bytes(whole[:length])
        with pytest.raises(BadInput):
            label_source(path)


def test_that_damaged_compression_is_found(tmp_path: Path) -> None:
    path = written(tmp_path / "a.nii.gz", np.random.default_rng(1).integers(0, 9, (7, 6, 5)))
    whole = path.read_bytes()
    for at in range(10, len(whole), 3):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x21]) + whole[at + 1 :])
        with pytest.raises(BadInput):
            label_source(path)


def test_that_a_declared_size_beyond_the_file_is_refused_unread(tmp_path: Path) -> None:
    path = written(tmp_path / "a.nii", two_labels())
    raw = bytearray(path.read_bytes())
    struct.pack_into("<3h", raw, 42, 1000, 1000, 1000)
    path.write_bytes(gzip.compress(raw))
    with pytest.raises(UnreadableFile, match="shorter than it says"):
        label_source(path)


def test_that_a_hostile_label_table_ends_at_once(tmp_path: Path) -> None:
    path = written(tmp_path / "a.nii", two_labels())
    raw = bytearray(path.read_bytes())
    table = b'<Label Key="5"><![CDATA[' * 40_000
    struct.pack_into("<f", raw, 108, 352.0 + len(table))
    path.write_bytes(raw[:348] + b"\1\0\0\0" + table + raw[352:])
    assert label_source(path).names == ("label-5", "label-7")


def test_that_read_volume_and_scan_agree(tmp_path: Path) -> None:
    path = written(tmp_path / "a.nii.gz", two_labels())
    (series,) = scan(path, WATCH).usable()
    assert np.array_equal(read_volume(series, WATCH).voxels, two_labels())


@pytest.mark.parametrize(("at", "magic"), [(4, b"n+2\0"), (344, b"ni1\0")])
def test_that_other_kinds_of_nifti_are_refused_by_name(
    tmp_path: Path, at: int, magic: bytes
) -> None:
    path = written(tmp_path / "a.nii", two_labels())
    raw = bytearray(path.read_bytes())
    raw[344:348] = bytes(4)
    raw[at : at + 4] = magic
    path.write_bytes(raw)
    (refused,) = scan(path, WATCH).refused
    assert "NIfTI-2 file or the header of a pair" in refused.reason


def test_that_labels_of_many_voxels_are_counted_to_the_last() -> None:
    # 1.3 million voxels are counted in two parts; the second label lies in the second one only
    layer = np.zeros((128, 128, 80), np.uint16, order="F")
    layer[:3, 0, 0], layer[0, :5, 79] = 1, 700
    assert values_in(layer, "here") == (1, 700)
    report = GeometryReport((1.0, 1.0, 1.0), "LPS")
    volume = Volume(np.zeros(layer.shape, np.int16, order="F"), np.eye(4), "HU", "CT", report)
    grid = LabelGrid((layer,), np.eye(4), (Segment("a", 1), Segment("b", 700)))
    masks = grid.masks(volume, WATCH)
    assert [np.array_equal(m.voxels, layer == n) for m, n in zip(masks, (1, 700), strict=True)] == [
        True,
        True,
    ]
    assert [m.source_ml for m in masks] == pytest.approx([0.003, 0.005])


def test_that_a_file_of_two_hundred_structures_is_read(tmp_path: Path) -> None:
    values = np.zeros((20, 20, 6), np.uint8)
    values[::2, ::2, ::2] = np.arange(1, 301).reshape(10, 10, 3).clip(max=200)
    path = tmp_path / "many.nii.gz"
    sitk.WriteImage(sitk.GetImageFromArray(values.T), path)
    volume = Volume(
        np.zeros(values.shape, np.int16),
        volume_of(path).affine,
        "HU",
        "CT",
        GeometryReport((1.0, 1.0, 1.0), "LPS"),
    )
    names = {"label-7": "tumour-155"}
    labels = read_labels(label_source(path), volume, organ("liver"), names=names, watch=WATCH)
    assert len(labels.structures) == 200
    assert labels.structure("tumour-155").label == 255
    assert labels.volume_ml("label-200") == pytest.approx(0.101)
