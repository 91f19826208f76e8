"""Files that only their owner may read: nearly everything written here is about a patient."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO, Final

FOLDER: Final = 0o700
FILE: Final = 0o600


def open_private(path: Path) -> BinaryIO:
    """Open a new file for its owner alone, to be written and read; what lay there is replaced."""
    path.unlink(missing_ok=True)
    return open(path, "x+b", opener=_opener)


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags, FILE)
