"""Files that only their owner may read: nearly everything written here is about a patient."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from organtwin.core.errors import BadInput

FOLDER: Final = 0o700
FILE: Final = 0o600


def open_private(path: Path) -> BinaryIO:
    """Open a new file for its owner alone, to be written and read; what lay there is replaced."""
    path.unlink(missing_ok=True)
    return open(path, "x+b", opener=_opener)


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Yield a private file beside a place, which moves there once the block has ended.

    It is whole or not there; one that was there stays until it is replaced.

    Raises:
        BadInput: the file cannot be written.
    """
    beside = path_beside(path)
    try:
        with open_private(beside) as file:
            yield file
        beside.replace(path)
    except OSError as error:
        raise BadInput(
            f"this file cannot be written ({error.strerror})",
            where=str(path),
            advice="choose another place",
        ) from error
    finally:
        beside.unlink(missing_ok=True)


def path_beside(path: Path) -> Path:
    """Return where a file is written before it takes its place."""
    return path.with_name(f"{path.name}.part")


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags, FILE)
