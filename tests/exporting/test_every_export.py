"""What holds for every format that writes DICOM objects."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import gdcm
import highdicom
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sr._concepts_dict import concepts as CONCEPTS

from organtwin.core.origin import Identity
from organtwin.core.volume import Volume
from organtwin.exporting import Material, exports
from organtwin.exporting.header import Header, origin_for, whose
from tests.exporting.visits import complaints, lacking, material, whole, written
from tests.phantoms import liver_phantom

DICOM = [name for name in exports() if name != "nifti"]
UNKNOWN_TO_DCIODVFY = ("obj", "labelmap")


@pytest.fixture(scope="module", params=DICOM)
def files(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    one = whole(chosen=tuple(DICOM))
    return written(request.param, one, tmp_path_factory.mktemp(request.param))


def test_that_every_object_is_valid(files: list[Path]) -> None:
    for path in files:
        if path.name.split(".")[0] not in UNKNOWN_TO_DCIODVFY:
            assert complaints(path) == []


def test_that_only_their_owner_may_read_objects(files: list[Path]) -> None:
    assert [path for path in files if path.stat().st_mode & 0o077] == []


def test_that_every_object_has_what_its_kind_must_have(files: list[Path]) -> None:
    for path in files:
        assert lacking(pydicom.dcmread(path)) == []


def test_that_every_object_says_it_is_for_research(files: list[Path]) -> None:
    for path in files:
        seen = pydicom.dcmread(path)
        assert seen.ContentQualification == "RESEARCH"
        assert seen.SeriesDescription.startswith("RESEARCH USE ONLY")


def test_that_every_object_names_the_patient_and_study_of_the_images(files: list[Path]) -> None:
    for path in files:
        seen = pydicom.dcmread(path)
        assert (str(seen.PatientName), seen.PatientID) == ("Müller^Ann=山田^花子", "A1")
        assert seen.IssuerOfPatientID == "Ward 3"
        assert (seen.StudyInstanceUID, seen.AccessionNumber) == ("1.2.3", "N1")
        assert seen.SeriesInstanceUID != "1.2.3.4"


def test_that_every_object_names_its_maker(files: list[Path]) -> None:
    for path in files:
        seen = pydicom.dcmread(path)
        assert (seen.Manufacturer, seen.ManufacturerModelName) == ("OrganTwin", "OrganTwin")


def coded(seen: Dataset) -> Iterator[tuple[str, str, str]]:
    """Value, scheme and meaning of every coded term in an object."""
    for element in seen:
        for item in element.value if element.VR == "SQ" else ():
            if "CodingSchemeDesignator" in item and "CodeMeaning" in item:
                value = item.get("CodeValue") or item.LongCodeValue
                yield str(value), str(item.CodingSchemeDesignator), str(item.CodeMeaning)
            yield from coded(item)


def test_that_every_code_means_what_dicoms_own_lists_say(files: list[Path]) -> None:
    """UCUM and RFC 5646 make codes by rule; ours stand in no list."""
    known = {
        (value, scheme, meaning.lower())
        for scheme, words in CONCEPTS.items()
        for terms in words.values()
        for value, (meaning, _) in terms.items()
    }
    for path in files:
        for value, scheme, meaning in coded(pydicom.dcmread(path)):
            if scheme not in ("99ORGANTWIN", "RFC5646", "UCUM"):
                assert (value, scheme, meaning.lower()) in known


def test_that_gdcm_reads_the_same_ids(files: list[Path]) -> None:
    for path in files:
        reader, words = gdcm.Reader(), gdcm.StringFilter()
        reader.SetFileName(str(path))
        assert reader.Read()
        words.SetFile(reader.GetFile())
        uid = words.ToString(gdcm.Tag(0x0008, 0x0018)).strip("\0")
        assert uid == pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID


def test_that_highdicom_reads_the_label_map(tmp_path: Path) -> None:
    one = whole()
    dataset = pydicom.dcmread(written("labelmap", one, tmp_path)[0])
    seen = highdicom.seg.Segmentation.from_dataset(dataset, copy=False)
    volume = seen.get_volume(combine_segments=True)
    seen._db_con.close()  # highdicom leaves its index open, and warnings are errors
    counts = np.bincount(volume.array.ravel(), minlength=6)
    assert counts[1:].tolist() == [
        int((one.labels.labels == s.label).sum()) for s in one.structures
    ]


def bare() -> Material:
    """A visit of a NIfTI file: no images, no identity."""
    labels = liver_phantom((8.0, 8.0, 8.0))
    known = whole(labels)
    image = known.volume
    volume = Volume(image.voxels, image.affine, "HU", "CT", image.geometry, None, "f" * 64)
    header = Header(whose(None, "Case^7"), origin_for(volume, None))
    return material(labels, origin=header.origin, findings=known.findings)


@pytest.mark.parametrize("name", ["seg", "rtstruct", "sr"])
def test_that_images_without_uids_give_valid_objects_too(name: str, tmp_path: Path) -> None:
    assert complaints(written(name, bare(), tmp_path)[0]) == []


def test_that_a_case_without_identity_goes_by_its_pseudonym() -> None:
    assert whose(None, "Case^7") == Identity("Case 7", "Case^7")
    assert whose(Identity("Doe^J", "1"), "Case 7") == Identity("Doe^J", "1")


def test_that_images_without_a_frame_of_reference_get_one_for_all_objects() -> None:
    known = whole()
    origin = replace(known.header.origin, frame_uid="")
    made = origin_for(known.volume, origin)
    assert made.frame_uid.startswith("2.25.")
    assert made.instances == origin.instances
