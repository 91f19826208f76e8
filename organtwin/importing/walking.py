"""The files of a place: a folder's, one file, or those that a DICOMDIR cites; always bounded."""

from __future__ import annotations

import os
from collections.abc import Iterator
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
    root, files, refused = path.resolve(), [], []
    for one in _walked(path):
        if one.is_symlink() and not one.resolve().is_relative_to(root):
            refused.append(Refused(one, BadInput.__name__, "a link that leads out of the folder"))
        elif one.is_file():
            files.append(one)
            if len(files) > FILE_LIMIT:
                raise BadInput(
                    f"more than {FILE_LIMIT} files",
                    where=str(path),
                    advice="choose the folder of one patient",
                )
        elif not one.is_symlink():
            refused.append(Refused(one, UnreadableFile.__name__, "not a regular file"))
    return sorted(files), refused


def _walked(path: Path) -> Iterator[Path]:
    depth = len(path.parts)
    for folder, below, names in os.walk(path, followlinks=False):
        if len(Path(folder).parts) - depth >= DEPTH_LIMIT:
            below.clear()
        yield from (Path(folder, name) for name in names)
