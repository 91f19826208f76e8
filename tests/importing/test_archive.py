"""Zip archives: unpacked with bounds, traps refused, nothing left behind."""

from __future__ import annotations

import struct
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from organtwin.core.errors import BadInput, Stopped, UnreadableFile
from organtwin.core.watch import Watch
from organtwin.importing import open_images
from organtwin.importing.archive import FREE_BYTES, RATIO, _own_names, unpacked

WATCH = Watch()
MIB = 2**20
Write = Callable[..., list[Path]]


@pytest.fixture(autouse=True)
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let temporary folders lie in one that each test has to leave empty."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def refusal(path: Path) -> BadInput:
    with pytest.raises(BadInput) as caught, unpacked(path, WATCH):
        pass
    return caught.value


def test_that_a_zip_of_a_series_is_the_series(write: Write, tmp_path: Path, private: Path) -> None:
    members = {f"study/{p.name}": p.read_bytes() for p in write([0, 3, 6])}
    with open_images(zipped(tmp_path / "a.zip", members), WATCH) as images:
        (series,) = images.scan.usable()
        assert images.volume(series, WATCH).voxels[1, 2, 1] == 121 - 1000
    assert not list(private.iterdir())


def test_that_a_refusal_names_the_archive_and_the_member(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"notes/read me.txt": b"nothing"})
    with open_images(path, WATCH) as images:
        assert [r.path for r in images.scan.refused] == [path / "notes/read me.txt"]


def test_that_what_is_no_zip_is_left_where_it_is(tmp_path: Path) -> None:
    with unpacked(tmp_path, WATCH) as place:
        assert place == tmp_path


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/evil", "a/../../evil", "C:evil", "..\\evil", "a\0b", "~evil", "-evil"]
)
def test_that_no_member_is_written_outside(tmp_path: Path, private: Path, name: str) -> None:
    with unpacked(zipped(tmp_path / "a.zip", {name: b"1", "b": b"2"}), WATCH) as place:
        written = [p for p in tmp_path.rglob("*") if p.is_file() and p.suffix != ".zip"]
        assert all(p.is_relative_to(place) for p in written)
        assert len(written) == 2


def test_that_names_that_collide_are_told_apart(tmp_path: Path) -> None:
    with unpacked(zipped(tmp_path / "a.zip", {"a": b"1", "A": b"2", "a/b": b"3"}), WATCH) as place:
        assert {p.read_bytes() for p in place.rglob("*") if p.is_file()} == {b"1", b"2", b"3"}


@pytest.fixture(scope="module")
def bomb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1 MB that inflates to 1 GiB."""
    path = tmp_path_factory.mktemp("bomb") / "bomb.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("slice.dcm", "w") as member,
    ):
        for _ in range(1024):
            member.write(bytes(MIB))
    return path


def test_that_a_bomb_is_refused_at_once(bomb: Path, private: Path) -> None:
    start = time.perf_counter()
    assert "1,073,741,824 bytes" in refusal(bomb).what
    assert time.perf_counter() - start < 1
    assert not list(private.iterdir())


def test_that_a_bomb_with_lying_headers_ends_while_inflating(bomb: Path, tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    raw = bomb.read_bytes().replace(struct.pack("<I", 2**30), struct.pack("<I", 5))
    path.write_bytes(raw)
    start = time.perf_counter()
    assert "bomb.zip/slice.dcm" in refusal(path).where
    assert time.perf_counter() - start < 1


def test_that_a_stream_ends_at_its_limit(tmp_path: Path) -> None:
    from organtwin.importing.archive import _copy, _Grown

    with (tmp_path / "zeros").open("wb") as sparse:
        sparse.truncate(FREE_BYTES)
    with (tmp_path / "zeros").open("rb") as source, pytest.raises(_Grown):
        _copy(source, tmp_path / "out", 3 * MIB, WATCH)
    assert (tmp_path / "out").stat().st_size <= 3 * MIB


def test_that_empty_images_are_no_bomb(tmp_path: Path) -> None:
    # 100 slices of 512² zeros shrink 1000 : 1, yet stay below 64 MiB
    path = zipped(tmp_path / "a.zip", {f"{n}": bytes(512 * 1024) for n in range(100)})
    assert path.stat().st_size * RATIO < 100 * 512 * 1024
    with unpacked(path, WATCH) as place:
        assert len(list(place.iterdir())) == 100


def test_that_overlapping_members_are_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a": b"x" * 99, "b": b"x" * 99})
    raw = bytearray(path.read_bytes())
    second = raw.rindex(b"PK\x01\x02")
    raw[second + 42 : second + 46] = struct.pack("<I", 0)
    path.write_bytes(raw)
    assert "overlap" in refusal(path).what


def patched(path: Path, offset_local: int, offset_central: int, value: int) -> Path:
    """Change a 16-bit field of the only member's two headers."""
    raw = bytearray(zipped(path, {"slice": b"x" * 99}).read_bytes())
    central = raw.index(b"PK\x01\x02")
    for at in (offset_local, central + offset_central):
        struct.pack_into("<H", raw, at, value)
    path.write_bytes(raw)
    return path


def test_that_an_encrypted_member_is_named(tmp_path: Path) -> None:
    found = refusal(patched(tmp_path / "a.zip", 6, 8, 1))
    assert (found.what, found.where) == ("encrypted", str(tmp_path / "a.zip/slice"))


def test_that_an_unknown_method_is_refused(tmp_path: Path) -> None:
    assert "method that is not read (9)" in refusal(patched(tmp_path / "a.zip", 8, 10, 9)).what


def test_that_a_link_is_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert "a link" in refusal(tmp_path / "a.zip").what


def test_that_too_many_members_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("organtwin.importing.archive.MEMBER_LIMIT", 3)
    path = zipped(tmp_path / "a.zip", {str(n): b"" for n in range(4)})
    assert refusal(path).what == "more than 3 members"


def test_that_every_cut_archive_is_refused(tmp_path: Path) -> None:
    whole = zipped(tmp_path / "a.zip", {"a": b"some bytes" * 9, "b": b"others"}).read_bytes()
    for length in range(4, len(whole), 7):
        (tmp_path / "cut.zip").write_bytes(whole[:length])
        assert isinstance(refusal(tmp_path / "cut.zip"), UnreadableFile)


def test_that_damaged_content_is_found(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a": bytes(range(256)) * 9})
    raw = bytearray(path.read_bytes())
    raw[60] ^= 0xFF
    path.write_bytes(raw)
    assert refusal(path).where.endswith("a.zip/a")


def test_that_stopping_leaves_nothing_behind(tmp_path: Path, private: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a": bytes(9), "b": bytes(9)})
    with pytest.raises(Stopped), unpacked(path, Watch(asked_to_stop=lambda: True)):
        pass
    assert not list(private.iterdir())


def test_that_an_error_inside_leaves_nothing_behind(tmp_path: Path, private: Path) -> None:
    with pytest.raises(RuntimeError), unpacked(zipped(tmp_path / "a.zip", {"a": b"1"}), WATCH):
        raise RuntimeError
    assert not list(private.iterdir())


def test_that_a_zip_in_a_zip_stays_closed(tmp_path: Path) -> None:
    inner = zipped(tmp_path / "inner.zip", {"a": b"1"}).read_bytes()
    with open_images(zipped(tmp_path / "a.zip", {"inner.zip": inner}), WATCH) as images:
        assert [r.reason for r in images.scan.refused] == ["a zip, which is not looked into here"]


def test_that_a_dicomdir_in_a_zip_finds_its_files(shared: Path, tmp_path: Path) -> None:
    folder = shared / "odd-dicom-a/dicomdir"
    members = {
        str(p.relative_to(folder)): p.read_bytes()
        for p in folder.rglob("*")
        if p.is_file() and not p.name.startswith("DICOMDIR-")
    }
    with open_images(zipped(tmp_path / "a.zip", members), WATCH) as images:
        assert len({s.uid for s in images.scan.series}) == 10
        assert not [r for r in images.scan.refused if "cited" in r.reason]


def test_that_names_of_many_members_are_chosen_in_linear_time() -> None:
    begun = time.process_time()
    names = _own_names([f"study/{n // 100}/{n}" for n in range(100_000)])
    assert (len(set(names)), names[-1]) == (100_000, "study/999/99999")
    assert time.process_time() - begun < 5
