"""Pieces on disk: each file whole or not there, all of them or none."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from pydicom.dataset import Dataset

from organtwin.core.errors import BadInput, WouldReplace
from organtwin.core.private import FOLDER, open_private, path_beside
from organtwin.exporting.material import Piece

LONGEST: Final = 64


def content_of(piece: Piece) -> bytes:
    """Return the bytes of a piece's file; a DICOM object in the file format of PS3.10."""
    if not isinstance(piece.content, Dataset):
        return piece.content
    stream = io.BytesIO()
    piece.content.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def write_pieces(
    pieces: Iterable[Piece], folder: Path, *, replace: bool = True
) -> tuple[tuple[Path, str], ...]:
    """Write pieces into a folder; returns each path with the SHA-256 of its content.

    Every piece is first written beside its place; only when all are there do they move, so that an
    error or a stop leaves nothing new behind. Only their owner may read them.

    Args:
        replace: files of the same names that are there.

    Raises:
        BadInput: the folder cannot be written.
        WouldReplace: there is such a file already.
    """
    written: list[tuple[Path, str]] = []
    try:
        folder.mkdir(FOLDER, parents=True, exist_ok=True)
        try:
            for piece in pieces:
                path = folder / piece.name
                if not replace and path.exists():
                    raise WouldReplace(
                        "there is such a file already",
                        where=str(path),
                        advice="ask for --replace, or choose another place",
                    )
                content = content_of(piece)
                with open_private(path_beside(path)) as file:
                    file.write(content)
                written.append((path, hashlib.sha256(content).hexdigest()))
            for path, _ in written:
                path_beside(path).replace(path)
        finally:
            _clear(path for path, _ in written)
    except OSError as error:
        raise BadInput(
            f"this folder cannot be written ({error.strerror})",
            where=str(folder),
            advice="choose another folder",
        ) from error
    return tuple(written)


def _clear(paths: Iterable[Path]) -> None:
    for path in paths:
        path_beside(path).unlink(missing_ok=True)


def file_name(name: str) -> str:
    """Return a structure's name as part of a file's: letters, digits and hyphens of ASCII only."""
    safe = "".join(c if c.isascii() and c.isalnum() else "-" for c in name)[:LONGEST]
    return safe or "unnamed"
