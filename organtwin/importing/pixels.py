"""Pixels of one frame, decoded only after the declared sizes agree with the bytes there are."""

from __future__ import annotations

import os
import struct
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import BadInput, UnreadableFile
from organtwin.importing.codings import JPEG_EXTENDED, jpeg_of_12_bits
from organtwin.importing.element_reader import ElementReader
from organtwin.importing.found import Pixels
from organtwin.importing.jpeg import HUFFMAN, strict
from organtwin.importing.opening import (
    DEFLATED,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    PREAMBLE,
    inflated,
    not_waiting,
)
from organtwin.importing.tiles import JPEG_2000, check_tiles
from organtwin.importing.whereabouts import reading

FRAME_LIMIT: Final = 2**26
NATIVE: Final = frozenset([IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG, DEFLATED])
PADDING_BYTES: Final = 16
DEFLATE_RATIO: Final = 1040
"""No deflate stream grows by more (zlib's technical notes give 1032 : 1)."""
RLE: Final = "1.2.840.10008.1.2.5"
RLE_RATIO: Final = 64
LARGE_FRAME: Final = 2048 * 2048
LARGE_RATIO: Final = 200
"""Frames beyond LARGE_FRAME pixels must have a 200th of their bytes in the code: our bound."""
ITEM: Final = b"\xfe\xff\x00\xe0"
SEQUENCE_END: Final = b"\xfe\xff\xdd\xe0"
START_OF_FRAME: Final = frozenset({*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC})


def checked(pixels: Pixels) -> Pixels:
    """Return `pixels` if what they declare is possible; raises UnreadableFile when it is not."""
    frame = pixels.rows * pixels.columns
    problem = ""
    if not 0 < frame <= FRAME_LIMIT or pixels.frames < 1:
        problem = f"{pixels.rows} by {pixels.columns} pixels in {pixels.frames} frames"
    elif pixels.bits not in (1, 8, 16, 32) or not 0 < pixels.bits_stored <= pixels.bits:
        problem = f"samples of {pixels.bits_stored} of {pixels.bits} bits"
    elif pixels.length is not None and not 0 <= _spare_bytes(pixels) <= _line_bytes(pixels):
        problem = (
            f"{pixels.rows} by {pixels.columns} pixels in {pixels.frames} frames are declared, "
            f"the pixels have {pixels.length} bytes"
        )
    elif (pixels.length is None) == (pixels.transfer_syntax in NATIVE):
        problem = "pixels coded otherwise than the transfer syntax says"
    elif frame * pixels.frames * pixels.bits // 8 > pixels.size_bytes * 2**16:
        problem = "more pixels than the file can hold"
    if problem:
        raise UnreadableFile(f"impossible pixels: {problem}", where=str(pixels.path))
    return pixels


def _spare_bytes(pixels: Pixels) -> int:
    """Return how many bytes there are beyond those of the pixels declared."""
    bits = pixels.rows * pixels.columns * pixels.frames * pixels.bits
    return (pixels.length or 0) - (bits + 7) // 8


def _line_bytes(pixels: Pixels) -> int:
    """Return the bytes of one row or column, whichever is shorter: as many may be padding.

    With more to spare the declared size is wrong (with one line in each of several frames, too).
    """
    return max(min(pixels.rows, pixels.columns) * pixels.bits // 8, PADDING_BYTES)


class FrameReader:
    """Reads frames of one file, as stored (before rescaling).

    Args:
        room: (rows, columns), C order, where the samples are read to when they are of its size and
            lie in the file as in memory; a frame is then the same memory.

    Raises:
        UnreadableFile: the file changed since it was scanned, is shorter than it says, or its
            pixels cannot be decoded.
    """

    def __init__(self, pixels: Pixels, room: NDArray[Any] | None = None) -> None:
        self.pixels = checked(pixels)
        try:
            with (
                reading(pixels.path),
                open(pixels.path, "rb", 0 if room is not None else -1, opener=not_waiting) as file,
            ):
                state = os.fstat(file.fileno())
                if (state.st_size, state.st_mtime_ns) != (pixels.size_bytes, pixels.modified_ns):
                    raise self._unreadable("the file changed since it was scanned")
                self._content = self._read(file, room)
        except OSError as error:
            raise self._unreadable(f"cannot be read ({error.strerror})") from error
        self._frames = None if pixels.length is not None else self._encapsulated()

    def frame(self, n: int) -> NDArray[Any]:
        """Return (rows, columns) of the stored samples, native byte order."""
        pixels = self.pixels
        with reading(pixels.path):
            samples = self._native(n) if self._frames is None else self._decoded(self._frames[n])
        if samples.shape != (pixels.rows, pixels.columns):
            raise self._unreadable("the pixels decode to another size than declared")
        return samples

    def _unreadable(self, problem: str) -> UnreadableFile:
        return UnreadableFile(
            problem,
            where=str(self.pixels.path),
            advice="export the file again; nothing else was lost",
        )

    def _read(self, file: Any, room: NDArray[Any] | None) -> bytes | memoryview:
        """Return the bytes of all pixels, inflated when need be."""
        pixels = self.pixels
        if pixels.transfer_syntax == DEFLATED:
            return self._inflated(file.read())
        file.seek(pixels.offset)
        content: bytes | memoryview
        if room is not None and room.nbytes == pixels.length:
            content = memoryview(room).cast("B")
            count = file.readinto(content)
        else:
            content = file.read(-1 if pixels.length is None else pixels.length)
            count = len(content)
        if pixels.length is not None and count < pixels.length:
            raise self._unreadable("the file is shorter than it says")
        return content

    def _inflated(self, raw: bytes) -> bytes:
        pixels = self.pixels
        needed = pixels.offset + (pixels.length or 0)
        if needed > len(raw) * DEFLATE_RATIO:
            raise self._unreadable("the file is shorter than it says")
        meta = ElementReader(raw, len(raw), PREAMBLE + 4, implicit=False, big=False)
        meta.group_2()
        content, _ = inflated(raw[meta.at :], needed)
        if len(content) < needed:
            raise self._unreadable("the file is shorter than it says")
        return content[pixels.offset :]

    def _native(self, n: int) -> NDArray[Any]:
        pixels = self.pixels
        count = pixels.rows * pixels.columns
        if pixels.bits == 1:
            bits = np.unpackbits(
                np.frombuffer(self._content, np.uint8), bitorder="little", count=(n + 1) * count
            )
            return bits[n * count :].reshape(pixels.rows, pixels.columns)
        order = ">" if pixels.transfer_syntax == EXPLICIT_BIG else "<"
        dtype = np.dtype(f"{order}{pixels.kind}{pixels.bits // 8}")
        samples = np.frombuffer(self._content, dtype, count, n * count * dtype.itemsize)
        return within_bits(samples.reshape(pixels.rows, pixels.columns), pixels)

    def _encapsulated(self) -> list[bytes]:
        """Return the coded bytes of each frame (PS3.5 annex A.4)."""
        fragments, starts = self._fragments()
        table, fragments, starts = fragments[0], fragments[1:], starts[1:]
        frames = self.pixels.frames
        if frames == 1:
            return [b"".join(fragments)]
        if len(fragments) == frames:
            return fragments
        offsets = np.frombuffer(table[: len(table) // 4 * 4], "<u4").tolist()
        if len(offsets) != frames or not set(offsets) <= set(starts):
            raise self._unreadable(f"{frames} frames cannot be told apart")
        ends = [*offsets[1:], 2**40]
        return [
            b"".join(f for f, at in zip(fragments, starts, strict=True) if begin <= at < end)
            for begin, end in zip(offsets, ends, strict=True)
        ]

    def _fragments(self) -> tuple[list[bytes], list[int]]:
        """Return the offset table and fragments, with their places after the table."""
        content, at = bytes(self._content), 0
        fragments: list[bytes] = []
        starts: list[int] = []
        while content[at : at + 4] == ITEM and at + 8 <= len(content):
            (length,) = struct.unpack_from("<I", content, at + 4)
            if at + 8 + length > len(content):
                break
            starts.append(at - (8 + len(fragments[0]) if fragments else 0))
            fragments.append(content[at + 8 : at + 8 + length])
            at += 8 + length
        if content[at : at + 4] != SEQUENCE_END or len(fragments) < 2:
            raise self._unreadable("the compressed pixels end too early")
        return fragments, starts

    def _decoded(self, code: bytes) -> NDArray[Any]:
        """Return the samples of a code that is whole."""
        self._check_code(code)
        try:
            if self.pixels.transfer_syntax in HUFFMAN:
                code = strict(code, self.pixels.rows, self.pixels.columns)
            elif self.pixels.transfer_syntax in JPEG_2000:
                check_tiles(code)
        except BadInput as error:
            raise self._unreadable(f"impossible pixels: {error.what}") from error
        return self._samples(code)

    def _samples(self, code: bytes) -> NDArray[Any]:
        from pydicom.pixels import get_decoder  # 0.2 s, which native pixels need not pay

        pixels = self.pixels
        try:
            if pixels.transfer_syntax == JPEG_EXTENDED and pixels.bits_stored > 8:
                return jpeg_of_12_bits(code, pixels.rows, pixels.columns)
            samples, _ = get_decoder(pixels.transfer_syntax).as_array(
                _item(code),
                index=0,
                raw=True,
                rows=pixels.rows,
                columns=pixels.columns,
                number_of_frames=1,
                samples_per_pixel=1,
                photometric_interpretation="MONOCHROME2",
                bits_allocated=pixels.bits,
                bits_stored=pixels.bits_stored,
                pixel_representation=int(pixels.kind == "i"),
                pixel_keyword="PixelData",
                decoding_plugin="gdcm" if pixels.transfer_syntax in HUFFMAN else "",
            )
        except Exception as error:
            raise self._unreadable(
                f"the pixels cannot be decoded ({type(error).__name__})"
            ) from error
        return np.asarray(samples)

    def _check_code(self, code: bytes) -> None:
        pixels = self.pixels
        count = pixels.rows * pixels.columns
        if count > LARGE_FRAME and count * pixels.bits // 8 > len(code) * LARGE_RATIO:
            raise self._unreadable(
                f"impossible pixels: {pixels.rows} by {pixels.columns} in {len(code)} coded bytes"
            )
        if pixels.transfer_syntax == RLE:
            if count * pixels.bits // 8 > len(code) * RLE_RATIO:
                raise self._unreadable("impossible pixels: more than the coded bytes can hold")
        elif coded_size(code) not in (None, (pixels.rows, pixels.columns)):
            raise self._unreadable("impossible pixels: the code is of another size than declared")


def within_bits(samples: NDArray[Any], pixels: Pixels) -> NDArray[Any]:
    """Return samples without the bits above BitsStored, which may hold anything (PS3.5 8.1.1).

    Those that may be written and are in native byte order are changed in place.
    """
    spare = pixels.bits - pixels.bits_stored
    if spare == 0 or pixels.kind == "f":
        return samples
    ours = samples.flags.writeable and samples.dtype.isnative
    native = samples if ours else samples.astype(samples.dtype.newbyteorder("="))
    native <<= spare
    native >>= spare
    return native


def coded_size(code: bytes) -> tuple[int, int] | None:
    """Return (rows, columns) that a JPEG, JPEG-LS or JPEG 2000 stream declares itself.

    From the SIZ marker (ISO/IEC 15444-1 A.5.1) or the frame header (ISO/IEC 10918-1 B.2.2,
    14495-1 C.2.2); None where neither is found.
    """
    siz = code.find(b"\xff\x4f\xff\x51")
    if 0 <= siz < 512 and len(code) >= siz + 24:
        width, height, left, top = struct.unpack_from(">4I", code, siz + 8)
        return height - top, width - left
    at = 2
    while code[:2] == b"\xff\xd8" and at + 9 <= len(code) and code[at] == 0xFF:
        marker, length = code[at + 1], struct.unpack_from(">H", code, at + 2)[0]
        if marker in START_OF_FRAME:
            rows, columns = struct.unpack_from(">HH", code, at + 5)
            return int(rows), int(columns)
        at += 2 + length
    return None


def _item(code: bytes) -> bytes:
    """Return one frame wrapped as encapsulated pixels: an empty offset table and one fragment."""
    code += b"\0" * (len(code) % 2)
    return b"".join(
        [ITEM, struct.pack("<I", 0), ITEM, struct.pack("<I", len(code)), code, SEQUENCE_END]
    ) + struct.pack("<I", 0)
