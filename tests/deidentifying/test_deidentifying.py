"""After de-identification nothing of what may tell the patient is left, and images stay a set."""

import io
import json
import random
import re
import shutil
import struct
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from organtwin.cli import main
from organtwin.core.errors import BadArgument, BadInput, Stopped
from organtwin.core.watch import Watch
from organtwin.deidentifying.confidentiality import rules
from organtwin.deidentifying.copying import copy_deidentified
from organtwin.deidentifying.datasets import deidentified
from organtwin.deidentifying.profile import CODES, Profile, profile_of
from organtwin.deidentifying.pseudonyms import StandIns, secret_of
from organtwin.deidentifying.substitutes import bare_document, capped_age, moved
from organtwin.deidentifying.traces import IDS
from organtwin.deidentifying.wording import cleaned
from organtwin.importing.scanning import read_masks, read_volume, scan
from tests.slices import slice_of, values_at

SECRET = bytes(range(32))
BASIC = Profile()
TRACES = (b"SECRET", b"1.9.777", b"1777", b"171717", b"77777", b"077Y", b"\x77\x77\x77\x77")
"""What every value below is recognised by, one for each kind of representation."""
VALUES: dict[str, Any] = {
    "AS": "077Y",
    "DA": "17770102",
    "DS": "77777.5",
    "DT": "17770102030405.5",
    "IS": "77777",
    "OB": b"SECRETOB",
    "PN": "SECRETLY^Ann",
    "TM": "171717.717171",
    "UI": "1.9.777",
    "UN": b"SECRETUN",
    "UR": "http://SECRET.org",
    "US": [0x7777, 0x7777],
}


def vr_of(tag: int) -> str:
    return str(dictionary_VR(tag)) if dictionary_has_tag(tag) else "LO"


def recognisable(tag: int) -> DataElement:
    vr = vr_of(tag)
    if vr == "SQ":
        item = Dataset()
        item.PatientName, item.InstitutionName = "SECRETLY^Bob", "SECRET hospital"
        item.ReferencedSOPInstanceUID, item.StudyDate = "1.9.777.8", "17770203"
        return DataElement(tag, vr, Sequence([item]))
    return DataElement(tag, vr, "SECRETED" if tag in IDS else VALUES.get(vr, "SECRET"))


def listed() -> list[int]:
    """Tags of the table that a dataset can hold: not those of commands and file meta."""
    return [tag for tag in sorted(rules()) if tag >> 16 not in (0x0000, 0x0002)]


def every_attribute() -> Dataset:
    made = Dataset()
    for tag in listed():
        made[tag] = recognisable(tag)
    return made


def a_file(dataset: Dataset) -> Dataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, CTImageStorage
    meta.SourceApplicationEntityTitle = "SECRETAE"
    meta.MediaStorageSOPInstanceUID = "1.9.777"
    dataset.file_meta, dataset.preamble = meta, b"SECRET".ljust(128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, "1.9.777"
    return dataset


def written(dataset: Dataset) -> bytes:
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


@pytest.fixture
def everything() -> Dataset:
    """Every attribute of the table, at the top and three sequences deep, and what has no table."""
    made = every_attribute()
    made.pop("EncapsulatedDocument")
    deep = every_attribute()
    for _ in range(3):
        outer = Dataset()
        outer.SharedFunctionalGroupsSequence = Sequence([deep])
        deep = outer
    made.SharedFunctionalGroupsSequence = deep.SharedFunctionalGroupsSequence
    made.add_new(0x00090010, "LO", "SECRET MAKER")
    made.add_new(0x00091001, "LO", "SECRET private")
    made.add_new(0x50000005, "US", [0x7777, 0x7777])
    made.add_new(0x60003000, "OW", b"SECRETBITS")
    made.add_new(0x60004000, "LT", "SECRET overlay")
    made.add_new(0x60020010, "US", [0x7777, 0x7777])
    made.add_new(0x00087777, "LO", "SECRET of no dictionary")
    made.MultiFrameSourceSOPInstanceUID = "1.9.777.5"
    made.SegmentDescription = "SECRET of an unlisted text"
    made.SecondaryReviewerName = "SECRETLY^Unlisted"
    made.ExpiryDate = "17770505"
    made.Rows, made.Columns, made.BitsAllocated, made.PixelData = 1, 2, 16, b"\1\0\2\0"
    return a_file(made)


@pytest.mark.parametrize("implicit", [False, True])
def test_that_the_basic_profile_leaves_no_value(everything: Dataset, implicit: bool) -> None:
    if implicit:
        everything.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2"
    before = written(everything)
    assert all(trace in before for trace in TRACES)
    after = written(deidentified(dcmread(io.BytesIO(before)), BASIC, SECRET))
    assert [trace for trace in TRACES if trace in after] == []


def test_that_the_table_has_every_row_of_the_standard() -> None:
    """617 tags in edition 2024b (and 4 patterns), 35 more in 2026c."""
    assert len(rules()) == 617 + 35
    actions = {rule.basic for rule in rules().values()}
    assert actions == {"D", "Z", "X", "U", "X/Z", "X/D", "Z/D", "X/Z/D", "X/Z/U*"}


def originals(before: Dataset, after: Dataset) -> set[int]:
    """Tags of the table whose value is the original one."""
    return {t for t in listed() if t in after and vr_of(t) != "SQ" and after[t] == before[t]}


KEPT = ("uids", "device", "institution", "patient")


@pytest.mark.parametrize("option", KEPT)
def test_that_an_option_keeps_exactly_what_it_says(option: str) -> None:
    before = a_file(every_attribute())
    before.pop("EncapsulatedDocument")
    chosen: dict[str, Any] = {option: True}
    kept = originals(before, deidentified(before, Profile(**chosen), SECRET))
    says = {t for t in listed() if rules()[t].options.get(option) == "K" and vr_of(t) != "SQ"}
    assert kept == says - {0x00080018} | ({0x00080018} if option == "uids" else set())


def test_that_full_dates_keep_exactly_dates() -> None:
    before = a_file(every_attribute())
    before.pop("EncapsulatedDocument")
    kept = originals(before, deidentified(before, Profile(dates="full"), SECRET))
    assert kept == {t for t in listed() if "dates" in rules()[t].options and vr_of(t) != "SQ"}


def test_that_what_was_done_is_said_in_codes() -> None:
    made = deidentified(a_file(Dataset()), profile_of(["uids"]), SECRET)
    codes = [item.CodeValue for item in made.DeidentificationMethodCodeSequence]
    assert codes == ["113100", "113107", "113110"]
    assert made.PatientIdentityRemoved == "YES"
    assert made.LongitudinalTemporalInformationModified == "MODIFIED"
    assert len(CODES) == 10


@pytest.mark.parametrize("options", [[], ["no-dates"], ["uids", "patient", "descriptors"]])
def test_that_doing_it_twice_changes_nothing(everything: Dataset, options: list[str]) -> None:
    once = deidentified(everything, profile_of(options), SECRET)
    assert written(deidentified(once, profile_of(options), SECRET)) == written(once)


def an_image(**said: Any) -> Dataset:
    return slice_of(values_at(0), (0.0, 0.0, 0.0), **said)


def test_that_a_patient_has_one_pseudonym_and_another_site_another() -> None:
    names = [deidentified(an_image(), BASIC, SECRET).PatientID for _ in range(2)]
    assert names[0] == names[1]
    assert re.fullmatch(r"OT-[A-Z2-7]{8}-[A-Z2-7]{4}", names[0])
    assert deidentified(an_image(), BASIC, bytes(32)).PatientID != names[0]
    assert deidentified(an_image(PatientID="A2"), BASIC, SECRET).PatientID != names[0]


def test_that_intervals_between_dates_stay() -> None:
    profile = profile_of([])
    first, second = (
        deidentified(
            an_image(AcquisitionDate=day, AcquisitionDateTime=f"{day}101112+0100"), profile, SECRET
        )
        for day in ("20240131", "20240301")
    )
    dates = [np.datetime64(f"{d[:4]}-{d[4:6]}-{d[6:]}") for d in
             (str(one.AcquisitionDate) for one in (first, second))]  # fmt: skip
    assert dates[1] - dates[0] == np.timedelta64(30, "D")
    assert first.AcquisitionDateTime == f"{first.AcquisitionDate}101112+0100"
    assert first.AcquisitionDate != "20240131"


def test_that_another_patient_moves_by_other_days() -> None:
    days = {StandIns(SECRET).days(f"OT-{n}") for n in range(20)}
    assert len(days) > 15
    assert 366 <= min(days) <= max(days) <= 3652


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("20240301", "20240229"),
        ("1999.01.01", "19981231"),
        ("20240301101112.5+0100", "20240229101112.5+0100"),
        ("202403", "202402"),
        ("2024", "2023"),
        ("today", ""),
        ("20241301", ""),
        ("00010101", ""),
    ],
)
def test_that_dates_move_as_exactly_as_they_were_said(before: str, after: str) -> None:
    assert moved(before, 1) == after


def test_that_ages_above_89_are_one_age() -> None:
    ages = ["089Y", "090Y", "104Y", "006M", "old"]
    assert [capped_age(age) for age in ages] == ["089Y", "090Y", "090Y", "006M", ""]
    made = deidentified(an_image(PatientAge="097Y"), Profile(patient=True), SECRET)
    assert made.PatientAge == "090Y"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("CT Thorax/Abdomen portal venous 2.5mm", "CT Thorax/Abdomen portal venous 2.5mm"),
        ("T1 FLAIR ax for Dr. Wilson", "T1 FLAIR ax for"),
        ("GTV_Mueller-1", "GTV_-1"),
        ("liver 12.03.1956, call 030 1234567", "liver"),
        ("Hand of White", "of"),
        ("Zorn", ""),
    ],
)
def test_that_descriptions_keep_known_words_only(before: str, after: str) -> None:
    assert cleaned(before, frozenset({"white", "hand"})) == after


def test_that_descriptors_are_cleaned_when_asked() -> None:
    image = an_image(SeriesDescription="liver of Ann", StudyDescription="Invented")
    made = deidentified(image, Profile(descriptors=True), SECRET)
    assert made.SeriesDescription == "liver of"
    assert "StudyDescription" not in made
    assert "SeriesDescription" not in deidentified(image, BASIC, SECRET)


def test_that_a_name_in_a_text_no_table_lists_goes() -> None:
    image = an_image(PositionReferenceIndicator="INVENTED", Manufacturer="GE", SequenceName="fl3d")
    image.ProtocolName, image.SoftwareVersions = "Invented", "for A1-777"
    image.PatientID = "A1-777"
    made = deidentified(image, BASIC, SECRET)
    assert not made.PositionReferenceIndicator
    assert (made.Manufacturer, made.SequenceName) == ("GE", "fl3d")
    assert made.SoftwareVersions == "for"


def test_that_uids_stay_consistent_and_known_ones_stay() -> None:
    image = an_image(FrameOfReferenceUID="1.2.840.10008.1.4.1.1")
    reference = Dataset()
    reference.ReferencedSOPInstanceUID = image.SOPInstanceUID
    image.SourceImageSequence = [reference]
    made = deidentified(image, BASIC, SECRET)
    inner = made.SourceImageSequence[0].ReferencedSOPInstanceUID
    assert inner == made.SOPInstanceUID == made.file_meta.MediaStorageSOPInstanceUID
    assert inner != image.SOPInstanceUID
    assert made.FrameOfReferenceUID == "1.2.840.10008.1.4.1.1"
    assert made.SOPClassUID == CTImageStorage


def test_that_safe_private_elements_stay_when_asked_and_no_others() -> None:
    image = an_image()
    image.add_new(0x00190010, "LO", "GEMS_ACQU_01")
    image.add_new(0x00191023, "DS", "4.5")
    image.add_new(0x00191025, "LO", "SECRET")
    image.add_new(0x00210010, "LO", "SECRET MAKER")
    made = deidentified(image, Profile(private=True), SECRET)
    assert [int(one.tag) for one in made if one.tag.is_private] == [0x00190010, 0x00191023]
    assert not any(one.tag.is_private for one in deidentified(image, BASIC, SECRET))


def content(kind: str, **said: Any) -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", kind
    for keyword, value in said.items():
        setattr(item, keyword, value)
    return item


def test_that_structured_content_goes_or_is_cleaned() -> None:
    report = a_file(Dataset())
    report.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.34"
    report.ContentSequence = [
        content("PNAME", PersonName="SECRET^Observer"),
        content("TEXT", TextValue="SECRET saw lesion in the liver"),
        content("UIDREF", UID="1.9.777.3"),
        content("NUM", MeasuredValueSequence=[content("NUM", NumericValue="12.5")]),
    ]
    gone = deidentified(report, BASIC, SECRET)
    assert [item.TextValue for item in gone.ContentSequence] == ["Removed by de-identification"]
    kept = deidentified(report, Profile(content=True), SECRET).ContentSequence
    assert kept[0].PersonName == "REMOVED"
    assert kept[1].TextValue == "lesion in the liver"
    assert kept[2].UID.startswith("2.25.")
    assert kept[3].MeasuredValueSequence[0].NumericValue == 12.5


def test_that_segments_and_regions_keep_numbers_not_names() -> None:
    segment, roi = Dataset(), Dataset()
    segment.SegmentNumber, segment.SegmentLabel = 2, "SECRET"
    roi.ROINumber, roi.ROIName = 7, "GTV SECRET"
    made = a_file(Dataset())
    made.SegmentSequence, made.StructureSetROISequence = [segment], [roi]
    bare = deidentified(made, BASIC, SECRET)
    assert bare.SegmentSequence[0].SegmentLabel == "REMOVED 2"
    assert bare.StructureSetROISequence[0].ROIName == "REMOVED 7"
    worded = deidentified(made, Profile(descriptors=True), SECRET)
    assert worded.StructureSetROISequence[0].ROIName == "GTV"


@pytest.mark.parametrize(
    "said",
    [
        {"BurnedInAnnotation": "YES"},
        {"RecognizableVisualFeatures": "YES"},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.6.1"},
        {"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]},
    ],
)
def test_that_pixels_that_may_show_names_are_refused(said: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=r"text is burned|often show|face"):
        deidentified(an_image(**said), BASIC, SECRET)
    deidentified(an_image(**said), Profile(pixels_checked=True), SECRET)


def test_that_an_overlay_inside_the_pixels_is_refused() -> None:
    image = an_image()
    image.add_new(0x60000102, "US", 15)
    with pytest.raises(BadInput, match="unused bits"):
        deidentified(image, BASIC, SECRET)


def test_that_a_document_is_refused_and_a_mesh_loses_its_words() -> None:
    made = a_file(Dataset())
    made.EncapsulatedDocument, made.MIMETypeOfEncapsulatedDocument = b"%PDF", "application/pdf"
    with pytest.raises(BadInput, match="may say anything"):
        deidentified(made, Profile(pixels_checked=True), SECRET)
    triangle = struct.pack("<12f", *range(12))
    stl = b"SECRET".ljust(80) + struct.pack("<I", 1) + triangle + b"ww"
    made.EncapsulatedDocument, made.MIMETypeOfEncapsulatedDocument = stl, "model/stl"
    bare = deidentified(made, BASIC, SECRET).EncapsulatedDocument
    assert bare == bytes(80) + struct.pack("<I", 1) + triangle + b"\0\0"
    obj = b"# SECRET\no Meier\nv 1 2 3.5e-1\nf 1//1 2//2 3//3\nmtllib Meier.mtl\n"
    assert bare_document(obj, "model/obj") == b"v 1 2 3.5e-1\nf 1//1 2//2 3//3\n"


def test_that_the_object_given_stays_as_it_was() -> None:
    image = an_image()
    before = written(image)
    deidentified(image, profile_of([]), SECRET)
    assert written(image) == before


def test_that_options_are_named_or_refused() -> None:
    assert profile_of(["pixels-checked"]) == Profile(dates="modified", pixels_checked=True)
    assert profile_of(["no-dates"]) == BASIC
    with pytest.raises(BadArgument, match="there are: no-dates"):
        profile_of(["everything"])
    with pytest.raises(BadArgument, match="choose one of"):
        profile_of(["no-dates", "full-dates"])


def test_that_the_secret_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "own" / "secret"
    with pytest.raises(BadInput, match="holds no secret"):
        secret_of(path)
    made = secret_of(path, make=True)
    assert secret_of(path, make=True) == made
    assert path.stat().st_mode & 0o777 == 0o600


def copied(source: Path, to: Path, *options: str) -> Any:
    files = sorted(p for p in source.rglob("*") if p.is_file())
    return copy_deidentified(files, to, profile_of(options), SECRET, watch=Watch())


@pytest.fixture(scope="module")
def sts(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    source, to = shared / "sts-002" / "dicom", tmp_path_factory.mktemp("copy") / "sts"
    assert not copied(source, to).refused
    return source, to


def test_that_a_real_set_is_still_one_set(sts: tuple[Path, Path]) -> None:
    before: dict[str, list[bytes]] = {}
    after: dict[str, list[bytes]] = {}
    for folder, found in zip(sts, (before, after), strict=True):
        found_there = scan(folder, Watch())
        for series in found_there.usable():
            volume = read_volume(series, Watch())
            found[series.modality] = [volume.voxels.tobytes(), volume.affine.tobytes()]
            for label in found_there.labels:
                if label.referenced_series_uid == series.uid:
                    masks = read_masks(label, volume, Watch())
                    found[series.modality] += [mask.voxels.tobytes() for mask in masks]
    assert sorted(before) == ["CT", "MR", "PT"]
    assert all(len(found) == 3 for found in before.values())
    assert before == after


def test_that_nothing_of_the_patient_is_in_the_copies(sts: tuple[Path, Path]) -> None:
    source, to = sts
    traces = set()
    for path in sorted(source.rglob("*.dcm")):
        header = dcmread(path, stop_before_pixels=True)
        traces |= {str(header.PatientID).encode(), str(header.SOPInstanceUID).encode()}
        traces |= {str(header.StudyInstanceUID).encode()}
    assert len(traces) > 100
    everything = b"".join(path.read_bytes() for path in sorted(to.rglob("*.dcm")))
    words = set(re.findall(rb"[0-9.]{10,64}|STS_\d+", everything)) | {b"STS_002"}
    assert not traces & words - {b"STS_002"}
    assert b"STS_002" not in everything


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy is not installed")
def test_that_objects_stay_as_valid_as_they_were(sts: tuple[Path, Path]) -> None:
    def errors(path: Path) -> set[str]:
        said = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
        lines = (line for line in said.stderr.splitlines() if line.startswith("Error"))
        return {re.sub(r"<[^>]*>", "", line) for line in lines}

    kinds: list[dict[str, Path]] = [{}, {}]
    for folder, by_kind in zip(sts, kinds, strict=True):
        for path in sorted(folder.rglob("*.dcm")):
            by_kind.setdefault(dcmread(path, specific_tags=["Modality"]).Modality, path)
    assert kinds[0].keys() == kinds[1].keys()
    for modality in kinds[0]:
        assert errors(kinds[1][modality]) <= errors(kinds[0][modality]), modality


def bad_files(folder: Path) -> Iterator[tuple[str, bytes]]:
    good = written(an_image())
    header = good[: good.index(b"\x08\x00")]
    yield "text.txt", b"no DICOM at all"
    yield "cut", good[: random.Random(1).randrange(len(header), len(good))]
    yield "long", header + struct.pack("<HH2sHI", 8, 0x1030, b"UT", 0, 0xFFFFFFF0)
    nested = struct.pack("<HH2sHI", 8, 0x1140, b"SQ", 0, 0xFFFFFFFF)
    nested += struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    yield "deep", header + nested * 3000
    bomb = zlib.compressobj(9, wbits=-15)
    blown = bomb.compress(bytes(2**30)) + bomb.flush()
    deflated = header.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99\0\0")
    deflated = deflated[:140] + struct.pack("<I", len(deflated) - 144) + deflated[144:]
    place = deflated.index(b"1.2.840.10008.1.2.1.99") - 2
    yield (
        "bomb",
        deflated[:place]
        + struct.pack("<H", 22)
        + deflated[place + 2 :].replace(b"1.2.1.99\0\0", b"1.2.1.99")
        + blown,
    )


def test_that_what_cannot_be_treated_is_named_and_the_rest_is_whole(tmp_path: Path) -> None:
    source, to = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    (source / "Meier_Anna.dcm").write_bytes(written(an_image()))
    for name, bytes_ in bad_files(source):
        (source / name).write_bytes(bytes_)
    done = copied(source, to)
    assert {path.name for path, _ in done.refused} == {"text.txt", "cut", "long", "deep", "bomb"}
    assert all(len(why) < 300 for _, why in done.refused)
    assert "Meier" not in str([*to.rglob("*")])
    names = {str(path.relative_to(to)) for path in to.rglob("*") if path.is_file()}
    assert names == {*done.written}
    for name in names:
        dcmread(to / name)


def test_that_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    whole = written(an_image())
    start = whole.index(b"\x08\x00\x08\x00")
    for number, end in enumerate(range(start, len(whole), 37)):
        (tmp_path / f"{number:03d}").write_bytes(whole[:end])
    files = sorted(tmp_path.iterdir())
    done = copy_deidentified(files, tmp_path / "out", BASIC, SECRET, watch=Watch())
    assert len(files) > 10
    assert (done.written, len(done.refused)) == ((), len(files))


def test_that_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "1").write_bytes(written(an_image()))
    (tmp_path / "in" / "2").write_bytes(written(an_image()))
    done = copied(tmp_path / "in", tmp_path / "out")
    assert [why for _, why in done.refused] == ["the same instance was copied already"]
    with pytest.raises(BadInput, match="something there already"):
        copied(tmp_path / "in", tmp_path / "out")


def test_that_stopping_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "1.dcm"
    path.write_bytes(written(an_image()))
    asked = iter([False, True])
    with pytest.raises(Stopped):
        copy_deidentified(
            [path, path],
            tmp_path / "out",
            BASIC,
            SECRET,
            watch=Watch(asked_to_stop=lambda: next(asked)),
        )
    assert [p.name for p in tmp_path.iterdir()] == ["1.dcm"]


def test_that_the_verb_copies_with_a_shared_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "secret").write_text(SECRET.hex())
    (tmp_path / "1.dcm").write_bytes(written(an_image()))
    asked = ["deidentify", str(tmp_path / "1.dcm"), "--to", str(tmp_path / "out"), "--json"]
    assert main([*asked, "--secret", str(tmp_path / "secret"), "--with", "uids"]) == 0
    assert json.loads(capsys.readouterr().out)["tables"]["De-identified"][0]["value"] == 1
    (made,) = (tmp_path / "out").rglob("*.dcm")
    assert dcmread(made).PatientID == StandIns(SECRET).patient("A1")
    assert dcmread(made)[Tag(0x0020, 0x000E)].value == "1.2.3"
