"""JPEG codes that must be whole: a decoder makes up what is missing and only counts a warning.

GDCM lets one warning of its JPEG decoder (IJG's) pass and refuses two ("Too many warning" in its
gdcmJPEGBITSCodec.hxx). So each code gets one harmless warning of ours: every other one, of data
that end too early, are superfluous or cannot be, is an error then.
"""

from __future__ import annotations

import re
import struct
from typing import Final, NamedTuple

from organtwin.core.errors import BadInput

HUFFMAN: Final = frozenset(f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 57, 70))
"""Transfer syntaxes of one Huffman coded scan (PS3.5 section 8.2.1)."""
LOSSLESS: Final = 0xC3
SEQUENTIAL: Final = frozenset({0xC0, 0xC1, LOSSLESS})
OTHER_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - SEQUENTIAL - {0xC4, 0xC8, 0xCC}
START_OF_SCAN: Final = 0xDA
ALL_COEFFICIENTS: Final = bytes([0, 63, 0])
"""Ss, Se and Ah, Al of a sequential scan (ISO/IEC 10918-1 table B.3); some say otherwise."""
SUPERFLUOUS: Final = b"\xff\xfe\x00\x02" + b"\x00"
"""An empty comment, at which a scan ends, and a byte outside any segment: the warning."""
SCAN_END: Final = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")
"""The next marker that is none of restart (ISO/IEC 10918-1 B.1.1.2, B.2.1)."""


class _Header(NamedTuple):
    rows: int
    columns: int
    lossless: bool
    end: int


def strict(code: bytes, rows: int, columns: int) -> bytes:
    """Return a code of the same picture that GDCM refuses unless it is whole.

    Raises:
        BadInput: not one Huffman coded scan of (rows, columns) of one component, or without end.
    """
    head = _header(code)
    if (head.rows, head.columns) != (rows, columns):
        raise BadInput("the code is of another size than declared")
    start = code[: head.end]
    if not head.lossless:
        start = start[: -len(ALL_COEFFICIENTS)] + ALL_COEFFICIENTS
    end = SCAN_END.search(code, head.end)
    if end is None:
        raise BadInput("the compressed pixels end too early")
    return start + code[head.end : end.start()] + SUPERFLUOUS + code[end.start() :]


def _header(code: bytes) -> _Header:
    """Return what is said before the scan, and where it begins (ISO/IEC 10918-1 B.2.2, B.2.3)."""
    rows = columns = kind = 0
    at = 2
    while code[:2] == b"\xff\xd8":
        while code[at : at + 2] == b"\xff\xff":
            at += 1
        if code[at : at + 1] != b"\xff" or at + 10 > len(code):
            break
        marker, length = struct.unpack_from(">xBH", code, at)
        if marker in OTHER_FRAMES:
            raise BadInput("a kind of JPEG code that is not read")
        if marker in SEQUENTIAL:
            kind = marker
            rows, columns, components = struct.unpack_from(">HHB", code, at + 5)
            if components != 1:
                raise BadInput("more than one component")
        at += 2 + length
        if marker == START_OF_SCAN and kind:
            return _Header(rows, columns, kind == LOSSLESS, at)
    raise BadInput("the header of the JPEG code is damaged")
