"""Folders that did not change are not read again; everything else is."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from organtwin.core.watch import Watch
from organtwin.importing import index, open_images
from organtwin.importing.index import Index, key_of
from organtwin.importing.walking import files_of

Write = Callable[..., list[Path]]
WATCH = Watch()


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the index lie in a temporary folder; returns its file."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv(index.SWITCH)
    return tmp_path / "data" / "organtwin" / "cache" / "scans.sqlite"


def positions(folder: Path) -> list[float]:
    """Return the heights of the slices found."""
    with open_images(folder, WATCH) as images:
        return [s.position_mm[2] for one in images.scan.series for s in one.slices]


def test_that_an_unchanged_folder_is_told_from_the_index(
    write: Write, tmp_path: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write([0.0, 3.0, 6.0])
    with open_images(tmp_path / "dicom", WATCH) as images:
        first = images.scan
    monkeypatch.setattr("organtwin.importing.asking.MODULE", "no.such.module")
    with open_images(tmp_path / "dicom", WATCH) as images:
        assert images.scan == first


def test_that_a_file_that_changed_without_growing_is_read_again(
    write: Write, tmp_path: Path, kept: Path
) -> None:
    paths = write([0.0, 3.0, 6.0])
    positions(tmp_path / "dicom")
    state = paths[2].stat()
    paths[2].write_bytes(paths[2].read_bytes().replace(b"-10.0\\-20.0\\6.0", b"-10.0\\-20.0\\9.0"))
    os.utime(paths[2], ns=(state.st_atime_ns, state.st_mtime_ns))
    assert positions(tmp_path / "dicom") == [0.0, 3.0, 9.0]


def test_that_a_file_that_came_or_went_is_noticed(write: Write, tmp_path: Path, kept: Path) -> None:
    paths = write([0.0, 3.0, 6.0])
    assert len(positions(tmp_path / "dicom")) == 3
    write([9.0, 12.0])
    assert len(positions(tmp_path / "dicom")) == 5
    paths[0].unlink()
    assert len(positions(tmp_path / "dicom")) == 4


def test_that_another_version_of_the_reader_trusts_nothing(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write([0.0, 3.0, 6.0])
    before = key_of(tmp_path)
    monkeypatch.setattr(index, "_reader", lambda: "a later version")
    assert key_of(tmp_path) != before


def test_that_only_its_owner_may_read_it(write: Write, tmp_path: Path, kept: Path) -> None:
    write([0.0, 3.0, 6.0])
    positions(tmp_path / "dicom")
    assert [stat.S_IMODE(one.stat().st_mode) for one in kept.parent.iterdir()] == [0o600]


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0" + b"\xff" * 5000, b"rubbish" * 999])
def test_that_a_damaged_index_is_made_anew(
    write: Write, tmp_path: Path, kept: Path, content: bytes
) -> None:
    write([0.0, 3.0, 6.0])
    kept.parent.mkdir(parents=True)
    kept.write_bytes(content)
    for _ in range(3):
        assert positions(tmp_path / "dicom") == [0.0, 3.0, 6.0]
    assert Index(kept).get(key_of(tmp_path / "dicom") or "") is not None


def test_that_nonsense_in_a_row_is_not_believed(write: Write, tmp_path: Path, kept: Path) -> None:
    write([0.0, 3.0, 6.0])
    Index(kept).put(key_of(tmp_path / "dicom") or "", b'{"series":[[1],{}]}')
    assert positions(tmp_path / "dicom") == [0.0, 3.0, 6.0]


def test_that_the_least_used_rows_go_first(tmp_path: Path) -> None:
    kept = Index(tmp_path / "index.sqlite", limit_bytes=250)
    kept.put("a", b"a" * 100)
    kept.put("b", b"b" * 100)
    assert kept.get("a")
    kept.put("c", b"c" * 100)
    assert [bool(kept.get(key)) for key in "abc"] == [True, False, True]


def test_that_a_place_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    kept = Index(tmp_path / "file" / "index.sqlite")
    kept.put("a", b"x")
    assert kept.get("a") is None


@pytest.fixture
def closed() -> Iterator[Path]:
    """Make a folder with a file and a folder that may not be opened, also for tests run as root."""
    place = Path(tempfile.mkdtemp(prefix="closed-"))
    place.chmod(0o755)
    (place / "note").touch()
    (place / "shut").mkdir(mode=0o000)
    if os.getuid() == 0:
        os.seteuid(65534)
    yield place
    if os.getuid() == 0:
        os.seteuid(0)
    shutil.rmtree(place)


def test_that_a_folder_that_may_not_be_opened_is_refused_and_the_rest_is_read(closed: Path) -> None:
    assert key_of(closed) is None
    files, refused = files_of(closed)
    assert files == [closed / "note"]
    assert [one.path for one in refused] == [closed / "shut"]
    assert "cannot be opened" in refused[0].reason


def test_that_a_link_in_a_circle_hides_no_file(tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "note").touch()
    assert files_of(tmp_path)[0] == [tmp_path / "note"]


def test_that_an_index_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    file = tmp_path / "scans.sqlite"
    file.touch(mode=0o644)
    Index(file).put("a", b"patients")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
