"""A header that repeats one says what it says when it is parsed from its beginning."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from organtwin.core.errors import BadInput
from organtwin.importing.formats import everything_wanted
from organtwin.importing.headers import headers_from_json, headers_to_json
from organtwin.importing.opening import Opened, opened
from organtwin.importing.repeating import Repeats

FOLDERS = ("sts-002/dicom/MR_T1/image", "sts-002/dicom/PET/image", "ge-ct-tilt-nonuniform")
CHANGES, HEADER_BYTES = 400, 6000


def _looked_at(path: Path, repeats: Repeats | None = None) -> object:
    try:
        return opened(path, everything_wanted(), repeats)
    except BadInput as error:
        return error.what


def _mutants(folder: Path, place: Path) -> Iterator[Path]:
    """Yield files of one series, some with a few bytes of their headers changed."""
    chance = random.Random(11)
    whole = [path.read_bytes() for path in sorted(folder.iterdir())[:8]]
    for n in range(CHANGES):
        original = chance.choice(whole)
        content = bytearray(original[:HEADER_BYTES])
        for _ in range(chance.randrange(3)):
            content[chance.randrange(132, len(content))] = chance.choice([0, 1, 2, 65, 255])
        path = place / f"{n}.dcm"
        path.write_bytes(content)
        os.truncate(path, len(original))
        yield path


@pytest.mark.parametrize("folder", FOLDERS)
def test_that_files_of_a_series_read_alike_with_and_without_those_before(
    shared: Path, folder: str
) -> None:
    repeats = Repeats()
    for path in sorted((shared / folder).iterdir()):
        assert _looked_at(path, repeats) == _looked_at(path)


def test_that_changed_bytes_are_never_taken_for_those_before(shared: Path, tmp_path: Path) -> None:
    repeats = Repeats()
    for path in _mutants(shared / FOLDERS[0], tmp_path):
        assert _looked_at(path, repeats) == _looked_at(path)


def test_that_nearly_all_headers_of_a_series_are_not_parsed_again(shared: Path) -> None:
    repeats = Repeats()
    contents = [path.read_bytes() for path in sorted((shared / FOLDERS[0]).iterdir())]
    for path in sorted((shared / FOLDERS[0]).iterdir())[:4]:
        opened(path, everything_wanted(), repeats)
    assert all(repeats.again(content, len(content)) for content in contents)


@pytest.mark.parametrize("folder", FOLDERS)
def test_that_headers_come_back_from_another_worker(shared: Path, folder: str) -> None:
    repeats = Repeats()
    paths = sorted((shared / folder).glob("*.dcm"))
    files = [opened(path, everything_wanted(), repeats) for path in paths]
    back = headers_from_json(json.loads(headers_to_json(files)))
    assert list(map(_told, back)) == list(map(_told, files))


def _told(file: Opened) -> tuple[object, ...]:
    return file.path, file.size_bytes, file.dataset, file.transfer_syntax, file.sop_class
