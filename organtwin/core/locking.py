"""Advisory locks on files; the system gives them back however a process ends."""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path
from typing import Final

NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
"""Flags to open with what may be foreign: links are not followed, pipes not waited for."""


def is_free(path: Path) -> bool:
    """Return whether a lock file is there and nobody holds it; nothing is written."""
    try:
        file = os.open(path, os.O_RDWR | NO_LINK)
    except OSError:
        return False
    try:
        check_ordinary(file)
        lock(file)
    except OSError:
        return False
    finally:
        os.close(file)
    return True


def check_ordinary(file: int) -> None:
    """Raise OSError for anything but a regular file of one name."""
    state = os.fstat(file)
    if not stat.S_ISREG(state.st_mode) or state.st_nlink > 1:
        raise OSError(errno.EPERM, "the lock is no ordinary file")


if sys.platform == "win32":
    import msvcrt

    def lock(file: int) -> None:
        """Lock a byte far behind the text, so that the holder's name stays readable."""
        os.lseek(file, 4096, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        finally:
            os.lseek(file, 0, os.SEEK_SET)

else:
    import fcntl

    def lock(file: int) -> None:
        """Lock the file or raise OSError at once."""
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
