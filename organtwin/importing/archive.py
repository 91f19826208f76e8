"""Zip archives, unpacked with bounds into a private folder that lives as long as it is used.

What an archive declares is checked before a byte is written, and checked again while inflating,
since headers lie. Layout after PKWARE's APPNOTE.TXT 6.3. A zip inside a zip stays as it is.
"""

from __future__ import annotations

import io
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import IO, Final

from organtwin.core.errors import BadInput, Stopped, UnreadableFile
from organtwin.core.watch import Watch

MEMBER_LIMIT: Final = 200_000
TABLE_LIMIT: Final = 64 * 2**20
"""Bytes of the central directory: 200 000 members with names of up to 250 bytes."""
TOTAL_LIMIT: Final = 64 * 2**30
FREE_BYTES: Final = 64 * 2**20
RATIO: Final = 100
"""Bytes that a member, and all together, may grow to: 64 MiB + 100 × its compressed size.

Measured CT shrinks 2 to 4 times and label maps some hundred times, but those are small; deflate
itself ends at 1032 : 1, which only bombs and empty images come near.
"""
SPARE_BYTES: Final = 256 * 2**20
"""Of the disk, left to others."""
CHUNK: Final = 2**20
DEPTH_LIMIT: Final = 16
NAME_LIMIT: Final = 120
LOCAL_HEADER: Final = 30
METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED: Final = 0x1
MAGIC: Final = (b"PK\x03\x04", b"PK\x05\x06")
BOMB: Final = "grows more than images do, as in a zip bomb"
ADVICE: Final = "unpack it yourself if you trust it, and choose the folder"


@contextmanager
def unpacked(path: Path, watch: Watch) -> Iterator[Path]:
    """Unpack a zip; anything else is yielded as it is.

    Yields a folder named as the archive, in a private temporary folder that is removed at the end,
    also after an error. A member keeps its name there where that is a harmless relative path,
    else it is called "member-n", n being its place in the archive.

    Raises:
        UnreadableFile: the archive or a member is damaged, encrypted or of an unknown method.
        BadInput: more members or bytes than allowed, members that overlap, links, a full disk.
        Stopped: somebody asked to stop.
    """
    if not is_zip(path):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="organtwin-", ignore_cleanup_errors=True) as private:
        yield unpack_into(Path(private), path, watch)


def unpack_into(private: Path, path: Path, watch: Watch) -> Path:
    """Unpack a zip into a new folder inside `private` and return that; raises as `unpacked`."""
    folder = private / _own_names([path.name])[0]
    folder.mkdir()
    _unpack(path, folder, watch)
    return folder


def is_zip(path: Path) -> bool:
    """Return whether a regular file begins as a zip does."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(4) in MAGIC
    except OSError:
        return False


class _Bounded(io.FileIO):
    """A file of which no reader takes more at once than a table of contents may have."""

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = TABLE_LIMIT if size is None or size < 0 else size
        if wanted > TABLE_LIMIT:
            raise zipfile.BadZipFile("its table of contents is longer than allowed")
        content = super().read(wanted) or b""
        if wanted > CHUNK and content.count(b"PK\x01\x02") > 2 * MEMBER_LIMIT:
            raise zipfile.BadZipFile(f"more than {MEMBER_LIMIT} members")
        return content


def _unpack(path: Path, folder: Path, watch: Watch) -> None:
    name = ""
    try:
        with _Bounded(path) as file, zipfile.ZipFile(file) as archive:
            members = [m for m in archive.infolist() if not m.is_dir()]
            _check(path, members, shutil.disk_usage(folder).free - SPARE_BYTES)
            whole = budget = _allowed(path.stat().st_size)
            for member, own in zip(members, _own_names([m.filename for m in members]), strict=True):
                name = member.filename
                watch.tell(1 - budget / whole, f"unpacking {path.name}")
                with archive.open(member) as source:
                    limit = min(budget, _allowed(member.compress_size))
                    budget -= _copy(source, folder / own, limit, watch)
    except OSError as error:
        raise BadInput(
            f"cannot be unpacked ({error.strerror or 'read error'})",
            where=_where(path, name),
            advice="make room on the disk for temporary files",
        ) from error
    except _Grown:
        raise BadInput(BOMB, where=_where(path, name), advice=ADVICE) from None
    except (BadInput, Stopped):
        raise
    except Exception as error:
        raise UnreadableFile(
            f"the archive is damaged or of an unknown kind ({type(error).__name__})",
            where=_where(path, name),
            advice="make or fetch the archive again",
        ) from error


def _copy(source: IO[bytes], to: Path, limit: int, watch: Watch) -> int:
    """Write what `source` gives into a new file; returns the bytes; raises _Grown at `limit`."""
    to.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with to.open("xb") as file:
        while chunk := source.read(CHUNK):
            written += len(chunk)
            if written > limit:
                raise _Grown
            if watch.asked_to_stop():
                raise Stopped("stopped on request", where=to.name)
            file.write(chunk)
    return written


class _Grown(Exception):
    """A member is longer than it may be."""


def _allowed(compressed: int) -> int:
    """Return the bytes that so many compressed ones may grow to."""
    return min(FREE_BYTES + RATIO * compressed, TOTAL_LIMIT)


def _where(path: Path, name: str) -> str:
    shown = "".join(c if c.isprintable() else "?" for c in name[:NAME_LIMIT])
    return f"{path}/{shown}" if name else str(path)


def _check(path: Path, members: Sequence[zipfile.ZipInfo], free: int) -> None:
    """Raise BadInput for what the archive's own table shows to be wrong."""
    if len(members) > MEMBER_LIMIT:
        raise BadInput(f"more than {MEMBER_LIMIT} members", where=str(path), advice=ADVICE)
    total = sum(m.file_size for m in members)
    allowed = _allowed(path.stat().st_size)
    if total > allowed:
        raise BadInput(
            f"would unpack to {total:,} bytes; {allowed:,} are allowed for an archive of this size",
            where=str(path),
            advice=ADVICE,
        )
    if total > free:
        raise BadInput(
            f"would unpack to {total:,} bytes; the disk for temporary files has {max(free, 0):,}",
            where=str(path),
            advice="make room, or name a roomier folder by the variable TMPDIR",
        )
    for member in members:
        _check_member(path, member)
    ordered = sorted(members, key=lambda m: m.header_offset)
    for before, after in pairwise(ordered):
        if before.header_offset + LOCAL_HEADER + before.compress_size > after.header_offset:
            raise BadInput("members overlap, as in a zip bomb", where=_where(path, after.filename))


def _check_member(path: Path, member: zipfile.ZipInfo) -> None:
    where = _where(path, member.filename)
    if member.flag_bits & ENCRYPTED:
        raise UnreadableFile("encrypted", where, "unpack it with its password yourself")
    if member.compress_type not in METHODS:
        raise UnreadableFile(
            f"compressed by a method that is not read ({member.compress_type})", where, ADVICE
        )
    if stat.S_ISLNK(member.external_attr >> 16):
        raise BadInput("a link, which is not followed out of an archive", where, ADVICE)
    if member.file_size > _allowed(member.compress_size):
        raise BadInput(BOMB, where, ADVICE)


def _own_names(names: Sequence[str]) -> list[str]:
    """Return a relative path for each name, all different, none of which leads out."""
    files: set[str] = set()
    folders: set[str] = set()
    result = []
    for number, name in enumerate(names):
        parts = name.replace("\\", "/").split("/")
        key = "/".join(parts).casefold()
        harmless = len(parts) <= DEPTH_LIMIT and all(map(_harmless, parts))
        above = {key[:at] for at, c in enumerate(key) if c == "/"} if harmless else set()
        if not harmless or key in files or key in folders or not above.isdisjoint(files):
            parts, key, above = [f"member-{number + 1}"], f"member-{number + 1}", set()
        files.add(key)
        folders |= above
        result.append("/".join(parts))
    return result


def _harmless(part: str) -> bool:
    """Return whether a name is safe as a file's on every system."""
    return (
        0 < len(part.encode("utf-8", "replace")) <= NAME_LIMIT
        and part.isprintable()
        and part[0] not in ". -~"
        and part[-1] not in ". "
        and not set(part) & set('<>:"|?*')
    )
