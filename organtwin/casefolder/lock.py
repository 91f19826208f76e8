"""One writer at a time."""

from __future__ import annotations

import os
from pathlib import Path

from organtwin.core.errors import CaseLocked
from organtwin.core.locking import NO_LINK, check_ordinary, lock
from organtwin.core.private import FILE


class Lock:
    """An advisory lock on a file, held until `release` or the end of the process."""

    def __init__(self, path: Path) -> None:
        """Take the lock; raises CaseLocked when another process (or this one) holds it.

        What lies there may be foreign: a link is not followed, and nothing but an ordinary file of
        one name is written to (OSError).
        """
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | NO_LINK, FILE)
        try:
            check_ordinary(self._file)
        except OSError:
            self.release()
            raise
        try:
            lock(self._file)
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
