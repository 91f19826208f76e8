"""Open one foreign file with bounds: its beginning, and its DICOM header when it has one."""

from __future__ import annotations

import os
import stat
import zlib
from dataclasses import dataclass, field, replace
from io import FileIO
from pathlib import Path
from typing import Final

from organtwin.core.errors import UnreadableFile
from organtwin.importing.element_reader import Dataset, ElementReader, Shortened
from organtwin.importing.elements import Elements, Wanted
from organtwin.importing.repeating import Kind, Repeats, kind_of

PREAMBLE: Final = 128
FIRST_READ: Final = 16 * 2**10
HEADER_LIMIT: Final = 256 * 2**20
INFLATED_HEADER_LIMIT: Final = 16 * 2**20
IMPLICIT_LITTLE: Final = "1.2.840.10008.1.2"
EXPLICIT_LITTLE: Final = "1.2.840.10008.1.2.1"
DEFLATED: Final = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG: Final = "1.2.840.10008.1.2.2"


@dataclass(frozen=True)
class Opened:
    """One file, looked at.

    Args:
        beginning: its first bytes, enough to tell a format by.
        dataset: its DICOM dataset, None when it is not DICOM.
        sop_class: SOP class UID from the file meta information.
        kind: the same object for files that say the same but for what each has of its own; None
            where that was not looked for, of a damaged file, and of one that is not DICOM.
    """

    path: Path
    size_bytes: int
    modified_ns: int
    beginning: bytes
    dataset: Dataset | None = None
    transfer_syntax: str = ""
    sop_class: str = ""
    kind: Kind | None = field(default=None, compare=False, repr=False)

    @property
    def elements(self) -> Elements:
        """The DICOM values that were wanted; nothing when it is not DICOM."""
        return self.dataset.elements if self.dataset else Elements({})


def opened(path: Path, tree: Wanted, repeats: Repeats | None = None) -> Opened:
    """Look at a regular file.

    Args:
        repeats: knows the headers of files looked at before for the same `tree`.

    Raises:
        UnreadableFile: it cannot be opened, or says it is DICOM and is not.
    """
    try:
        with open(path, "rb", 0, opener=not_waiting) as file:
            return _looked_at(path, file, tree, repeats)
    except OSError as error:
        raise UnreadableFile(
            f"cannot be opened ({error.strerror})",
            where=str(path),
            advice="check that the file is there and may be read",
        ) from error


def not_waiting(name: str, flags: int) -> int:
    """Open a file as `open` does, but wait for nobody to write into a pipe."""
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))


def _looked_at(path: Path, file: FileIO, tree: Wanted, repeats: Repeats | None) -> Opened:
    state = os.fstat(file.fileno())
    if not stat.S_ISREG(state.st_mode):
        raise UnreadableFile("not a regular file", where=str(path))
    content = file.read(FIRST_READ)
    plain = Opened(path, state.st_size, state.st_mtime_ns, content[:512])
    if content[PREAMBLE : PREAMBLE + 4] != b"DICM":
        return plain
    known = repeats.again(content, plain.size_bytes) if repeats else None
    if known is not None:
        kind, dataset = known
        return _as_dicom(plain, dataset, kind.transfer_syntax, kind.sop_class, kind=kind)
    amount = FIRST_READ
    while True:
        try:
            return _parsed(plain, content, tree, repeats)
        except Shortened:
            if amount >= min(HEADER_LIMIT, state.st_size):
                raise UnreadableFile(
                    "the DICOM header does not end within reason", where=str(path)
                ) from None
            amount *= 16
            file.seek(0)
            content = file.read(min(amount, HEADER_LIMIT))


def _parsed(plain: Opened, content: bytes, tree: Wanted, repeats: Repeats | None) -> Opened:
    meta = ElementReader(content, plain.size_bytes, PREAMBLE + 4, implicit=False, big=False)
    try:
        said = meta.group_2()
    except UnreadableFile as error:
        raise replace(error, where=str(plain.path)) from error
    syntax = said.text("TransferSyntaxUID")
    if not syntax:
        raise UnreadableFile("the DICOM file names no transfer syntax", where=str(plain.path))
    start, size = meta.at, plain.size_bytes
    if syntax == DEFLATED:
        content, ended = inflated(content[start:], INFLATED_HEADER_LIMIT)
        start, size = 0, len(content) if ended else 2**62
    reader = ElementReader(
        content, size, start, implicit=syntax == IMPLICIT_LITTLE, big=syntax == EXPLICIT_BIG
    )
    dataset, sop_class = reader.dataset(tree), said.text("MediaStorageSOPClassUID")
    kind = kind_of(dataset, syntax, sop_class) if repeats else None
    if repeats and kind:
        as_said = syntax != DEFLATED and reader.implicit == (syntax == IMPLICIT_LITTLE)
        steps = [*(meta.steps or []), *(reader.steps or [])]
        kind = repeats.learn(kind, content, steps if as_said and reader.steps else [])
    return _as_dicom(plain, dataset, syntax, sop_class, kind=kind)


def _as_dicom(
    plain: Opened, dataset: Dataset, transfer_syntax: str, sop_class: str, *, kind: Kind | None
) -> Opened:
    found = plain.path, plain.size_bytes, plain.modified_ns, plain.beginning
    return Opened(*found, dataset, transfer_syntax, sop_class, kind)


def inflated(content: bytes, limit: int) -> tuple[bytes, bool]:
    """Inflate at most `limit` bytes of a raw deflate stream; returns whether it ended by itself.

    Raises:
        UnreadableFile: it is not a deflate stream.
    """
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        result = engine.decompress(content, limit)
    except zlib.error as error:
        raise UnreadableFile(f"the deflated content is broken ({error})") from error
    return result, engine.eof
