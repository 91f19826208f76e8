"""A label map through DICOM Segmentation and back."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest

from organtwin.core.errors import WrongGeometry
from organtwin.core.labelmap import CodedTerm, LabelMap, Structure
from organtwin.core.watch import Watch
from organtwin.exporting import Made, Material
from organtwin.importing import read_labels, scan
from tests.exporting.visits import complaints, material, turned, written
from tests.phantoms import LIVER, ball, liver_phantom, painted

COARSE = (4.0, 4.0, 3.0)


def as_it_is(labels: LabelMap) -> LabelMap:
    return labels


def read(path: Path, one: Material) -> LabelMap:
    found = scan(path, Watch()).labels[0]
    return read_labels(found, one.volume, one.organ, names=None, watch=Watch())


@pytest.mark.parametrize("placed", [as_it_is, turned])
@pytest.mark.parametrize("name", ["seg", "labelmap"])
def test_that_a_label_map_comes_back_identical(
    name: str, placed: Callable[[LabelMap], LabelMap], tmp_path: Path
) -> None:
    one = material(placed(liver_phantom(COARSE)))
    back = read(written(name, one, tmp_path)[0], one)
    assert np.array_equal(back.labels, one.labels.labels)
    assert back.structures == one.labels.structures


def test_that_a_structure_without_a_code_comes_back(tmp_path: Path) -> None:
    couch = Structure("couch", 11, "other", CodedTerm("", "99ORGANTWIN", "Couch"), (0.5,) * 3)
    couch = replace(couch, colour=(0.5, 0.7, 0.6))
    shapes = {LIVER: ball((0, 0, 0), 20.0), couch: ball((40, 0, 0), 10.0)}
    one = material(painted(shapes, half_mm=(60, 30, 30), spacing_mm=COARSE))
    back = read(written("seg", one, tmp_path)[0], one)
    assert np.array_equal(back.labels, one.labels.labels)
    assert [(s.name, s.code) for s in back.structures] == [
        (s.name, s.code) for s in one.labels.structures
    ]


@pytest.mark.parametrize("placed", [as_it_is, turned])
def test_that_dciodvfy_finds_no_error(
    placed: Callable[[LabelMap], LabelMap], tmp_path: Path
) -> None:
    one = material(placed(liver_phantom(COARSE)))
    assert complaints(written("seg", one, tmp_path)[0]) == []


def test_that_highdicom_sees_the_same_voxels_at_the_same_places(tmp_path: Path) -> None:
    one = material(turned(liver_phantom(COARSE)))
    dataset = pydicom.dcmread(written("seg", one, tmp_path)[0])
    seen = highdicom.seg.Segmentation.from_dataset(dataset, copy=False)
    volume = seen.get_volume(combine_segments=False)
    seen._db_con.close()  # highdicom leaves its index open, and warnings are errors
    inverse = np.linalg.inv(one.volume.affine) @ volume.affine
    for number, structure in enumerate(one.structures):
        index = np.argwhere(volume.array[..., number]) @ inverse[:3, :3].T + inverse[:3, 3]
        assert np.abs(index - np.round(index)).max() < 1e-6
        there = np.zeros(one.labels.labels.shape, dtype=bool)
        there[tuple(np.round(index).astype(int).T)] = True
        assert np.array_equal(there, one.labels.mask(structure.name))


def test_that_every_frame_names_the_image_it_lies_on(tmp_path: Path) -> None:
    one = material(liver_phantom(COARSE))
    seen = pydicom.dcmread(written("seg", one, tmp_path)[0], stop_before_pixels=True)
    places = {i.sop_uid: i.position_mm for i in one.header.origin.instances}
    for group in seen.PerFrameFunctionalGroupsSequence:
        named = group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        place = group.PlanePositionSequence[0].ImagePositionPatient
        assert place == pytest.approx(places[named], abs=1e-9)


def test_that_a_resampled_grid_names_the_series_and_no_single_image(tmp_path: Path) -> None:
    labels = liver_phantom(COARSE)
    one = material(labels)
    instances = [
        replace(i, position_mm=(i.position_mm[0], i.position_mm[1] + 0.1 * n, i.position_mm[2]))
        for n, i in enumerate(one.header.origin.instances)
    ]
    tilted = replace(one.header.origin, instances=tuple(instances))
    path = written("seg", material(labels, origin=tilted), tmp_path)[0]
    seen = pydicom.dcmread(path)
    assert complaints(path) == []
    assert len(seen.ReferencedSeriesSequence[0].ReferencedInstanceSequence) == len(instances)
    assert not any(
        "DerivationImageSequence" in group for group in seen.PerFrameFunctionalGroupsSequence
    )


def test_that_a_frame_of_a_multiframe_image_is_named_by_number(tmp_path: Path) -> None:
    one = material(liver_phantom(COARSE))
    instances = tuple(
        replace(i, sop_uid="1.2.3.4.1", frame=n) for n, i in enumerate(one.header.origin.instances)
    )
    count = len(instances)
    multi = replace(one.header.origin, frames=count, instances=instances)
    multi = replace(multi, sop_class_uid="1.2.840.10008.5.1.4.1.1.2.1")
    path = written("seg", material(one.labels, origin=multi), tmp_path)[0]
    seen = pydicom.dcmread(path)
    assert len(seen.ReferencedSeriesSequence[0].ReferencedInstanceSequence) == 1
    first = seen.PerFrameFunctionalGroupsSequence[0]
    k = next(k for k in range(count) if one.labels.mask("liver")[:, :, k].any())
    source = first.DerivationImageSequence[0].SourceImageSequence[0]
    assert source.ReferencedFrameNumber == k + 1
    assert complaints(path) == []


def test_that_names_in_any_script_survive(tmp_path: Path) -> None:
    path = written("seg", material(liver_phantom(COARSE)), tmp_path)[0]
    seen = pydicom.dcmread(path, stop_before_pixels=True)
    assert str(seen.PatientName) == "Müller^Ann=山田^花子"
    assert scan(path, Watch()).labels[0].identity.name == "Müller^Ann=山田^花子"


def test_that_every_object_says_what_it_is_for(tmp_path: Path) -> None:
    seen = pydicom.dcmread(written("seg", material(liver_phantom(COARSE)), tmp_path)[0])
    assert seen.ContentQualification == "RESEARCH"
    assert "RESEARCH USE ONLY" in seen.SeriesDescription
    assert "RESEARCH USE ONLY" in seen.ContentDescription


def test_that_the_method_is_told_as_it_was(tmp_path: Path) -> None:
    by_hand = material(liver_phantom(COARSE), made=Made("SEMIAUTOMATIC", "tumour-click"))
    seen = pydicom.dcmread(written("seg", by_hand, tmp_path)[0], stop_before_pixels=True)
    assert {s.SegmentAlgorithmType for s in seen.SegmentSequence} == {"SEMIAUTOMATIC"}


def test_that_labels_exported_twice_keep_their_tracking_uids(tmp_path: Path) -> None:
    labels = liver_phantom(COARSE)
    first, second = (
        pydicom.dcmread(written("seg", material(labels), tmp_path / str(n))[0]) for n in (1, 2)
    )
    assert [s.TrackingUID for s in first.SegmentSequence] == [
        s.TrackingUID for s in second.SegmentSequence
    ]
    assert first.SOPInstanceUID != second.SOPInstanceUID


def test_that_a_slanted_grid_is_refused() -> None:
    labels = liver_phantom((8.0, 8.0, 8.0))
    affine = np.array(labels.affine)
    affine[1, 2] = 2.0
    slanted = LabelMap(labels.labels, affine, labels.structures)
    with pytest.raises(WrongGeometry, match="right angles"):
        written("seg", material(slanted), Path("nowhere"))
