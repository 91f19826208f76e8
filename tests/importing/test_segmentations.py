"""DICOM SEG by highdicom: fractions, label maps, compression, and what does not fit together."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pydicom
import pytest
from highdicom.seg import SegmentationFractionalTypeValues as Fraction
from highdicom.seg import SegmentationTypeValues as Kind
from numpy.typing import NDArray
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

from organtwin.core.errors import BadInput, UnreadableFile
from organtwin.core.volume import Volume
from organtwin.core.watch import Watch
from organtwin.importing import LabelSource, read_masks, read_volume, scan

WATCH = Watch()
SHAPE = (5, 4, 5)
Segment = Callable[..., LabelSource]


@pytest.fixture
def volume(write: Callable[..., list[Path]], tmp_path: Path) -> Volume:
    write([0.0, 3.0, 6.0, 9.0, 12.0], StudyDate="20240131", StudyTime="1200", PatientBirthDate="",
          PatientSex="", AccessionNumber="", StudyID="", ReferringPhysicianName="",
          Manufacturer="none", SeriesNumber=1, InstanceNumber=1)  # fmt: skip
    return read_volume(scan(tmp_path / "dicom", WATCH).series[0], WATCH)


@pytest.fixture
def segment(volume: Volume, tmp_path: Path) -> Segment:
    """Return what writes (ni, nj, nk) or (ni, nj, nk, segments) as SEG and scans it."""

    def written(values: NDArray[Any], kind: Kind, *, segments: int = 1, **said: Any) -> LabelSource:
        sources = [pydicom.dcmread(p) for p in sorted((tmp_path / "dicom").iterdir())]
        described = [
            hd.seg.SegmentDescription(
                n, f"part {n}", codes.SCT.Organ, codes.SCT.Organ,
                hd.seg.SegmentAlgorithmTypeValues.MANUAL,
            )
            for n in range(1, segments + 1)
        ]  # fmt: skip
        frames = np.moveaxis(values, [0, 1, 2], [2, 1, 0])
        seg = hd.seg.Segmentation(
            sources, frames, kind, described, hd.UID(), 2, hd.UID(), 1, "none", "none", "1", "1",
            **said,
        )  # fmt: skip
        seg.save_as(tmp_path / "seg.dcm")
        with warnings.catch_warnings():  # highdicom leaves its own database open
            warnings.simplefilter("ignore", ResourceWarning)
            del seg
            gc.collect()
        (source,) = scan(tmp_path / "seg.dcm", WATCH).labels
        return source

    return written


def fractions() -> NDArray[np.float64]:
    """Return values of which 6 are below one half, 2 are one half and 2 above, of 100."""
    values = np.zeros(SHAPE)
    values.ravel()[:10] = [0.1, 0.2, 0.3, 0.4, 0.45, 0.49, 0.5, 0.5, 0.8, 1.0]
    return values


@pytest.mark.parametrize("kind", [Fraction.PROBABILITY, Fraction.OCCUPANCY])
@pytest.mark.parametrize("most", [100, 200, 255])
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless])
def test_that_one_half_or_more_counts(
    segment: Segment, volume: Volume, kind: Fraction, most: int, syntax: str
) -> None:
    source = segment(
        fractions(), Kind.FRACTIONAL, fractional_type=kind, max_fractional_value=most,
        transfer_syntax_uid=syntax,
    )  # fmt: skip
    (mask,) = read_masks(source, volume, WATCH)
    expected = np.rint(fractions() * most) >= most / 2
    assert np.array_equal(mask.voxels, expected)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless])
@pytest.mark.parametrize("segments", [3, 300])
def test_that_a_label_map_is_read_in_8_and_16_bits(
    segment: Segment, volume: Volume, segments: int, syntax: str
) -> None:
    values = np.zeros(SHAPE, dtype=np.uint16)
    values[0, :, :], values[1:, 2, 3] = 1, segments
    source = segment(values, Kind.LABELMAP, segments=segments, transfer_syntax_uid=syntax)
    masks = read_masks(source, volume, WATCH)
    assert [m.name for m in masks] == [f"part {n}" for n in range(1, segments + 1)]
    assert np.array_equal(masks[0].voxels, values == 1)
    assert np.array_equal(masks[segments - 1].voxels, values == segments)
    assert not masks[1].voxels.any()


def test_that_a_label_map_in_colours_is_read_by_its_labels(
    segment: Segment, volume: Volume
) -> None:
    values = np.zeros(SHAPE, dtype=np.uint8)
    values[0], values[1] = 1, 2
    lut = hd.content.PaletteColorLUTTransformation.from_combined_lut(
        np.arange(768, dtype=np.uint8).reshape(256, 3)
    )
    source = segment(values, Kind.LABELMAP, segments=2, palette_color_lut_transformation=lut)
    masks = read_masks(source, volume, WATCH)
    assert [np.count_nonzero(m.voxels) for m in masks] == [20, 20]


def test_that_frames_of_odd_sizes_are_unpacked(segment: Segment, volume: Volume) -> None:
    # 20 pixels a frame: 2.5 bytes, so frames share bytes (PS3.5 8.1.1)
    values = np.random.default_rng(3).integers(0, 2, (*SHAPE, 2), dtype=np.uint8)
    masks = read_masks(segment(values, Kind.BINARY, segments=2), volume, WATCH)
    for n, mask in enumerate(masks):
        assert np.array_equal(mask.voxels, values[..., n] > 0)


def changed(source: LabelSource, change: Callable[[pydicom.Dataset], None]) -> LabelSource:
    one = pydicom.dcmread(source.path)
    change(one)
    one.save_as(source.path, enforce_file_format=True)
    return source


def _other_segment(one: pydicom.Dataset) -> None:
    shared, own = one.SharedFunctionalGroupsSequence[0], one.PerFrameFunctionalGroupsSequence[0]
    groups = own if "SegmentIdentificationSequence" in own else shared
    groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber = 9


def _frame_lost(one: pydicom.Dataset) -> None:
    del one.PerFrameFunctionalGroupsSequence[0]


def _unknown_kind(one: pydicom.Dataset) -> None:
    one.SegmentationType = "SURFACE"


def _too_many_frames(one: pydicom.Dataset) -> None:
    one.PerFrameFunctionalGroupsSequence = [*one.PerFrameFunctionalGroupsSequence] * 90
    one.NumberOfFrames = len(one.PerFrameFunctionalGroupsSequence)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_other_segment, "no segment 9 is described"),
        (_frame_lost, "frames without a place each"),
        (_unknown_kind, "unknown kind of segmentation 'SURFACE'"),
        (_too_many_frames, "impossible pixels"),
    ],
)
def test_that_what_does_not_fit_together_is_refused(
    segment: Segment, volume: Volume, change: Callable[[pydicom.Dataset], None], reason: str
) -> None:
    source = changed(segment(np.ones(SHAPE, np.uint8), Kind.BINARY), change)
    with pytest.raises(UnreadableFile, match=reason):
        read_masks(source, volume, WATCH)


def test_that_every_cut_segmentation_is_refused(
    segment: Segment, volume: Volume, tmp_path: Path
) -> None:
    path = segment(np.ones(SHAPE, np.uint8), Kind.BINARY).path
    whole = path.read_bytes()
    for length in range(400, len(whole) - 2, 211):
        path.write_bytes(whole[:length])
        found = scan(path, WATCH)
        with pytest.raises(BadInput):
            raise found.refused[0].error()
        assert not found.labels
