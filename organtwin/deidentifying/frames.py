"""Compressed frames without the words beside the picture, decoded to the very same values.

Comments and application segments of JPEG (ITU-T T.81 annex B) and JPEG-LS (T.87), comments of JPEG
2000 (T.800 annex A) and whatever follows the end of a picture go; nothing is compressed again. What
is not understood is refused: it may hold anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from organtwin.core.errors import BadInput

SOI, EOI, SOS, COM = 0xD8, 0xD9, 0xDA, 0xFE
RESTARTS: Final = range(0xD0, 0xD8)
APPLICATION: Final = range(0xE0, 0xF0)
TABLES: Final = frozenset(
    [0xC0, 0xC1, 0xC2, 0xC3, 0xC4, 0xC9, 0xCA, 0xCB, 0xCC, 0xDB, 0xDC, 0xDD, SOS, 0xF7, 0xF8]
)
"""Frames, Huffman, arithmetic and quantisation tables, lines, restarts, scans; SOF55, LSE."""
LENGTHS: Final = {0xDD: {4}, 0xDC: {4}}
JFIF, ADOBE = 0xE0, 0xEE
SIZ, COD, SOT, SOD, EOC, CME, TLM = 0xFF51, 0xFF52, 0xFF90, 0xFF93, 0xFFD9, 0xFF64, 0xFF55
MAIN: Final = frozenset(
    [SIZ, COD, 0xFF50, 0xFF53, 0xFF5C, 0xFF5D, 0xFF5E, 0xFF5F, 0xFF57, 0xFF58, 0xFF59, 0xFF60,
     0xFF61, 0xFF63, CME, TLM, 0xFF74, 0xFF75, 0xFF76, 0xFF77, 0xFF78]
)  # fmt: skip
DROPPED: Final = frozenset([CME, TLM, 0xFF57, 0xFF58, 0xFF63])
"""Comments, and pointers into the stream that a decoder does without (TLM, PLM, PLT, CRG)."""
SOT_BYTES: Final = 12
RLE_HEADER: Final = 64
JPEG: Final = frozenset(f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 57, 70, 80, 81))
JPEG_2000: Final = frozenset(f"1.2.840.10008.1.2.4.{n}" for n in (90, 91, 92, 93, 201, 202, 203))
RLE: Final = "1.2.840.10008.1.2.5"


def bare_frame(frame: bytes, syntax: str, plane: int) -> bytes:
    """Return one compressed frame without what no decoder needs.

    Args:
        syntax: UID of the transfer syntax.
        plane: pixels of a frame (rows times columns).

    Raises:
        BadInput: this compression, or this stream, cannot be looked through.
    """
    try:
        if syntax in JPEG:
            return b"".join(_jpeg(frame))
        if syntax in JPEG_2000:
            return b"".join(_jpeg_2000(frame))
        if syntax == RLE:
            return _rle(frame, plane)
    except (IndexError, _Strange) as error:
        raise BadInput(
            "compressed pixels that cannot be looked through for words",
            where="pixels",
            advice="write them uncompressed with another program",
        ) from error
    raise BadInput(
        "pixels in a coding that is not looked through for words",
        where=syntax,
        advice="write them uncompressed with another program",
    )


class _Strange(Exception):
    """A stream is not what the standard says."""


def _two(stream: bytes, at: int) -> int:
    if at + 2 > len(stream):
        raise _Strange
    return stream[at] << 8 | stream[at + 1]


def _segment(stream: bytes, at: int) -> bytes:
    """Return a marker segment, marker and length with it."""
    length = _two(stream, at + 2)
    if length < 2 or at + 2 + length > len(stream):
        raise _Strange
    return stream[at : at + 2 + length]


def _jpeg(frame: bytes) -> Iterator[bytes]:
    """Yield what stays of a JPEG or JPEG-LS stream."""
    if _two(frame, 0) != 0xFF00 | SOI:
        raise _Strange
    yield frame[:2]
    at = 2
    while True:
        while frame[at] == 0xFF and frame[at + 1] == 0xFF:  # fill bytes
            at += 1
        kind = _two(frame, at) - 0xFF00
        if kind == EOI:
            yield frame[at : at + 2]
            return
        segment = _segment(frame, at)
        at += len(segment)
        if kind in TABLES:
            if len(segment) - 2 not in LENGTHS.get(kind, {len(segment) - 2}):
                raise _Strange
            yield segment
        elif kind in APPLICATION:
            yield _application(segment)
        elif kind != COM:
            raise _Strange
        if kind == SOS:
            end = _scan_end(frame, at)
            yield frame[at:end]
            at = end


def _application(segment: bytes) -> bytes:
    """Return what a decoder needs of an application segment: how colours were transformed."""
    if segment[1] == JFIF and segment[4:9] == b"JFIF\0":
        return b"\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"
    if segment[1] == ADOBE and segment[4:9] == b"Adobe" and len(segment) >= 16:
        return b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0" + segment[15:16]
    if segment[4:8] == b"mrfx":
        raise _Strange
    return b""


def _scan_end(frame: bytes, at: int) -> int:
    """Return where the coded values of a scan end: at a marker that is no restart."""
    while True:
        at = frame.find(b"\xff", at)
        if at < 0 or at + 1 >= len(frame):
            raise _Strange
        if frame[at + 1] >= 0x80 and frame[at + 1] not in RESTARTS and frame[at + 1] != 0xFF:
            return at
        at += 1


def _jpeg_2000(frame: bytes) -> Iterator[bytes]:
    """Yield what stays of a JPEG 2000 code stream."""
    if _two(frame, 0) != 0xFF4F or _two(frame, 2) != SIZ:
        raise _Strange
    yield frame[:2]
    at = 2
    while True:
        marker = _two(frame, at)
        if marker == EOC:
            yield frame[at : at + 2]
            return
        if marker == SOT:
            part, at = _tile_part(frame, at)
            yield part
            continue
        segment = _header_segment(frame, at)
        at += len(segment)
        if marker not in DROPPED:
            yield segment


def _header_segment(frame: bytes, at: int) -> bytes:
    if _two(frame, at) not in MAIN:
        raise _Strange
    return _segment(frame, at)


def _tile_part(frame: bytes, start: int) -> tuple[bytes, int]:
    """Return a tile-part without comments, its length set anew, and where the next one starts."""
    if _two(frame, start + 2) != SOT_BYTES - 2:
        raise _Strange
    said = _two(frame, start + 6) << 16 | _two(frame, start + 8)
    kept, at = b"", start + SOT_BYTES
    while _two(frame, at) != SOD:
        segment = _header_segment(frame, at)
        at += len(segment)
        if _two(segment, 0) not in DROPPED:
            kept += segment
    end = start + said if said else frame.find(b"\xff\xd9", at)
    if not at + 2 <= end <= len(frame) - 2 or _two(frame, end) not in (SOT, EOC):
        raise _Strange
    kept += frame[at:end]
    length = (SOT_BYTES + len(kept)).to_bytes(4, "big")
    return frame[start : start + 6] + length + frame[start + 10 : start + 12] + kept, end


def _rle(frame: bytes, plane: int) -> bytes:
    """Return run-length coded segments (PS3.5 annex G) without what follows their values."""
    numbers = [int.from_bytes(frame[at : at + 4], "little") for at in range(0, RLE_HEADER, 4)]
    count = numbers[0]
    if not 0 < count < len(numbers):
        raise _Strange
    header, kept = count.to_bytes(4, "little"), b""
    for start in numbers[1 : count + 1]:
        header += (RLE_HEADER + len(kept)).to_bytes(4, "little")
        kept += _packed(frame, start, plane)
        kept += b"\0" * (len(kept) % 2)
    return header.ljust(RLE_HEADER, b"\0") + kept


def _packed(frame: bytes, start: int, plane: int) -> bytes:
    """Return the runs of one segment, as many as its pixels take."""
    at, made = start, 0
    while made < plane:
        length = frame[at]
        if length < 128:
            made, at = made + length + 1, at + length + 2
        elif length > 128:
            made, at = made + 257 - length, at + 2
        else:
            at += 1
    if at > len(frame):
        raise _Strange
    return frame[start:at]
