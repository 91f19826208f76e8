"""One writer at a time."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from organtwin.core.errors import CaseLocked


class Lock:
    """An advisory lock on a file, held until `release` or the end of the process."""

    def __init__(self, path: Path) -> None:
        """Take the lock; raises CaseLocked when another process (or this one) holds it."""
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
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
