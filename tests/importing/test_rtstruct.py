"""Contours as drawn: holes, keyholes, exclusive or, gaps, codes, and what is no contour."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray

from organtwin.core.errors import BadInput, EmptyLabel, UnreadableFile, WrongGeometry
from organtwin.core.labelmap import CodedTerm
from organtwin.core.volume import GeometryReport, Volume
from organtwin.core.watch import Watch
from organtwin.importing import LabelSource, open_images, read_labels, read_masks, scan
from organtwin.importing.formats import Mask
from organtwin.organs import organ

WATCH = Watch()
SIZE = (20, 16, 6)
XOR = "CLOSEDPLANAR_XOR"
Outline = tuple[str, Sequence[Sequence[float]]]
Draw = Callable[..., Mask]


def square(low: float, high: float, z: float, *, kind: str = "CLOSED_PLANAR") -> Outline:
    return kind, [[low, low, z], [high, low, z], [high, high, z], [low, high, z]]


def grid(affine: NDArray[np.float64] | None = None) -> Volume:
    report = GeometryReport((1.0, 1.0, 2.0), "LPS")
    spaced = np.diag([1.0, 1.0, 2.0, 1.0]) if affine is None else affine
    return Volume(np.zeros(SIZE, np.int16, order="F"), spaced, "HU", "CT", report, frame_uid="1.9")


def written(path: Path, outlines: Sequence[Outline], *, code: tuple[str, str, str] | None) -> Path:
    """Write one region of interest by hand; coordinates are mm, which are indices along i and j."""
    said = pydicom.Dataset()
    said.file_meta = pydicom.dataset.FileMetaDataset()
    said.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    said.SOPClassUID = said.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.481.3"
    said.SOPInstanceUID = said.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    said.Modality = "RTSTRUCT"
    region, drawn = pydicom.Dataset(), pydicom.Dataset()
    region.ROINumber, region.ROIName, region.ReferencedFrameOfReferenceUID = 7, "Organ", "1.9"
    drawn.ReferencedROINumber, drawn.ContourSequence = 7, []
    for kind, points in outlines:
        contour = pydicom.Dataset()
        contour.ContourGeometricType = kind
        contour.ContourData = [f"{x:g}" for x in np.ravel(points)]
        drawn.ContourSequence.append(contour)
    said.StructureSetROISequence, said.ROIContourSequence = [region], [drawn]
    if code:
        observed, term = pydicom.Dataset(), pydicom.Dataset()
        term.CodeValue, term.CodingSchemeDesignator, term.CodeMeaning = code
        observed.ReferencedROINumber, observed.RTROIIdentificationCodeSequence = 7, [term]
        said.RTROIObservationsSequence = [observed]
    said.preamble = b"\0" * 128
    pydicom.dcmwrite(path, said, enforce_file_format=True)
    return path


@pytest.fixture
def draw(tmp_path: Path) -> Draw:
    """Return what writes outlines as a region of interest and reads it on a grid."""

    def drawn(
        *outlines: Outline,
        volume: Volume | None = None,
        code: tuple[str, str, str] | None = None,
    ) -> Mask:
        path = written(tmp_path / "rt.dcm", outlines, code=code)
        (source,) = scan(path, WATCH).labels
        (mask,) = read_masks(source, volume or grid(), WATCH)
        return mask

    return drawn


def changed(path: Path, change: Callable[[pydicom.Dataset], None]) -> LabelSource:
    """Change a written file, and scan it."""
    said = pydicom.dcmread(path)
    change(said)
    said.save_as(path, enforce_file_format=True)
    (source,) = scan(path, WATCH).labels
    return source


def filled_slices(mask: Mask) -> list[int]:
    return [int(k) for k in np.flatnonzero(mask.voxels.any(axis=(0, 1)))]


def voxels(mask: Mask) -> int:
    return int(np.count_nonzero(mask.voxels))


def test_that_nested_contours_are_a_hole(draw: Draw) -> None:
    mask = draw(square(1.5, 11.5, 4), square(4.5, 7.5, 4))
    assert voxels(mask) == 100 - 9
    assert not mask.voxels[6, 6, 2]


def test_that_a_contour_marked_exclusive_or_is_one(draw: Draw) -> None:
    mask = draw(square(1.5, 7.5, 4, kind=XOR), square(5.5, 9.5, 4, kind=XOR))
    assert voxels(mask) == 36 + 16 - 2 * 4


def test_that_a_keyhole_is_a_hole(draw: Draw) -> None:
    outer = [[1.5, 1.5], [11.5, 1.5], [11.5, 11.5], [1.5, 11.5]]
    inner = [[4.5, 4.5], [4.5, 7.5], [7.5, 7.5], [7.5, 4.5]]
    points = [outer[0], *inner, inner[0], *outer]
    mask = draw(("CLOSED_PLANAR", [[*p, 4.0] for p in points]))
    assert voxels(mask) == 100 - 9


def test_that_the_same_contour_twice_counts_once(draw: Draw) -> None:
    assert voxels(draw(square(1.5, 11.5, 4), square(1.5, 11.5, 4))) == 100


def test_that_the_same_contour_counts_once_in_any_order_of_points(draw: Draw) -> None:
    kind, points = square(1.5, 11.5, 4)
    again = [points[1:] + points[:1], [*points, points[0]], points[::-1]]
    assert [voxels(draw((kind, points), (kind, one))) for one in again] == [100, 100, 100]


def test_that_outlines_that_overlap_in_part_add_up(draw: Draw) -> None:
    assert voxels(draw(square(1.5, 7.5, 4), square(5.5, 9.5, 4))) == 36 + 16 - 4


def test_that_an_island_in_a_hole_counts(draw: Draw) -> None:
    rings = [square(0.5, 12.5, 4), square(2.5, 10.5, 4), square(4.5, 6.5, 4)]
    assert voxels(draw(*rings[::-1])) == 144 - 64 + 4


def test_that_a_contour_across_the_mouth_of_another_adds_to_it(draw: Draw) -> None:
    # a U of arms 4 wide and 6 deep, and a bar whose corners all lie in its arms
    u = [(0, 0), (12, 0), (12, 10), (8, 10), (8, 4), (4, 4), (4, 10), (0, 10)]
    bar = [(1, 6), (11, 6), (11, 8), (1, 8)]
    rings = [("CLOSED_PLANAR", [[x + 1.5, y + 1.5, 4] for x, y in ring]) for ring in (u, bar)]
    assert voxels(draw(*rings)) == (120 - 24) + 4 * 2


def test_that_a_hole_that_touches_its_outline_is_one(draw: Draw) -> None:
    assert voxels(draw(square(1.5, 11.5, 4), square(1.5, 4.5, 4))) == 100 - 9


def test_that_exclusive_contours_twice_are_none(draw: Draw) -> None:
    assert voxels(draw(square(1.5, 4.5, 4, kind=XOR), square(1.5, 4.5, 4, kind=XOR))) == 0


@pytest.mark.parametrize("off", [0.0, 0.04, 0.5, 0.97])
def test_that_a_hole_may_be_written_a_little_off_its_outline(draw: Draw, off: float) -> None:
    mask = draw(square(1.5, 11.5, 4 + off), square(4.5, 7.5, 4 + off + 0.05))
    assert voxels(mask) == 91
    assert mask.source_ml == pytest.approx(91 * 2 / 1000)


def test_that_a_second_item_of_a_region_adds_its_contours(tmp_path: Path) -> None:
    path = written(tmp_path / "rt.dcm", [square(1.5, 4.5, 4), square(1.5, 4.5, 6)], code=None)

    def split(said: pydicom.Dataset) -> None:
        first = said.ROIContourSequence[0]
        second = pydicom.Dataset()
        second.ReferencedROINumber, second.ContourSequence = 7, [first.ContourSequence.pop()]
        said.ROIContourSequence.append(second)

    (mask,) = read_masks(changed(path, split), grid(), WATCH)
    assert filled_slices(mask) == [2, 3]


def two_frames(path: Path) -> LabelSource:
    """Draw "Organ" on the images and "Liver" in another frame of reference, listed first."""
    written(path, [square(1.5, 4.5, 4)], code=None)

    def add(said: pydicom.Dataset) -> None:
        region, drawn = pydicom.Dataset(), pydicom.Dataset()
        region.ROINumber, region.ROIName, region.ReferencedFrameOfReferenceUID = 8, "Liver", "1.77"
        drawn.ReferencedROINumber = 8
        drawn.ContourSequence = said.ROIContourSequence[0].ContourSequence
        said.StructureSetROISequence.insert(0, region)
        said.ROIContourSequence.append(drawn)
        frames = [pydicom.Dataset(), pydicom.Dataset()]
        frames[0].FrameOfReferenceUID, frames[1].FrameOfReferenceUID = "1.77", "1.9"
        said.ReferencedFrameOfReferenceSequence = frames

    return changed(path, add)


def test_that_a_region_of_another_frame_is_left_out_by_name(tmp_path: Path) -> None:
    notes: list[str] = []
    labels = read_labels(
        two_frames(tmp_path / "rt.dcm"), grid(), organ("liver"), names=None, watch=WATCH,
        notice=notes.append,
    )  # fmt: skip
    assert [s.name for s in labels.structures] == ["organ"]
    assert notes == ["Liver belongs to another frame of reference than the images and is left out"]


def test_that_notes_come_back_from_a_worker(tmp_path: Path) -> None:
    notes: list[str] = []
    source = two_frames(tmp_path / "rt.dcm")
    with open_images(tmp_path, WATCH) as images:
        labels = images.labels(
            source, grid(), organ("liver"), names=None, watch=WATCH, notice=notes.append
        )
    assert [labels.volume_ml("organ"), len(notes)] == [pytest.approx(9 * 2 / 1000), 1]


def test_that_a_region_of_another_frame_is_refused_when_asked_for(tmp_path: Path) -> None:
    source = two_frames(tmp_path / "rt.dcm")
    with pytest.raises(WrongGeometry, match="Liver belongs to another frame of reference"):
        read_labels(source, grid(), organ("liver"), names={"Liver": "liver"}, watch=WATCH)


def test_that_regions_all_of_another_frame_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "rt.dcm", [square(1.5, 4.5, 4)], code=None)
    (source,) = scan(path, WATCH).labels
    elsewhere = dataclasses.replace(grid(), frame_uid="1.77")
    with pytest.raises(WrongGeometry, match="another frame of reference"):
        read_masks(source, elsewhere, WATCH)


def test_that_islands_add_up(draw: Draw) -> None:
    assert voxels(draw(square(1.5, 4.5, 4), square(6.5, 8.5, 4))) == 9 + 4


def test_that_coordinates_of_one_decimal_still_lie_on_the_slices(draw: Draw) -> None:
    fine = grid(np.diag([1.0, 1.0, 1.25, 1.0]))
    mask = draw(*(square(1.5, 4.5, z) for z in (0.0, 1.2, 2.5, 3.8, 5.0)), volume=fine)
    assert mask.voxels.any(axis=(0, 1)).tolist() == [True] * 5 + [False]
    assert mask.source_ml == pytest.approx(5 * 9 * 1.25 / 1000)


def test_that_a_plane_left_out_stays_empty(draw: Draw) -> None:
    mask = draw(*(square(1.5, 4.5, z) for z in (0, 2, 6, 8)))
    assert mask.voxels.any(axis=(0, 1)).tolist() == [True, True, False, True, True, False]


def test_that_nothing_is_filled_between_contours_far_apart(draw: Draw) -> None:
    mask = draw(square(1.5, 4.5, 2), square(1.5, 4.5, 8))
    assert filled_slices(mask) == [1, 4]
    assert mask.source_ml == pytest.approx(2 * 9 * 2 / 1000)
    assert mask.note == (
        "Organ: 2 slices between its contours have none and stay empty "
        "(0.036 mL if it goes on there)"  # 4 mm of 9 mm²
    )


def test_that_contours_on_every_second_slice_that_cite_no_images_fill_both(draw: Draw) -> None:
    # slices 2 mm apart, contours of 9 mm² every 4 mm: slabs end at -2 and 10 mm
    mask = draw(*(square(1.5, 4.5, z) for z in (0, 4, 8)))
    assert filled_slices(mask) == [0, 1, 2, 3, 4]
    assert mask.source_ml == pytest.approx(3 * 9 * 4 / 1000)
    assert "each fills as much (0.11 mL; one slice of the images each" in mask.note


def test_that_contours_drawn_on_thicker_slices_fill_those(draw: Draw) -> None:
    # slices 3 mm apart, half-way between the images' at first: slabs end at -0.5 and 8.5 mm
    mask = draw(*(square(1.5, 4.5, z) for z in (1, 4, 7)))
    assert filled_slices(mask) == [0, 1, 2, 3, 4]
    assert mask.source_ml == pytest.approx(3 * 9 * 3 / 1000)
    assert mask.note == (
        "Organ: contours lie 3 mm apart: each fills as much "
        "(0.081 mL; one slice of the images each would be 0.054 mL)"
    )


def test_that_contours_citing_thicker_images_fill_those_and_citing_these_stay_apart(
    tmp_path: Path,
) -> None:
    path = written(tmp_path / "rt.dcm", [square(1.5, 4.5, z) for z in (0, 4, 8)], code=None)
    masks = [
        read_masks(changed(path, cites(uid)), images_of("1.5"), WATCH) for uid in ("1.6", "1.5")
    ]
    assert [filled_slices(m) for (m,) in masks] == [[0, 1, 2, 3, 4], [0, 2, 4]]


def test_that_a_lone_contour_drawn_on_other_images_says_what_it_fills(tmp_path: Path) -> None:
    path = written(tmp_path / "rt.dcm", [square(1.5, 4.5, 4)], code=None)
    notes = [
        read_masks(changed(path, cites(uid)), images_of("1.5"), WATCH)[0].note
        for uid in ("1.6", "1.5")
    ]
    assert notes[0].startswith("Organ: drawn on other images whose slice distance")
    assert notes[1] == ""


def cites(series_uid: str) -> Callable[[pydicom.Dataset], None]:
    def change(said: pydicom.Dataset) -> None:
        frame, study, series = pydicom.Dataset(), pydicom.Dataset(), pydicom.Dataset()
        series.SeriesInstanceUID = series_uid
        study.RTReferencedSeriesSequence = [series]
        frame.FrameOfReferenceUID, frame.RTReferencedStudySequence = "1.9", [study]
        said.ReferencedFrameOfReferenceSequence = [frame]

    return change


def images_of(series_uid: str) -> Volume:
    return dataclasses.replace(grid(), series_uid=series_uid)


def test_that_contours_nearer_than_the_images_stand_for_less(draw: Draw) -> None:
    mask = draw(*(square(1.5, 4.5, z) for z in (2, 2.5, 3, 3.5, 4)))
    assert filled_slices(mask) == [1, 2]
    assert mask.source_ml == pytest.approx(5 * 9 * 0.5 / 1000)


def test_that_contours_finer_than_the_images_may_start_anywhere(draw: Draw) -> None:
    mask = draw(*(square(1.5, 4.5, z) for z in np.arange(1.3, 8, 2 / 3)))
    assert filled_slices(mask) == [1, 2, 3, 4]


def test_that_planes_beyond_the_images_count_in_the_source_only(draw: Draw) -> None:
    mask = draw(*(square(1.5, 4.5, z) for z in (8, 10, 12, 14)))
    assert voxels(mask) == 2 * 9
    assert mask.source_ml == pytest.approx(4 * 9 * 2 / 1000)


@pytest.mark.parametrize("beyond", [-3.5, 15.5])
def test_that_what_leaves_the_images_sideways_counts_in_the_source(
    draw: Draw, beyond: float
) -> None:
    mask = draw(square(min(beyond, 1.5), max(beyond, 1.5), 4))
    assert mask.source_ml == pytest.approx((beyond - 1.5) ** 2 * 2 / 1000)
    assert voxels(mask) == (4 if beyond < 0 else 14 * 14)


OPENS = [square(1.5, 4.5, 4, kind=kind) for kind in ("POINT", "OPEN_PLANAR", "OPEN_NONPLANAR")]
LEFT_OUT = "contours that enclose nothing are left out (1 OPEN_NONPLANAR, 1 OPEN_PLANAR, 1 POINT)"


def test_that_only_closed_contours_enclose_and_others_are_named(draw: Draw) -> None:
    beside, alone = draw(square(1.5, 4.5, 4), *OPENS), draw(*OPENS)
    assert [voxels(beside), voxels(alone), alone.source_ml] == [9, 0, 0]
    assert [beside.note, alone.note] == [f"Organ: {LEFT_OUT}"] * 2


def test_that_a_contour_of_two_points_and_one_of_no_type_are_named(draw: Draw) -> None:
    two, untyped = ("CLOSED_PLANAR", [[1, 1, 4], [2, 2, 4]]), square(1.5, 4.5, 4, kind="ODD")
    assert draw(two, untyped).note == (
        "Organ: contours that enclose nothing are left out "
        "(1 CLOSED_PLANAR of less than 3 points, 1 of no known type)"
    )


def test_that_contours_smaller_than_a_pixel_are_named_with_their_volume(draw: Draw) -> None:
    # 0.5 by 0.5 mm on a slice of 2 mm, between the centres of pixels
    small = square(6.2, 6.7, 6)
    notes = [draw(small).note, draw(square(1.5, 4.5, 4), small).note]
    says = "enclose no pixel's centre and give no voxels (0.0005 mL)"
    assert notes == [f"Organ: contours all {says}", f"Organ: contours in 1 of 2 planes {says}"]


def test_that_a_liver_of_points_is_left_out_with_a_note_unless_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path / "rt.dcm", [square(1.5, 4.5, 4)], code=None)

    def add(said: pydicom.Dataset) -> None:
        region, drawn, point = pydicom.Dataset(), pydicom.Dataset(), pydicom.Dataset()
        region.ROINumber, region.ROIName, region.ReferencedFrameOfReferenceUID = 8, "Liver", "1.9"
        point.ContourGeometricType, point.ContourData = "POINT", ["1", "1", "4"]
        drawn.ReferencedROINumber, drawn.ContourSequence = 8, [point]
        said.StructureSetROISequence.append(region)
        said.ROIContourSequence.append(drawn)

    source, notes = changed(path, add), list[str]()
    labels = read_labels(
        source, grid(), organ("liver"), names=None, watch=WATCH, notice=notes.append
    )
    assert [s.name for s in labels.structures] == ["organ"]
    assert notes == ["Liver: contours that enclose nothing are left out (1 POINT)"]
    with pytest.raises(EmptyLabel):
        read_labels(source, grid(), organ("liver"), names={"Liver": "liver"}, watch=WATCH)


def test_that_a_region_has_its_coded_term(draw: Draw) -> None:
    code = ("10200004", "SCT", "Liver")
    assert draw(square(1.5, 4.5, 4), code=code).code == CodedTerm(*code)


def test_that_oblique_contours_are_refused(draw: Draw) -> None:
    tilted = ("CLOSED_PLANAR", [[1, 1, 4], [9, 1, 4], [9, 9, 5], [1, 9, 5]])
    with pytest.raises(WrongGeometry, match="do not lie in the planes"):
        draw(tilted)


def test_that_contours_on_tilted_images_are_refused(draw: Draw) -> None:
    turn = np.radians(5.0)
    affine = np.diag([1.0, 1.0, 2.0, 1.0])
    affine[1:3, 1] = np.cos(turn), np.sin(turn)
    affine[1:3, 2] = -2 * np.sin(turn), 2 * np.cos(turn)
    with pytest.raises(WrongGeometry, match="do not lie in the planes"):
        draw(square(1.5, 11.5, 4), volume=grid(affine))


@pytest.mark.parametrize(
    "points", [[[1, 1, 4], [2, 2, 4], [3, 3]], [[1, 1, 4], [1e9, 2, 4], [3, 3, 4]]]
)
def test_that_what_is_no_point_is_refused(tmp_path: Path, points: list[list[float]]) -> None:
    flat = np.concatenate([np.array(p) for p in points])
    path = written(tmp_path / "rt.dcm", [("CLOSED_PLANAR", flat[None])], code=None)
    (source,) = scan(path, WATCH).labels
    with pytest.raises(UnreadableFile, match="not made of points"):
        read_masks(source, grid(), WATCH)


def test_that_a_changed_byte_gives_a_mask_or_a_refusal(tmp_path: Path) -> None:
    path = written(tmp_path / "rt.dcm", [square(1.5, 4.5, z) for z in (2, 4, 6)], code=None)
    whole = path.read_bytes()
    for at in range(132, len(whole), 5):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x13]) + whole[at + 1 :])
        found = scan(path, WATCH)
        try:
            for source in found.labels:
                read_masks(source, grid(), WATCH)
        except BadInput:
            continue
        assert found.labels or found.refused or found.series
