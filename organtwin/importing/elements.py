"""What was read of a DICOM dataset: values by keyword, and how to say which are wanted."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np

from organtwin.core.errors import UnreadableFile
from organtwin.importing.dictionary import codec_of, tag_of

SHORT: Final = 128
"""Values up to this length are remembered."""
TEXT_LIMIT: Final = 1024
"""Bytes of a text value that are decoded: texts that are read here have at most 64 characters a
part, names three of them (PS3.5 section 6.2)."""
ESCAPE_LIMIT: Final = 128
"""Changes of the character set in one text; with more of them it is read as if there were none."""
PADDED: Final = ("DS", "IS", "TM")
"""Representations whose texts may end in zeros that say nothing."""
NUMBERS: Final = {"US": "u2", "SS": "i2", "UL": "u4", "SL": "i4", "FL": "f4", "FD": "f8"}

Wanted = Mapping[int, Any]
"""Tag → what is wanted inside it; an empty mapping for the value itself."""


def wanted(*keywords: str, **sequences: Wanted) -> dict[int, Any]:
    """Return what to read: values by keyword, sequences with what is wanted in their items."""
    found: dict[int, Any] = {tag_of(keyword): {} for keyword in keywords}
    return found | {tag_of(keyword): inner for keyword, inner in sequences.items()}


def merged(*trees: Wanted) -> dict[int, Any]:
    """Return everything that any of the trees wants."""
    result: dict[int, Any] = {}
    for tree in trees:
        for tag, inner in tree.items():
            result[tag] = merged(result.get(tag, {}), inner)
    return result


@dataclass(frozen=True)
class Elements:
    """Values of one dataset or item, by keyword; what the file does not say is empty.

    Args:
        raw: tag → (value representation, bytes or items).
        big: the numbers are big endian.
        encodings: Python codecs of the text.
    """

    raw: Mapping[int, tuple[str, Any]]
    big: bool = False
    encodings: tuple[str, ...] = ("iso8859",)

    def __contains__(self, keyword: str) -> bool:
        entry = self.raw.get(tag_of(keyword))
        return entry is not None and bool(entry[1])

    def texts(self, keyword: str) -> tuple[str, ...]:
        """Return the parts of a text value, decoded with the file's character set."""
        entry = self.raw.get(tag_of(keyword))
        if entry is None or not entry[1] or not isinstance(entry[1], bytes):
            return ()
        parts = _parts if len(entry[1]) > SHORT else _parts_again
        return parts(entry[1], self.encodings)

    def text(self, keyword: str) -> str:
        """Return a text value, "" when the file does not say."""
        entry = self.raw.get(tag_of(keyword))
        if entry is None or not entry[1] or not isinstance(entry[1], bytes):
            return ""
        return (_text if len(entry[1]) > SHORT else _text_again)(entry[1], self.encodings)

    def floats(self, keyword: str) -> tuple[float, ...]:
        """Return finite numbers; raises UnreadableFile when they are not."""
        entry = self.raw.get(tag_of(keyword))
        if entry is None:
            return ()
        vr, value = entry
        if not isinstance(value, bytes):
            raise UnreadableFile(f"{keyword} is not a number")
        try:
            return (_numbers if len(value) > SHORT else _numbers_again)(vr, value, self.big)
        except ValueError as error:
            raise UnreadableFile(f"{keyword} is not a {error}") from error

    def number(self, keyword: str, default: float) -> float:
        """Return the first number of a value, `default` when the file does not say."""
        numbers = self.floats(keyword)
        return numbers[0] if numbers else default

    def integer(self, keyword: str, default: int = 0) -> int:
        """Return the first number of a value as an integer."""
        return int(self.number(keyword, default))

    def shown(self, keyword: str) -> str:
        """Return a value as text whatever its representation, "" when the file does not say.

        Numbers and times (PS3.5 6.2) that differ only in zeros after the point are the same.
        """
        entry = self.raw.get(tag_of(keyword))
        if entry is None:
            return ""
        if entry[0] in NUMBERS:
            return str(self.floats(keyword))
        text = self.text(keyword)
        padded = entry[0] in PADDED and "." in text
        return text.rstrip("0").rstrip(".") if padded else text

    def items(self, keyword: str) -> tuple[Elements, ...]:
        """Return the items of a sequence."""
        _, value = self.raw.get(tag_of(keyword), ("", ()))
        return value if isinstance(value, tuple) else ()

    def first(self, *keywords: str) -> Elements:
        """Return the first item of a sequence inside the first item of a sequence…, or nothing."""
        found = self
        for keyword in keywords:
            found = next(iter(found.items(keyword)), Elements({}))
        return found


def _numbers(vr: str, value: bytes, big: bool) -> tuple[float, ...]:
    if vr in NUMBERS:
        order = ">" if big else "<"
        if len(value) % int(NUMBERS[vr][1]):
            raise ValueError("number")
        numbers = tuple(map(float, np.frombuffer(value, order + NUMBERS[vr]).tolist()))
    else:
        numbers = tuple(_decimal(p) for p in value.strip(b" \0").split(b"\\") if p.strip())
    if not all(map(math.isfinite, numbers)):
        raise ValueError("finite number")
    return numbers


def _decimal(text: bytes) -> float:
    if b"_" in text:  # Python would read 1_5 as 15
        raise ValueError("number")
    try:
        return float(text)
    except ValueError:
        raise ValueError("number") from None


def _parts(value: bytes, encodings: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part.strip(" \0") for part in _decoded(value, encodings).split("\\"))


def _text(value: bytes, encodings: tuple[str, ...]) -> str:
    text = _decoded(value, encodings)
    if "\\" not in text:
        return text.strip(" \0")
    return "\\".join(part.strip(" \0") for part in text.split("\\"))


_text_again = lru_cache(2**12)(_text)
_numbers_again, _parts_again = lru_cache(2**12)(_numbers), lru_cache(2**12)(_parts)
"""The slices of a series say nearly all the same."""


def _decoded(value: bytes, encodings: tuple[str, ...]) -> str:
    """Return text; what is longer than any that is read here is cut before it costs anything."""
    if len(value) > TEXT_LIMIT:
        return _decoded(value[:TEXT_LIMIT], encodings) + "…"
    if 0 < value.count(b"\x1b") <= ESCAPE_LIMIT:
        from pydicom.charset import decode_bytes

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return str(decode_bytes(value, list(encodings), {"\\", "^", "=", "\r", "\n", "\t"}))
    return value.decode(encodings[0], errors="replace")


def encodings_of(character_sets: tuple[str, ...]) -> tuple[str, ...]:
    """Return Python codecs of SpecificCharacterSet; unknown ones are read as ISO 8859-1."""
    return tuple(map(codec_of, character_sets)) or ("iso8859",)
