"""Private temporary folders that do not outlive their process for long, however it ends.

Each holds a lock for as long as its process lives. One whose lock is free was left behind by a
process that was killed, and the next process that makes such a folder removes it.
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

from organtwin.core.locking import is_free, lock
from organtwin.core.private import FILE, FOLDER

LOCK: Final = ".lock"


@contextmanager
def private_folder(prefix: str) -> Iterator[Path]:
    """Give a folder for everything temporary, whose name begins so; removed at the end.

    Raises:
        OSError: there is no room for it.
    """
    remove_abandoned(Path(tempfile.gettempdir()), prefix)
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    held = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL, FILE)
    try:
        lock(held)
        yield folder
    finally:
        os.close(held)
        shutil.rmtree(folder, ignore_errors=True)


def remove_abandoned(parent: Path, prefix: str) -> None:
    """Remove the folders inside `parent` that a killed process left behind.

    Others may write into `parent`: only what this user alone can reach is looked at, through no
    link, and nothing is written.
    """
    for left in parent.glob(f"{prefix}*"):
        with suppress(OSError):
            if _is_private(left) and is_free(left / LOCK):
                shutil.rmtree(left, ignore_errors=True)


def _is_private(folder: Path) -> bool:
    state = folder.lstat()
    if not stat.S_ISDIR(state.st_mode):
        return False
    if os.name != "posix":  # a user's temporary folder is his own
        return True
    return state.st_uid == os.getuid() and stat.S_IMODE(state.st_mode) == FOLDER
