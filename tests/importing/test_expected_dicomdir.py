"""Every DICOMDIR of `../shared/data` lists what it should and leads there."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from organtwin.core.errors import UnreadableFile
from organtwin.importing import (
    dicomdir,
    scan,
)
from organtwin.importing.dicomdir import cited, records_of
from organtwin.importing.elements import Elements
from organtwin.importing.opening import opened
from tests.importing.facts import DATA, FOLDERS, WATCH, Check, compare, same, scanned

DIRECTORIES = [
    pytest.param(folder, name, one, id=f"{folder}-{name}")
    for folder, known in FOLDERS.items()
    for name, one in known.get("dicomdir", {}).items()
]


def _records(path: Path) -> list[Elements]:
    return list(records_of(opened(path, dicomdir.WANTED)))


def _kind(record: Elements) -> str:
    return record.text("DirectoryRecordType") or "UNKNOWN"


def _kinds(path: Path) -> Counter[str]:
    return Counter(map(_kind, _records(path)))


def _patients(path: Path) -> list[str]:
    return [r.text("PatientName") for r in _records(path) if _kind(r) == "PATIENT"]


DIRECTORY: dict[str, Check] = {
    "records": same(_kinds),
    "referenced": same(lambda path: sum("ReferencedFileID" in r for r in _records(path))),
    "present": lambda path, fact: same(lambda p: len(cited(p)[0]))(path, fact) if fact else None,
    "patients": same(_patients),
}


@pytest.mark.parametrize(("folder", "name", "known"), DIRECTORIES)
def test_that_a_dicomdir_lists_what_it_should(folder: str, name: str, known: Any) -> None:
    path = DATA / folder / name
    if name == "DICOMDIR-nooffset":
        with pytest.raises(UnreadableFile, match="damaged"):  # longer than its file; see below
            cited(path)
    else:
        compare(path, known, DIRECTORY)


@pytest.mark.parametrize(("folder", "name", "known"), DIRECTORIES)
def test_that_a_dicomdir_leads_to_the_series_of_its_folder(
    folder: str, name: str, known: Any
) -> None:
    found = scan(DATA / folder / name, WATCH)
    assert [(s.uid, s.part, s.size) for s in found.series] == [
        (s.uid, s.part, s.size) for s in scanned(folder).series
    ]
