"""DICOMDIR: what it cites is found however the medium spells it, and never outside its folder."""

from __future__ import annotations

import json
import shutil
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MediaStorageDirectoryStorage

from organtwin.core.errors import BadInput, NoImages, UnreadableFile
from organtwin.core.watch import Watch
from organtwin.importing import scan
from organtwin.importing.dicomdir import WANTED, cited, records_of
from organtwin.importing.opening import opened

WATCH = Watch()
Write = Callable[..., list[Path]]
VARIANTS = ["bigEnd", "implicit", "nopatient", "reordered"]
DIRECTORIES = [("dicomdir", "DICOMDIR"), ("dicomdir-other-charset", "DICOMDIR")] + [
    ("dicomdir", f"DICOMDIR-{variant}") for variant in VARIANTS
]


def facts(shared: Path, case: str, name: str) -> dict[str, Any]:
    known = json.loads((shared / "odd-dicom-a/expected.json").read_text())
    found: dict[str, Any] = known["cases"][case]["dicomdir"][name]
    return found


@pytest.mark.parametrize(("case", "name"), DIRECTORIES)
def test_that_every_record_and_file_is_found(shared: Path, case: str, name: str) -> None:
    path, expected = shared / "odd-dicom-a" / case / name, facts(shared, case, name)
    records = records_of(opened(path, WANTED))
    found, refused = cited(path)
    assert Counter(r.text("DirectoryRecordType") for r in records) == expected["records"]
    assert (len(found), refused) == (expected["present"], [])
    assert [
        r.text("PatientName") for r in records if r.text("DirectoryRecordType") == "PATIENT"
    ] == (expected["patients"])


def test_that_an_empty_directory_says_so(shared: Path) -> None:
    with pytest.raises(NoImages, match="cites no files"):
        cited(shared / "odd-dicom-a/dicomdir/DICOMDIR-empty.dcm")


def test_that_opening_a_directory_finds_what_its_folder_holds(shared: Path) -> None:
    folder = shared / "odd-dicom-a/dicomdir"
    by_folder, by_file = scan(folder, WATCH), scan(folder / "DICOMDIR", WATCH)
    assert by_file.series == by_folder.series
    assert len({s.uid for s in by_file.series}) == 10


def test_that_beside_a_damaged_directory_everything_is_looked_at(shared: Path) -> None:
    # the last records of this one are shorter than the sequence says
    folder = shared / "odd-dicom-a/dicomdir"
    found = scan(folder / "DICOMDIR-nooffset", WATCH)
    assert found.series == scan(folder, WATCH).series
    assert ("UnreadableFile", folder / "DICOMDIR-nooffset") in {
        (r.error_class, r.path) for r in found.refused
    }


def medium(folder: Path, *names: list[str], in_use: int = 0xFFFF) -> Path:
    """Write a DICOMDIR that cites files by the components of their names."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    directory = FileDataset("", Dataset(), file_meta=meta, preamble=b"\0" * 128)
    directory.DirectoryRecordSequence = []
    for name in names:
        record = Dataset()
        record.OffsetOfTheNextDirectoryRecord = 4_000_000_000
        record.RecordInUseFlag = in_use
        record.DirectoryRecordType = "IMAGE"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            record.ReferencedFileID = name
        directory.DirectoryRecordSequence.append(record)
    with warnings.catch_warnings():  # pydicom says which of the names no medium may have
        warnings.simplefilter("ignore", UserWarning)
        directory.save_as(folder / "DICOMDIR", enforce_file_format=True)
    return folder / "DICOMDIR"


@pytest.mark.parametrize("there", ["im1", "IM1;1", "IM1.;1", "im1."])
def test_that_names_are_matched_as_media_spell_them(tmp_path: Path, there: str) -> None:
    (tmp_path / "pt0").mkdir()
    (tmp_path / "pt0" / there).touch()
    assert cited(medium(tmp_path, ["PT0", "IM1"])) == ([tmp_path / "pt0" / there], [])


def test_that_a_missing_file_is_refused_in_a_scan_of_its_folder(
    write: Write, tmp_path: Path
) -> None:
    write([0, 3, 6])
    medium(tmp_path / "dicom", ["000.DCM"], ["003.DCM"])
    found = scan(tmp_path / "dicom", WATCH)
    assert [s.size for s in found.usable()] == [(5, 4, 3)]
    assert [r.reason for r in found.refused] == ["cited by the DICOMDIR, not there: 003.DCM"]


@pytest.mark.parametrize(
    "name",
    [["..", "SECRET"], ["..\\SECRET"], ["/etc/passwd"], ["A", "..", "..", "SECRET"], ["OUT"]],
)
def test_that_nothing_outside_the_folder_is_found(tmp_path: Path, name: list[str]) -> None:
    (tmp_path / "cd").mkdir()
    (tmp_path / "SECRET").touch()
    (tmp_path / "cd/OUT").symlink_to(tmp_path / "SECRET")
    found, refused = cited(medium(tmp_path / "cd", name))
    assert (found, len(refused)) == ([], 1)


def test_that_records_out_of_use_are_passed_over(tmp_path: Path) -> None:
    with pytest.raises(NoImages):
        cited(medium(tmp_path, ["IM1"], in_use=0))


def test_that_a_directory_that_cites_itself_ends(tmp_path: Path) -> None:
    path = medium(tmp_path, ["DICOMDIR"])
    assert scan(path, WATCH).series == ()


def test_that_every_cut_directory_is_refused(shared: Path, tmp_path: Path) -> None:
    whole = (shared / "odd-dicom-a/dicomdir/DICOMDIR").read_bytes()
    for length in range(150, len(whole), 997):
        (tmp_path / "DICOMDIR").write_bytes(whole[:length])
        with pytest.raises((UnreadableFile, NoImages)):
            cited(tmp_path / "DICOMDIR")


def test_that_a_changed_byte_gives_files_or_a_refusal(shared: Path, tmp_path: Path) -> None:
    shutil.copyfile(shared / "odd-dicom-a/dicomdir/DICOMDIR", tmp_path / "DICOMDIR")
    path = tmp_path / "DICOMDIR"
    whole = bytearray(path.read_bytes())
    for at in range(132, len(whole), 131):
        changed = whole.copy()
        changed[at] ^= 0xFF
        path.write_bytes(changed)
        with suppress(BadInput):
            assert cited(path)[0] == []
