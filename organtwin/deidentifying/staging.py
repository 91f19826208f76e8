"""Private folders for what is not finished, gone with the process that made them.

The folder has a random name, is open to its user alone, and its process holds a lock on a file in
it for as long as it lives, however it ends. A folder of ours whose lock is free was left behind.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from organtwin.core.errors import BadInput

PREFIX: Final = ".organtwin-unfinished-"
LOCK: Final = "lock"
PRIVATE: Final = 0o700


@contextmanager
def staged(parent: Path) -> Iterator[Path]:
    """Yield a new empty folder somewhere below `parent`; at the end it is removed, whole.

    What processes that were killed left behind in `parent` is removed before.

    Raises:
        BadInput: it cannot be made or removed.
    """
    try:
        parent.mkdir(parents=True, exist_ok=True)
        sweep(parent)
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise BadInput(f"cannot be written ({error.strerror})", where=str(parent)) from error
    try:
        _taken(lock)
        os.write(lock, _mark(folder))
        inside = folder / "files"
        inside.mkdir(PRIVATE)
        yield inside
    finally:
        os.close(lock)
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise BadInput(
                f"unfinished files could not be removed ({error.strerror})",
                where=str(folder),
                advice="remove this folder",
            ) from error


def sweep(parent: Path) -> None:
    """Remove folders that `staged` made and whose process is gone; never through a link."""
    with suppress(OSError):
        for folder in parent.iterdir():
            if folder.name.startswith(PREFIX) and _left_behind(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _left_behind(folder: Path) -> bool:
    """Return whether a folder is our own, made here, and of a process that has ended."""
    try:
        there = folder.lstat()
        if not stat.S_ISDIR(there.st_mode) or stat.S_IMODE(there.st_mode) != PRIVATE:
            return False
        if there.st_uid != os.getuid():
            return False
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (OSError, AttributeError):
        return False
    try:
        return os.read(lock, 200) == _mark(folder) and _taken(lock)
    except OSError:
        return False
    finally:
        os.close(lock)


def _mark(folder: Path) -> bytes:
    """Return what the lock file of a folder says: a copy of the folder elsewhere is not ours."""
    there = folder.lstat()
    return f"OrganTwin {there.st_dev} {there.st_ino}\n".encode()


def _taken(lock: int) -> bool:
    """Take a lock, returns whether that was possible; where there are no locks it is not."""
    try:
        import fcntl

        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError):
        return False
    return True
