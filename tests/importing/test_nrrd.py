"""NRRD written by SimpleITK or by hand: placed exactly, labels named, traps refused."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from numpy.typing import NDArray

from organtwin.core.errors import BadInput
from organtwin.core.labelmap import CodedTerm
from organtwin.core.volume import Volume, to_lps
from organtwin.core.watch import Watch
from organtwin.importing import Scan, label_source, read_masks, read_volume, scan

WATCH = Watch()
OBLIQUE = np.array([[0.8, -0.6, 0.0], [0.48, 0.64, 0.6], [-0.36, -0.48, 0.8]])
VALUES = np.arange(7 * 6 * 5).reshape(7, 6, 5)
PLAIN = """type: uint8
dimension: 3
space: left-posterior-superior
sizes: 7 6 5
space directions: (1,0,0) (0,2,0) (0,0,3)
kinds: domain domain domain
space units: "mm" "mm" "mm"
endian: little
encoding: raw
space origin: (10,20,30)"""


def by_simpleitk(path: Path, values: NDArray[Any], *, compressed: bool = False) -> sitk.Image:
    image = sitk.GetImageFromArray(np.ascontiguousarray(values.T))
    image.SetSpacing([1.5, 2.0, 2.5])
    image.SetOrigin([10.0, -20.0, 30.0])
    image.SetDirection(OBLIQUE.ravel().tolist())
    sitk.WriteImage(image, str(path), useCompression=compressed)
    return image


def by_hand(path: Path, *, content: bytes | None = None, more: str = "", **said: str) -> Path:
    """Write PLAIN with fields changed ("" leaves one out), and samples that count up."""
    named = {key.replace("_", " "): value for key, value in said.items()}
    fields = dict(line.split(": ", 1) for line in PLAIN.splitlines()) | named
    header = "\n".join(f"{key}: {value}" for key, value in fields.items() if value)
    samples = VALUES.astype("u1").tobytes("F") if content is None else content
    path.write_bytes(f"NRRD0005\n{header}{more}\n\n".encode() + samples)
    return path


def volume_in(path: Path) -> Volume:
    (series,) = scan(path, WATCH).usable()
    return read_volume(series, WATCH)


def refused(found: Scan) -> tuple[str, str]:
    (one,) = found.refused
    return one.error_class, one.reason


@pytest.mark.parametrize("name", ["a.nrrd", "a.nhdr"])
@pytest.mark.parametrize("compressed", [False, True])
def test_that_an_oblique_image_is_placed_as_it_was_written(
    tmp_path: Path, name: str, compressed: bool
) -> None:
    theirs = by_simpleitk(tmp_path / name, VALUES.astype(np.int16), compressed=compressed)
    volume = volume_in(tmp_path / name)
    assert np.array_equal(volume.voxels, VALUES)
    for index in [(0, 0, 0), (6, 5, 4)]:
        assert (
            np.abs(to_lps(volume.affine, index) - theirs.TransformIndexToPhysicalPoint(index)).max()
            < 1e-9
        )


@pytest.mark.parametrize("kind", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
def test_that_every_type_of_number_is_read(tmp_path: Path, kind: str) -> None:
    by_simpleitk(tmp_path / "a.nrrd", (VALUES % 100).astype(kind))
    assert np.array_equal(volume_in(tmp_path / "a.nrrd").voxels, VALUES % 100)


@pytest.mark.parametrize(
    ("space", "first"),
    [
        ("left-posterior-superior", [10, 20, 30]),
        ("right-anterior-superior", [-10, -20, 30]),
        ("RAS", [-10, -20, 30]),
        ("left-anterior-superior", [10, -20, 30]),
    ],
)
def test_that_the_named_space_is_honoured(tmp_path: Path, space: str, first: list[float]) -> None:
    volume = volume_in(by_hand(tmp_path / "a.nrrd", space=space))
    assert to_lps(volume.affine, np.array([0, 0, 0])) == pytest.approx(first)


def test_that_big_endian_samples_are_read(tmp_path: Path) -> None:
    content = VALUES.astype(">i2").tobytes("F")
    volume = volume_in(by_hand(tmp_path / "a.nrrd", content=content, type="short", endian="big"))
    assert np.array_equal(volume.voxels, VALUES)


def test_that_an_unstated_unit_is_said(tmp_path: Path) -> None:
    volume = volume_in(by_hand(tmp_path / "a.nrrd", space_units=""))
    assert volume.geometry.findings == ("the unit of length is not stated; taken as mm",)


@pytest.mark.parametrize("skip", [16, -1])
def test_that_bytes_before_detached_samples_are_skipped(tmp_path: Path, skip: int) -> None:
    (tmp_path / "a.raw").write_bytes(b"x" * 16 + VALUES.astype("u1").tobytes("F"))
    said = {"data_file": "a.raw", "byte_skip": str(skip)}
    path = by_hand(tmp_path / "a.nhdr", content=b"", **said)
    assert np.array_equal(volume_in(path).voxels, VALUES)


@pytest.mark.parametrize(
    ("said", "error", "reason"),
    [
        ({"space": ""}, "WrongGeometry", "not named"),
        ({"space": "scanner-xyz"}, "WrongGeometry", "scanner-xyz"),
        ({"space_directions": "", "spacings": "1 1 1"}, "WrongGeometry", "0 of them in space"),
        ({"space_directions": "(1,0,0) (0,1,0)"}, "WrongGeometry", "not one volume"),
        ({"space_directions": "(1,0,0) (1,1,0) (0,0,1)"}, "WrongGeometry", "right angles"),
        ({"space_directions": "(0,0,0) (0,1,0) (0,0,1)"}, "WrongGeometry", "no usable"),
        ({"space_directions": "(1,0,nan) (0,1,0) (0,0,1)"}, "UnreadableFile", "broken vector"),
        ({"space_origin": ""}, "WrongGeometry", "no space origin"),
        ({"space_units": '"cm" "cm" "cm"'}, "WrongGeometry", "in cm"),
        ({"encoding": "ascii"}, "UnreadableFile", "'ascii' are not read"),
        ({"encoding": "bzip2"}, "UnreadableFile", "'bzip2' are not read"),
        ({"type": "block"}, "UnreadableFile", "no type of number"),
        ({"type": "short", "endian": ""}, "UnreadableFile", "in which order"),
        ({"sizes": "7 6"}, "UnreadableFile", "impossible sizes"),
        ({"sizes": "7 -6 5"}, "UnreadableFile", "impossible sizes"),
        ({"sizes": "seven 6 5"}, "UnreadableFile", "no sizes"),
        ({"sizes": "70000 70000 70000"}, "UnreadableFile", "voxels"),
        ({"sizes": "7 6 6"}, "UnreadableFile", "shorter than it says"),
        ({"sizes": "9999 9999 9", "encoding": "gzip"}, "UnreadableFile", "shorter than it says"),
        ({"encoding": "gzip"}, "UnreadableFile", "compressed file is broken"),
        ({"line_skip": "1"}, "UnreadableFile", "not looked for"),
        ({"data_file": "../a.raw"}, "BadInput", "not one file beside it"),
        ({"data_file": "/etc/passwd"}, "BadInput", "not one file beside it"),
        ({"data_file": "LIST"}, "BadInput", "not one file beside it"),
        ({"data_file": "a%03d.raw 1 3 1"}, "BadInput", "not one file beside it"),
        ({"data_file": "gone.raw"}, "UnreadableFile", "is not there"),
        (
            {
                "dimension": "4",
                "sizes": "7 6 5 1",
                "space_directions": "(1,0,0) (0,2,0) (0,0,3) none",
            },
            "WrongGeometry",
            "values a voxel",
        ),
    ],
)
def test_that_what_cannot_be_trusted_is_refused(
    tmp_path: Path, said: dict[str, str], error: str, reason: str
) -> None:
    found = scan(by_hand(tmp_path / "a.nrrd", **said), WATCH)
    if found.refused:
        assert refused(found)[0] == error
        assert reason in refused(found)[1]
    else:
        with pytest.raises(BadInput, match=reason) as caught:
            read_volume(found.series[0], WATCH)
        assert type(caught.value).__name__ == error


def test_that_infinite_values_are_refused(tmp_path: Path) -> None:
    by_simpleitk(tmp_path / "a.nrrd", np.where(VALUES == 3, 1e39, 0.0))
    (series,) = scan(tmp_path / "a.nrrd", WATCH).usable()
    with pytest.raises(BadInput, match="infinite"):
        read_volume(series, WATCH)


def test_that_a_link_is_no_data_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(VALUES.astype("u1").tobytes("F"))
    (tmp_path / "a.raw").symlink_to(tmp_path / "secret")
    found = scan(by_hand(tmp_path / "a.nhdr", content=b"", data_file="a.raw"), WATCH)
    assert refused(found) == ("UnreadableFile", "its data file 'a.raw' is not there")


def test_that_an_endless_header_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.nrrd").write_bytes(b"NRRD0004\n" + b"# comment\n" * 500_000)
    assert refused(scan(tmp_path, WATCH)) == (
        "UnreadableFile",
        "the NRRD header does not end within reason",
    )


LAYERS = """
Segment0_Name:=Liver
Segment0_LabelValue:=1
Segment0_Layer:=0
Segment0_Tags:=TerminologyEntry:General~SCT^123037004^Anatomical~SCT^10200004^Liver~^^~X~^^~^^|
Segment1_Name:=Tumor 1
Segment1_LabelValue:=1
Segment1_Layer:=1
Segment2_ID:=Segment_3
Segment2_LabelValue:=2
Segment2_Layer:=0"""


def layered(path: Path, *, list_first: bool = True, more: str = LAYERS) -> Path:
    whole, inner = np.ones((7, 6, 5), np.uint8), np.zeros((7, 6, 5), np.uint8)
    whole[6], inner[2:4, 2:4, 2:4] = 2, 1
    layers = [whole, inner]
    vectors = "(1,0,0) (0,2,0) (0,0,3)"
    said = (
        {"sizes": "2 7 6 5", "space_directions": f"none {vectors}", "kinds": "list domain"}
        if list_first
        else {"sizes": "7 6 5 2", "space_directions": f"{vectors} none", "kinds": "domain list"}
    )
    content = np.stack(layers, axis=0 if list_first else -1).tobytes("F")
    return by_hand(
        path, content=gzip.compress(content), more=more, dimension="4", encoding="gzip", **said
    )


@pytest.mark.parametrize("list_first", [True, False])
def test_that_a_slicer_segmentation_keeps_its_overlaps(tmp_path: Path, list_first: bool) -> None:
    path = layered(tmp_path / "a.seg.nrrd", list_first=list_first)
    (source,) = scan(path, WATCH).labels
    masks = read_masks(source, volume_in(by_hand(tmp_path / "image.nrrd")), WATCH)
    assert [(m.name, np.count_nonzero(m.voxels)) for m in masks] == [
        ("Liver", 180),
        ("Tumor 1", 8),
        ("Segment_3", 30),
    ]
    assert masks[1].voxels[3, 3, 3]
    assert masks[1].source_ml == pytest.approx(8 * 0.006)


def test_that_the_terminology_becomes_a_code(tmp_path: Path) -> None:
    source = label_source(layered(tmp_path / "a.seg.nrrd"))
    masks = read_masks(source, volume_in(by_hand(tmp_path / "image.nrrd")), WATCH)
    assert masks[0].code == CodedTerm("10200004", "SCT", "Liver")
    assert masks[1].code is None


@pytest.mark.parametrize(
    "change",
    [
        ("Segment1_Layer:=1", "Segment1_Layer:=2"),
        ("Segment1_Layer:=1", "Segment1_Layer:=-1"),
        ("Segment0_LabelValue:=1", "Segment0_LabelValue:=0"),
        ("Segment0_LabelValue:=1", "Segment0_LabelValue:=x"),
        ("Segment2_LabelValue:=2", "Segment2_LabelValue:=1"),
    ],
)
def test_that_an_impossible_segment_is_refused(tmp_path: Path, change: tuple[str, str]) -> None:
    path = layered(tmp_path / "a.seg.nrrd", more=LAYERS.replace(*change))
    assert refused(scan(path, WATCH))[0] == "UnreadableFile"


def test_that_a_plain_label_map_is_read_when_asked(tmp_path: Path) -> None:
    by_simpleitk(tmp_path / "a.nrrd", (VALUES % 3).astype("u1"))
    masks = read_masks(label_source(tmp_path / "a.nrrd"), volume_in(tmp_path / "a.nrrd"), WATCH)
    assert [(m.name, np.count_nonzero(m.voxels)) for m in masks] == [
        ("label-1", 70),
        ("label-2", 70),
    ]


def test_that_every_cut_file_is_refused(tmp_path: Path) -> None:
    path = layered(tmp_path / "a.seg.nrrd")
    whole = path.read_bytes()
    for length in range(8, len(whole), 13):
        path.write_bytes(whole[:length])
        with pytest.raises(BadInput):
            label_source(path)


def test_that_a_changed_byte_gives_labels_or_a_refusal(tmp_path: Path) -> None:
    path = layered(tmp_path / "a.seg.nrrd")
    whole = path.read_bytes()
    for at in range(8, len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x15]) + whole[at + 1 :])
        try:
            names = label_source(path).names
        except BadInput:
            continue
        assert names
