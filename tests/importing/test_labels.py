"""Segmentations and contours written by another library or by hand, read on a Volume's grid."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from highdicom.seg import SegmentationTypeValues as Kind
from numpy.typing import NDArray
from pydicom.sr.codedict import codes

from organtwin.core.errors import BadArgument, EmptyLabel, MisplacedLabel, WrongGeometry
from organtwin.core.labelmap import LabelMap
from organtwin.core.volume import Volume, to_lps
from organtwin.core.watch import Watch
from organtwin.importing import read_labels, read_volume, scan
from organtwin.importing.formats import Mask
from organtwin.importing.found import LabelSource
from organtwin.importing.labelling import normalised
from organtwin.organs import organ

WATCH = Watch()
LIVER = organ("liver")
Write = Callable[..., list[Path]]
HEIGHTS = [0.0, 3.0, 6.0, 9.0, 12.0]
SHAPE = (5, 4, 5)


def box(*ranges: tuple[int, int]) -> NDArray[np.bool_]:
    """Return a (5, 4, 5) mask that is set within index ranges."""
    mask = np.zeros(SHAPE, dtype=bool)
    mask[tuple(slice(*r) for r in ranges)] = True
    return mask


WHOLE = box((0, 5), (0, 4), (0, 5))
CORE = box((1, 3), (1, 3), (1, 3))


@pytest.fixture
def volume(write: Write, tmp_path: Path) -> Volume:
    write(HEIGHTS, StudyDate="20240131", StudyTime="1200", PatientBirthDate="", PatientSex="",
          AccessionNumber="", StudyID="", ReferringPhysicianName="", Manufacturer="none",
          SeriesNumber=1, InstanceNumber=1)  # fmt: skip
    return read_volume(scan(tmp_path / "dicom", WATCH).series[0], WATCH)


def segmented(
    folder: Path, masks: dict[str, NDArray[np.bool_]], *, kind: Kind = Kind.BINARY
) -> LabelSource:
    """Write masks as a DICOM SEG by highdicom and return what a scan finds."""
    sources = [pydicom.dcmread(p) for p in sorted((folder / "dicom").iterdir())]
    frames = np.stack([np.transpose(m, (2, 1, 0)) for m in masks.values()], axis=-1)
    described = [
        hd.seg.SegmentDescription(
            n, name, codes.SCT.Organ, codes.SCT.Organ, hd.seg.SegmentAlgorithmTypeValues.MANUAL
        )
        for n, name in enumerate(masks, 1)
    ]
    seg = hd.seg.Segmentation(
        sources, frames.astype(np.uint8), kind, described, hd.UID(), 2, hd.UID(), 1,
        "none", "none", "1", "1",
    )  # fmt: skip
    seg.save_as(folder / "seg.dcm")
    with warnings.catch_warnings():  # highdicom leaves its own database open
        warnings.simplefilter("ignore", ResourceWarning)
        del seg
        gc.collect()
    (source,) = scan(folder / "seg.dcm", WATCH).labels
    return source


def read(source: LabelSource, volume: Volume, names: dict[str, str] | None = None) -> LabelMap:
    return read_labels(source, volume, LIVER, names=names, watch=WATCH)


@pytest.mark.parametrize("kind", [Kind.BINARY, Kind.FRACTIONAL, Kind.LABELMAP])
def test_that_a_segmentation_comes_back_identical(
    volume: Volume, tmp_path: Path, kind: Kind
) -> None:
    masks = {"Liver": WHOLE & ~CORE, "Tumor": CORE}
    labels = read(segmented(tmp_path, masks, kind=kind), volume, {"Liver": "liver"})
    assert np.array_equal(labels.labels, np.where(CORE, 101, 1))


def test_that_a_segmentation_fits_a_finer_grid(volume: Volume, tmp_path: Path) -> None:
    source = segmented(tmp_path, {"Liver": CORE})
    affine = volume.affine.copy()
    affine[:3, :3] = volume.affine[:3, :3] / 2
    affine[:3, 3] = to_lps(volume.affine, [-0.25, -0.25, -0.25])
    voxels = np.repeat(np.repeat(np.repeat(volume.voxels, 2, 0), 2, 1), 2, 2)
    fine = Volume(voxels, affine, "HU", "CT", volume.geometry, frame_uid=volume.frame_uid)
    expected = np.repeat(np.repeat(np.repeat(CORE, 2, 0), 2, 1), 2, 2)
    assert np.array_equal(read(source, fine).mask("liver"), expected)


def test_that_a_segmentation_of_another_frame_is_refused(volume: Volume, tmp_path: Path) -> None:
    source = segmented(tmp_path, {"Liver": CORE})
    other = Volume(volume.voxels, volume.affine, "HU", "CT", volume.geometry, frame_uid="9.9")
    with pytest.raises(WrongGeometry, match="another frame of reference"):
        read(source, other)


def test_that_tumours_are_numbered_by_size(volume: Volume, tmp_path: Path) -> None:
    small = box((4, 5), (0, 1), (0, 1))
    labels = read(segmented(tmp_path, {"lesion a": small, "lesion b": CORE}), volume)
    assert [(s.name, labels.volume_ml(s.name)) for s in labels.structures] == [
        ("tumour-2", pytest.approx(0.006)),
        ("tumour-1", pytest.approx(0.048)),
    ]


def test_that_a_numbered_tumour_keeps_its_number(volume: Volume, tmp_path: Path) -> None:
    small = box((4, 5), (0, 1), (0, 1))
    labels = read(segmented(tmp_path, {"tumour-1": small, "Tumor 2": CORE}), volume)
    assert [s.label for s in labels.structures] == [101, 102]


def test_that_what_is_not_of_the_organ_becomes_other(volume: Volume, tmp_path: Path) -> None:
    labels = read(segmented(tmp_path, {"Spleen": CORE}), volume)
    assert [(s.name, s.label, s.kind) for s in labels.structures] == [("spleen", 11, "other")]


def test_that_nested_others_lie_within_each_other(volume: Volume, tmp_path: Path) -> None:
    labels = read(segmented(tmp_path, {"inner": CORE, "outer": WHOLE}), volume)
    assert labels.structure("inner").within == "outer"
    assert np.array_equal(labels.mask("outer"), WHOLE)


def test_that_a_tumour_outside_the_liver_is_refused(volume: Volume, tmp_path: Path) -> None:
    masks = {"Liver": box((3, 5), (0, 4), (0, 5)), "tumour-1": box((0, 2), (0, 4), (0, 5))}
    with pytest.raises(MisplacedLabel, match="tumour-1 lies outside liver"):
        read(segmented(tmp_path, masks), volume)


def test_that_a_name_that_is_not_there_is_refused(volume: Volume, tmp_path: Path) -> None:
    with pytest.raises(BadArgument, match="no segment 'Leber'"):
        read(segmented(tmp_path, {"Liver": CORE}), volume, {"Leber": "liver"})


def test_that_two_segments_cannot_be_one_structure(volume: Volume, tmp_path: Path) -> None:
    source = segmented(tmp_path, {"a": CORE, "b": CORE})
    with pytest.raises(BadArgument, match="two segments are both 'liver'"):
        read(source, volume, {"a": "liver", "b": "liver"})


def contoured(folder: Path, contours: dict[str, list[NDArray[np.float64]]]) -> LabelSource:
    """Write contours (n, 3) LPS mm as an RTSTRUCT by hand and return what a scan finds."""
    one = pydicom.dcmread(next((folder / "dicom").iterdir()))
    said = pydicom.Dataset()
    said.SOPClassUID = one.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.481.3"
    said.SOPInstanceUID = one.SOPInstanceUID
    said.Modality, said.PatientName = "RTSTRUCT", "Invented^Ann"
    said.StructureSetROISequence, said.ROIContourSequence = [], []
    for number, (name, polygons) in enumerate(contours.items(), 1):
        region, drawn = pydicom.Dataset(), pydicom.Dataset()
        region.ROINumber, region.ROIName = number, name
        region.ReferencedFrameOfReferenceUID = "1.2.9"
        drawn.ReferencedROINumber, drawn.ContourSequence = number, []
        for polygon in polygons:
            contour = pydicom.Dataset()
            contour.ContourGeometricType = "CLOSED_PLANAR"
            contour.NumberOfContourPoints = len(polygon)
            contour.ContourData = [f"{x:.5f}" for x in polygon.ravel()]
            drawn.ContourSequence.append(contour)
        said.StructureSetROISequence.append(region)
        said.ROIContourSequence.append(drawn)
    said.file_meta, said.preamble = one.file_meta, b"\0" * 128
    pydicom.dcmwrite(folder / "rt.dcm", said, implicit_vr=False, little_endian=True)
    (source,) = scan(folder / "rt.dcm", WATCH).labels
    return source


def outline(volume: Volume, low: float, high: float, k: float) -> NDArray[np.float64]:
    """Return a square of indices low..high in plane k, as LPS mm."""
    square = [[low, low, k], [high, low, k], [high, high, k], [low, high, k]]
    return to_lps(volume.affine, np.array(square))


def test_that_contours_fill_the_pixels_they_enclose(volume: Volume, tmp_path: Path) -> None:
    source = contoured(tmp_path, {"Liver": [outline(volume, 0.5, 2.5, k) for k in (1, 2)]})
    assert np.array_equal(read(source, volume).mask("liver"), CORE)


def test_that_contours_with_a_hole_leave_it_empty(volume: Volume, tmp_path: Path) -> None:
    rings = [outline(volume, a, b, k) for k in range(5) for a, b in ((-0.5, 3.5), (0.5, 2.5))]
    mask = read(contoured(tmp_path, {"Liver": rings}), volume).mask("liver")
    assert mask.sum() == 5 * (16 - 4)
    assert not mask[1:3, 1:3].any()


def test_that_contours_across_the_slices_are_refused(volume: Volume, tmp_path: Path) -> None:
    upright = to_lps(volume.affine, np.array([[1, 0, 0], [1, 3, 0], [1, 3, 4], [1, 0, 4]]))
    with pytest.raises(WrongGeometry, match="do not lie in the planes"):
        read(contoured(tmp_path, {"Liver": [upright]}), volume)


def test_that_a_liver_drawn_elsewhere_is_empty(volume: Volume, tmp_path: Path) -> None:
    source = contoured(tmp_path, {"Liver": [outline(volume, 0.5, 2.5, k) for k in (50, 51)]})
    with pytest.raises(EmptyLabel, match="liver has no voxels on these images"):
        read(source, volume)


@pytest.mark.parametrize(
    ("written", "read_as"), [("Portal_Vein ", "portal-vein"), ("Tumor 1", "tumour-1")]
)
def test_that_names_are_compared_in_one_style(written: str, read_as: str) -> None:
    assert normalised(written) == read_as


def test_that_a_mask_states_its_volume_in_the_file(volume: Volume, tmp_path: Path) -> None:
    from organtwin.importing import read_masks

    mask: Mask
    (mask,) = read_masks(segmented(tmp_path, {"Liver": CORE}), volume, WATCH)
    assert mask.source_ml == pytest.approx(8 * 1.0 * 2.0 * 3.0 / 1000)
