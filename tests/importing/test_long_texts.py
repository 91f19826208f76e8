"""Text values of millions of bytes cost nothing and take no other file with them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest

from organtwin.core.watch import Watch
from organtwin.importing import open_images
from organtwin.importing.dictionary import tag_of
from organtwin.importing.elements import TEXT_LIMIT, Elements, encodings_of
from organtwin.importing.scanning import sorted_out
from organtwin.importing.whereabouts import BOARD_BYTES, Board, _boards, on_board

Write = Callable[..., list[Path]]
LONG = 9_000_000
JAPANESE = encodings_of(("", "ISO 2022 IR 87"))


@pytest.mark.parametrize("piece", [b"\x1b$B\x1b(B", b"\x1b", b"\x1b$)C\\", b"a\\", b"a"])
def test_that_a_text_of_any_length_is_cut_at_once(piece: bytes) -> None:
    value = (piece * LONG)[:LONG]
    said = Elements({tag_of("SeriesDescription"): ("UT", value)}, encodings=JAPANESE)
    begun = time.process_time()
    told = said.text("SeriesDescription"), said.texts("SeriesDescription")
    assert time.process_time() - begun < 0.5
    assert told[0].endswith("…")
    assert len(told[0]) <= TEXT_LIMIT + 1


def test_that_a_name_in_three_scripts_stays_whole() -> None:
    value = "ヤマダ^タロウ=山田^太郎=やまだ^たろう".encode("iso2022_jp_2")
    said = Elements({tag_of("PatientName"): ("PN", value)}, encodings=JAPANESE)
    assert said.text("PatientName") == "ヤマダ^タロウ=山田^太郎=やまだ^たろう"


def test_that_files_with_endless_texts_take_no_other_with_them(
    write: Write, tmp_path: Path
) -> None:
    paths = write([0.0, 3.0, 6.0], SpecificCharacterSet=["", "ISO 2022 IR 87"])
    for path in paths:
        one = pydicom.dcmread(path)
        one.add_new("StudyDescription", "UT", "\x1b$B\x1b(B" * 1_000_000)
        one.save_as(path)
    begun = time.monotonic()
    with open_images(tmp_path / "dicom", Watch()) as images:
        (series,) = images.scan.usable()
    assert len(series.slices) == 3
    assert time.monotonic() - begun < 10


def test_that_a_worker_that_dies_sorting_says_at_which_file() -> None:
    file = os.memfd_create("board")
    os.ftruncate(file, BOARD_BYTES)
    Board(os.dup(file)).put_up()
    seen = []

    class Curious:
        path, kind = Path("a.dcm"), None

        @property
        def sop_class(self) -> str:
            seen.append(on_board(file))
            return "1.2.840.10008.1.3.10"

    try:
        sorted_out([Curious()], [])  # type: ignore[list-item]
    finally:
        _boards.pop()
        os.close(file)
    assert seen == [("a.dcm",)]
