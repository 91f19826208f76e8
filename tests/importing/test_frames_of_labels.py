"""How thick a frame of a segmentation is, and where: stated, by the images, or by all frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pydicom
import pytest

from organtwin.core.errors import WrongGeometry
from organtwin.core.volume import GeometryReport, Volume
from organtwin.core.watch import Watch
from organtwin.importing import read_masks, scan
from organtwin.importing.formats import Mask

WATCH = Watch()
ONES = np.ones((4, 4), dtype=np.uint8)
Segment = Callable[..., tuple[Mask, ...]]


def grid() -> Volume:
    """8 × 8 × 12 voxels of 1 × 1 × 3 mm: a frame of ones in one slice is 0.048 mL."""
    report = GeometryReport((1.0, 1.0, 3.0), "LPS")
    return Volume(
        np.zeros((8, 8, 12), np.int16, order="F"), np.diag([1.0, 1.0, 3.0, 1.0]), "HU", "CT",
        report, frame_uid="1.9",
    )  # fmt: skip


def item(**said: object) -> pydicom.Dataset:
    made = pydicom.Dataset()
    for keyword, value in said.items():
        setattr(made, keyword, value)
    return made


@pytest.fixture
def segment(tmp_path: Path) -> Segment:
    """Return what writes frames (segment, z mm) of 4 × 4 ones, and reads them on the grid."""

    def read(
        frames: Sequence[tuple[int, float]],
        *,
        pixel_mm: Sequence[float] | None = None,
        **measures: float,
    ) -> tuple[Mask, ...]:
        made = item(
            SOPClassUID="1.2.840.10008.5.1.4.1.1.66.4", SOPInstanceUID="1.2.3", Modality="SEG",
            FrameOfReferenceUID="1.9", SegmentationType="BINARY", Rows=4, Columns=4,
            SamplesPerPixel=1, PhotometricInterpretation="MONOCHROME2", PixelRepresentation=0,
            BitsAllocated=1, BitsStored=1, HighBit=0, NumberOfFrames=len(frames),
        )  # fmt: skip
        made.SegmentSequence = [
            item(SegmentNumber=n, SegmentLabel=f"part {n}") for n in sorted({f[0] for f in frames})
        ]
        flat = item(PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])])
        made.SharedFunctionalGroupsSequence = [flat]
        made.PerFrameFunctionalGroupsSequence = [
            item(
                PlanePositionSequence=[item(ImagePositionPatient=[0, 0, z])],
                PixelMeasuresSequence=[item(PixelSpacing=[mm, mm], **measures)],
                SegmentIdentificationSequence=[item(ReferencedSegmentNumber=number)],
            )
            for (number, z), mm in zip(frames, pixel_mm or [1] * len(frames), strict=True)
        ]
        packed = np.packbits(np.stack([ONES] * len(frames)), bitorder="little").tobytes()
        made.PixelData = packed + b"\0" * (len(packed) % 2)
        made.file_meta = pydicom.dataset.FileMetaDataset()
        made.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        path = tmp_path / "seg.dcm"
        pydicom.dcmwrite(path, made, enforce_file_format=True)
        (source,) = scan(path, WATCH).labels
        return read_masks(source, grid(), WATCH)

    return read


def slices(mask: Mask) -> list[int]:
    return [int(k) for k in np.flatnonzero(mask.voxels.any(axis=(0, 1)))]


@pytest.mark.parametrize(
    "stated",
    [
        {"SpacingBetweenSlices": 3.0},
        {"SliceThickness": 3.0},
        {"SliceThickness": 5.0},
        {},
    ],
)
def test_that_frames_far_apart_fill_their_own_slices(
    segment: Segment, stated: dict[str, float]
) -> None:
    (mask,) = segment([(1, 6.0), (1, 24.0)], **stated)
    assert slices(mask) == [2, 8]
    assert mask.source_ml == pytest.approx(2 * 0.048)


def test_that_segments_of_one_slice_each_stay_in_it(segment: Segment) -> None:
    masks = segment([(1, 6.0), (2, 24.0)], SpacingBetweenSlices=3.0)
    assert [slices(mask) for mask in masks] == [[2], [8]]


def test_that_a_stated_spacing_is_filled(segment: Segment) -> None:
    (mask,) = segment([(1, 4.5), (1, 10.5)], SpacingBetweenSlices=6.0)
    assert slices(mask) == [1, 2, 3, 4]


def test_that_frames_one_thickness_apart_fill_it(segment: Segment) -> None:
    (mask,) = segment([(1, 4.5), (1, 10.5), (1, 16.5)], SliceThickness=6.0)
    assert slices(mask) == [1, 2, 3, 4, 5, 6]


def test_that_heights_written_a_little_apart_are_one_plane(segment: Segment) -> None:
    masks = segment([(1, 6.0), (1, 9.0), (2, 6.004), (2, 9.004)], SliceThickness=3.0)
    assert [slices(mask) for mask in masks] == [[2, 3], [2, 3]]
    assert [mask.source_ml for mask in masks] == pytest.approx([0.096, 0.096])


def test_that_every_frame_has_its_own_size_of_pixels(segment: Segment) -> None:
    (mask,) = segment([(1, 6.0), (1, 9.0)], pixel_mm=[1.0, 2.0], SpacingBetweenSlices=3.0)
    assert np.count_nonzero(mask.voxels, axis=(0, 1)).tolist()[2:4] == [16, 49]
    assert mask.source_ml == pytest.approx(0.048 * 5)


def test_that_uneven_frames_that_state_nothing_are_refused(segment: Segment) -> None:
    with pytest.raises(WrongGeometry, match="unevenly spaced and state no thickness"):
        segment([(1, 4.5), (1, 8.5), (1, 9.9)])
