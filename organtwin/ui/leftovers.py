"""What stopped steps left behind in a case folder, and killed programs in temporary ones."""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

from organtwin.casefolder.lock import is_free

Objects = frozenset[Path]


def objects_in(root: Path) -> Objects:
    """Return every file of an object folder, half written ones too."""
    return frozenset(root.glob("??/*"))


def remove_since(root: Path, before: Objects) -> None:
    """Remove what came since; nothing refers to it, for the journal did not learn of it."""
    for path in objects_in(root) - before:
        with suppress(OSError):
            path.unlink()


def remove_abandoned(folder: Path, prefix: str) -> None:
    """Remove private folders inside `folder` whose file "lock" nobody holds any more.

    Others may write into a temporary folder: only what this user alone can reach is looked at.
    """
    for left in folder.glob(f"{prefix}*"):
        with suppress(OSError):
            if _is_private(left) and is_free(left / "lock"):
                shutil.rmtree(left, ignore_errors=True)


def _is_private(folder: Path) -> bool:
    state = folder.lstat()
    if not stat.S_ISDIR(state.st_mode):
        return False
    if os.name != "posix":  # a user's temporary folder is his own
        return True
    return state.st_uid == os.getuid() and stat.S_IMODE(state.st_mode) == 0o700
