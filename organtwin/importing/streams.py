"""What follows the header of a research file: raw or gzipped, read with bounds."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import UnreadableFile
from organtwin.core.watch import Watch

CHUNK: Final = 2**20
RATIO: Final = 1040
"""No deflate stream grows by more (zlib's technical notes give 1032 : 1)."""
GZIP: Final = b"\x1f\x8b"
ADVICE: Final = "export or copy the file again"


@dataclass(frozen=True)
class Stream:
    """A stretch of bytes in a file.

    Args:
        start: byte of the file where it (or its gzip stream) begins.
        skip: bytes left out of what is inflated.
        length: bytes wanted after that.
        beginning: only the beginning of a gzip stream is wanted, so its checksum is not verified.
    """

    path: Path
    start: int
    length: int
    skip: int = 0
    gzipped: bool = False
    beginning: bool = False

    def read(self, watch: Watch) -> NDArray[np.uint8]:
        """Return (length,) uint8.

        Raises:
            UnreadableFile: the file is shorter than it says, or its compression is broken.
        """
        try:
            return self._read(watch)
        except zlib.error as error:
            raise UnreadableFile("the compressed file is broken", str(self.path), ADVICE) from error
        except OSError as error:
            raise UnreadableFile(
                f"cannot be read ({error.strerror})", str(self.path), ADVICE
            ) from error

    def _read(self, watch: Watch) -> NDArray[np.uint8]:
        there = self.path.stat().st_size - self.start
        if (self.length + self.skip) > there * (RATIO if self.gzipped else 1):
            raise self._short()
        if self.gzipped:
            return self._inflated(watch)
        with self.path.open("rb") as file:
            return np.fromfile(file, np.uint8, self.length, offset=self.start + self.skip)

    def _inflated(self, watch: Watch) -> NDArray[np.uint8]:
        whole = np.empty(self.skip + self.length, dtype=np.uint8)
        engine, at = zlib.decompressobj(zlib.MAX_WBITS | 16), 0
        with self.path.open("rb") as file:
            file.seek(self.start)
            rest = b""
            while at < len(whole):
                rest = rest or file.read(CHUNK)
                if not rest:
                    raise self._short()
                piece = engine.decompress(rest, min(CHUNK, len(whole) - at))
                whole[at : at + len(piece)] = np.frombuffer(piece, np.uint8)
                at += len(piece)
                rest = engine.unconsumed_tail
                if engine.eof and at < len(
                    whole
                ):  # a gzip file may hold several streams (RFC 1952, 2.2)
                    rest = engine.unused_data
                    engine = zlib.decompressobj(zlib.MAX_WBITS | 16)
                watch.tell(at / len(whole), f"reading {self.path.name}")
            if not self.beginning and not engine.eof:
                self._to_end(engine, rest + file.read(CHUNK))
        return whole[self.skip :]

    def _to_end(self, engine: Any, rest: bytes) -> None:
        """Verify the checksum at the end of a gzip stream; raises zlib.error, UnreadableFile."""
        engine.decompress(rest, CHUNK)
        if not engine.eof:
            raise UnreadableFile("the compressed samples do not end", str(self.path), ADVICE)

    def _short(self) -> UnreadableFile:
        return UnreadableFile("the file is shorter than it says", str(self.path), ADVICE)
