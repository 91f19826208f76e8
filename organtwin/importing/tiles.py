"""Whether all tiles of a JPEG 2000 code are there: a decoder leaves missing ones at zero."""

from __future__ import annotations

import math
import struct
from collections import defaultdict
from typing import Final

from organtwin.core.errors import BadInput

JPEG_2000: Final = frozenset(f"1.2.840.10008.1.2.4.{n}" for n in (90, 91))
START: Final = b"\xff\x4f\xff\x51"
"""Start of the code and its size (ISO/IEC 15444-1 A.4.1, A.5.1)."""
START_OF_TILE_PART: Final = b"\xff\x90"
TILE_PART_BYTES: Final = 14
"""Of a tile part without data: its marker segment and the start of data (A.4.2, A.4.3)."""


def check_tiles(code: bytes) -> None:
    """Raise BadInput where a tile, or a part of one, is missing (ISO/IEC 15444-1 A.4.2, B.3)."""
    begin = max(code.find(START), 0)
    try:
        width, height, _, _, across, down, left, top = struct.unpack_from(">8I", code, begin + 8)
        count = math.ceil((width - left) / across) * math.ceil((height - top) / down)
        parts = _tile_parts(code, begin)
    except (struct.error, ZeroDivisionError) as error:
        raise BadInput("the compressed pixels end too early") from error
    if len(parts) != count or not all(map(_is_complete, parts.values())):
        raise BadInput("tiles of the compressed pixels are missing")


def _is_complete(parts: list[tuple[int, int]]) -> bool:
    """Return whether (number, count) of parts are those of a whole tile; a count may be 0."""
    said = max(count for _, count in parts)
    return [number for number, _ in parts] == list(range(said or len(parts)))


def _tile_parts(code: bytes, begin: int) -> dict[int, list[tuple[int, int]]]:
    """Return tile → (number, count or 0 for unknown) of each of its parts, in their order."""
    at = begin + 2
    while (marker := code[at : at + 2]) != START_OF_TILE_PART:
        if marker[:1] != b"\xff":
            raise BadInput("the header of the JPEG 2000 code is damaged")
        at += 2 + struct.unpack_from(">H", code, at + 2)[0]
    found = defaultdict(list)
    while code[at : at + 2] == START_OF_TILE_PART:
        tile, length, number, count = struct.unpack_from(">HIBB", code, at + 4)
        found[tile].append((number, count))
        at = at + length if length else len(code)
        if at > len(code) or 0 < length < TILE_PART_BYTES:
            raise BadInput("the compressed pixels end too early")
    return found
