"""The files of a place: a folder's, one file, or those that a DICOMDIR cites; always bounded."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Final

from organtwin.core.errors import BadInput, UnreadableFile
from organtwin.importing.dicomdir import NAME, cited, is_directory
from organtwin.importing.found import Refused

FILE_LIMIT: Final = 200_000
DEPTH_LIMIT: Final = 32


def files_of(path: Path) -> tuple[list[Path], list[Refused]]:
    """Return the files to look at, sorted, and what cannot be looked at.

    Of a DICOMDIR these are the files that it cites, or where it is damaged all of its folder; of
    a folder every regular file below it (files are the truth), and refusals for what its
    DICOMDIRs cite and is not there. Links that lead out are never followed.

    Raises:
        BadInput: more than 200 000 files.
    """
    if path.is_file():
        return _of_directory(path) if is_directory(path) else ([path], [])
    files, refused = _of_folder(path)
    for one in files:
        if one.name.upper().startswith(NAME) and is_directory(one):
            refused += [r for r in _of_directory(one)[1] if r not in refused]
    return files, refused


def _of_directory(path: Path) -> tuple[list[Path], list[Refused]]:
    try:
        return cited(path)
    except BadInput as error:
        files, refused = _of_folder(path.parent)
        return files, [Refused.by(error, path), *refused]


def _of_folder(path: Path) -> tuple[list[Path], list[Refused]]:
    root = path.resolve()
    files: list[Path] = []
    refused: list[Refused] = []
    for one in _walked(path, refused):
        place = Path(one.path)
        if one.is_symlink() and not place.resolve().is_relative_to(root):
            refused.append(Refused(place, BadInput.__name__, "a link that leads out of the folder"))
        elif _leads_to(one.is_file):
            files.append(place)
            if len(files) > FILE_LIMIT:
                raise BadInput(
                    f"more than {FILE_LIMIT} files",
                    where=str(path),
                    advice="choose the folder of one patient",
                )
        elif not one.is_symlink():
            refused.append(Refused(place, UnreadableFile.__name__, "not a regular file"))
    return sorted(files, key=attrgetter("parts")), refused


def _walked(path: Path, refused: list[Refused]) -> Iterator[os.DirEntry[str]]:
    """Yield what lies in a folder and in those below it; what cannot be opened is refused."""
    folders = [(str(path), 1)]
    while folders:
        folder, depth = folders.pop()
        try:
            with os.scandir(folder) as found:
                entries = list(islice(found, FILE_LIMIT + 1))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            why = f"this folder cannot be opened ({error.strerror})"
            refused.append(Refused(Path(folder), UnreadableFile.__name__, why))
            continue
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                if not _leads_to(entry.is_dir):
                    yield entry
            elif depth < DEPTH_LIMIT:
                folders.append((entry.path, depth + 1))


def _leads_to(kind: Callable[[], bool]) -> bool:
    """Return whether an entry is of a kind; a link that leads nowhere or in a circle is of none."""
    try:
        return kind()
    except OSError:
        return False
