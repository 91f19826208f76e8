"""Writing that survives a crash and a power cut, and errors of the disk in plain words."""

from __future__ import annotations

import errno
import os
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from organtwin.core.errors import CaseProblem, CaseReadOnly, DiskFull
from organtwin.core.private import open_private


@contextmanager
def disk_errors(where: Path) -> Iterator[None]:
    """Turn the system's errors into DiskFull, CaseReadOnly or CaseProblem."""
    try:
        yield
    except OSError as error:
        raise _named(error.errno, str(error), where) from error
    except sqlite3.OperationalError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        number = {sqlite3.SQLITE_FULL: errno.ENOSPC, sqlite3.SQLITE_READONLY: errno.EROFS}
        raise _named(number.get(code, errno.EIO), str(error), where) from error


def write_once(path: Path, *content: bytes | memoryview) -> None:
    """Write a file whole or not at all: temporary file, fsync, rename, fsync of the folder.

    Only its owner may read it.
    """
    temporary = path.parent / f".{uuid.uuid4().hex}.part"
    try:
        with open_private(temporary) as file:
            for piece in content:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable (POSIX; Windows has no such call)."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _named(number: int | None, text: str, where: Path) -> CaseProblem:
    if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return DiskFull(
            "there is no room left; nothing was changed",
            where=str(where),
            advice="free some space and do the step again",
        )
    if number in (errno.EACCES, errno.EROFS, errno.EPERM):
        return CaseReadOnly(
            "this case may not be written",
            where=str(where),
            advice="ask for the right to write there, or copy the case folder elsewhere",
        )
    return CaseProblem(f"the disk refused ({text})", where=str(where))
