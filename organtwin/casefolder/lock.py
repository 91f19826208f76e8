"""One writer at a time."""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path
from typing import Final

from organtwin.core.errors import CaseLocked

NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


class Lock:
    """An advisory lock on a file, held until `release` or the end of the process."""

    def __init__(self, path: Path) -> None:
        """Take the lock; raises CaseLocked when another process (or this one) holds it.

        What lies there may be foreign: a link is not followed, and nothing but an ordinary file of
        one name is written to (OSError).
        """
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | NO_LINK, 0o600)
        try:
            _check_ordinary(self._file)
        except OSError:
            self.release()
            raise
        try:
            _lock(self._file)
        except OSError as error:
            holder = os.read(self._file, 64).decode(errors="replace").strip()
            os.close(self._file)
            raise CaseLocked(
                f"this case is open already{f' ({holder})' if holder else ''}",
                where=str(path.parent),
                advice="close it there first",
            ) from error
        os.ftruncate(self._file, 0)
        os.write(self._file, f"process {os.getpid()}".encode())

    def release(self) -> None:
        """Give the lock back; harmless when it is not held any more."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def is_free(path: Path) -> bool:
    """Return whether a lock file is there and nobody holds it; nothing is written."""
    try:
        file = os.open(path, os.O_RDWR | NO_LINK)
    except OSError:
        return False
    try:
        _check_ordinary(file)
        _lock(file)
    except OSError:
        return False
    finally:
        os.close(file)
    return True


def _check_ordinary(file: int) -> None:
    state = os.fstat(file)
    if not stat.S_ISREG(state.st_mode) or state.st_nlink > 1:
        raise OSError(errno.EPERM, "the lock is no ordinary file")


if sys.platform == "win32":
    import msvcrt

    def _lock(file: int) -> None:
        """Lock a byte far behind the text, so that the holder's name stays readable."""
        os.lseek(file, 4096, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        finally:
            os.lseek(file, 0, os.SEEK_SET)

else:
    import fcntl

    def _lock(file: int) -> None:
        """Lock the file or raise OSError at once."""
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
