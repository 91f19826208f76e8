"""DICOM elements, read with bounds: only the tags asked for, everything else stepped over.

Foreign files are never given to a general parser: depth, number of elements and length of values
are bounded here, and a length is believed only up to the size of the file. Encodings after DICOM
PS3.5 sections 7.1 to 7.5 (and CP-246: UN of undefined length is implicit VR little endian).
"""

from __future__ import annotations

import math
import struct
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
from pydicom.charset import decode_bytes, python_encoding
from pydicom.datadict import dictionary_VR, tag_for_keyword

from organtwin.core.errors import UnreadableFile

DEPTH_LIMIT: Final = 16
ELEMENT_LIMIT: Final = 500_000
VALUE_LIMIT: Final = 16 * 2**20
UNDEFINED: Final = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
PIXEL_TAGS: Final = frozenset([0x7FE00008, 0x7FE00009, 0x7FE00010])
LONG_VRS: Final = frozenset(
    [b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"]
)
NUMBERS: Final = {"US": "u2", "SS": "i2", "UL": "u4", "SL": "i4", "FL": "f4", "FD": "f8"}

Wanted = Mapping[int, Any]
"""Tag → what is wanted inside it; an empty mapping for the value itself."""


class Shortened(Exception):
    """More bytes of the file are needed than were given."""


@cache
def tag_of(keyword: str) -> int:
    """Return the tag of a keyword of the DICOM dictionary."""
    tag = tag_for_keyword(keyword)
    assert tag is not None, keyword
    return int(tag)


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
        return bool(self.raw.get(tag_of(keyword), ("", b""))[1])

    def texts(self, keyword: str) -> tuple[str, ...]:
        """Return the parts of a text value, decoded with the file's character set."""
        _, value = self.raw.get(tag_of(keyword), ("", b""))
        if not isinstance(value, bytes) or not value:
            return ()
        return tuple(part.strip(" \0") for part in _decoded(value, self.encodings).split("\\"))

    def text(self, keyword: str) -> str:
        """Return a text value, "" when the file does not say."""
        return "\\".join(self.texts(keyword))

    def floats(self, keyword: str) -> tuple[float, ...]:
        """Return finite numbers; raises UnreadableFile when they are not."""
        vr, value = self.raw.get(tag_of(keyword), ("", b""))
        try:
            numbers = (
                np.frombuffer(value, (">" if self.big else "<") + NUMBERS[vr]).tolist()
                if vr in NUMBERS
                else [float(part) for part in value.strip(b" \0").split(b"\\") if part.strip()]
            )
        except (ValueError, AttributeError) as error:
            raise UnreadableFile(f"{keyword} is not a number") from error
        if not all(map(math.isfinite, numbers)):
            raise UnreadableFile(f"{keyword} is not a finite number")
        return tuple(float(number) for number in numbers)

    def number(self, keyword: str, default: float) -> float:
        """Return the first number of a value, `default` when the file does not say."""
        return next(iter(self.floats(keyword)), default)

    def integer(self, keyword: str, default: int = 0) -> int:
        """Return the first number of a value as an integer."""
        return int(self.number(keyword, default))

    def shown(self, keyword: str) -> str:
        """Return a value as text whatever its representation, "" when the file does not say."""
        vr, _ = self.raw.get(tag_of(keyword), ("", b""))
        return str(self.floats(keyword)) if vr in NUMBERS else self.text(keyword)

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


def _decoded(value: bytes, encodings: tuple[str, ...]) -> str:
    if b"\x1b" in value:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return str(decode_bytes(value, list(encodings), {"\\", "^", "=", "\r", "\n", "\t"}))
    return value.decode(encodings[0], errors="replace")


def encodings_of(character_sets: tuple[str, ...]) -> tuple[str, ...]:
    """Return Python codecs of SpecificCharacterSet; unknown ones are read as ISO 8859-1."""
    return tuple(python_encoding.get(name, "iso8859") for name in character_sets) or ("iso8859",)


@dataclass(frozen=True)
class Dataset:
    """What was wanted of a file's dataset and where its pixels lie.

    Args:
        elements: the values wanted.
        pixel_tag: 0 when there are no pixels.
        pixel_offset: first byte of the pixels from the beginning of `content`.
        pixel_length: in bytes, None when encapsulated.
        damage: why reading ended early, "" when it did not.
    """

    elements: Elements
    pixel_tag: int = 0
    pixel_offset: int = 0
    pixel_length: int | None = 0
    damage: str = ""


class _Damaged(Exception):
    """The bytes are not DICOM elements; the message says why."""


class ElementReader:
    """Steps through the elements of `content`, the beginning of something `size` bytes long."""

    def __init__(
        self, content: bytes, size: int, start: int = 0, *, implicit: bool, big: bool
    ) -> None:
        self.content, self.size, self.at = content, size, start
        self.implicit, self.big = implicit, big
        self.encodings: tuple[str, ...] = ("iso8859",)
        self._count = 0

    def dataset(self, tree: Wanted) -> Dataset:
        """Read up to the pixels; raises Shortened when `content` ends too early."""
        self.implicit = self.implicit or not self.content[self.at + 4 : self.at + 6].isalpha()
        found: dict[int, tuple[str, Any]] = {}
        try:
            tag, length = self._elements(found, tree, self.size, 0)
        except _Damaged as damage:
            return Dataset(self._made(found), damage=str(damage))
        if not tag:
            return Dataset(self._made(found))
        whole = None if length == UNDEFINED else length
        short = "the file is shorter than it says" if self.at + (whole or 0) > self.size else ""
        return Dataset(self._made(found), tag, self.at, whole, short)

    def group_2(self) -> Elements:
        """Read the file meta information only; stays in front of the dataset."""
        found: dict[int, tuple[str, Any]] = {}
        while self._peek() == b"\2\0":
            tag, vr, length = self._header()
            found[tag] = (vr, self._value(length))
        return self._made(found)

    def _peek(self) -> bytes:
        self._need(2)
        return self.content[self.at : self.at + 2]

    def _made(self, found: dict[int, tuple[str, Any]]) -> Elements:
        return Elements(found, self.big, self.encodings)

    def _elements(
        self, found: dict[int, tuple[str, Any]], tree: Wanted, end: int, depth: int
    ) -> tuple[int, int]:
        """Fill `found` until `end`, an item's end or the pixels; returns their tag and length."""
        if depth > DEPTH_LIMIT:
            raise _Damaged(f"sequences are nested deeper than {DEPTH_LIMIT}")
        while self.at < end:
            tag, vr, length = self._header()
            if tag == ITEM_END:
                break
            if depth == 0 and tag in PIXEL_TAGS:
                return tag, length
            inner = tree.get(tag)
            if length == UNDEFINED or (inner and vr in ("SQ", "UN")):
                items = self._sequence(inner, length, depth, unknown=vr == "UN")
                if inner:
                    found[tag] = ("SQ", items)
            elif inner is None:
                self._skip(length)
            else:
                found[tag] = (vr, self._value(length))
                if tag == 0x00080005:
                    self.encodings = encodings_of(self._made(found).texts("SpecificCharacterSet"))
        return 0, 0

    def _sequence(
        self, inner: Wanted | None, length: int, depth: int, *, unknown: bool
    ) -> tuple[Elements, ...]:
        before = self.implicit, self.big
        if unknown:
            self.implicit, self.big = True, False
        end = self.size if length == UNDEFINED else self.at + length
        items = []
        while self.at < end:
            tag, _, size = self._header(item=True)
            if tag == SEQUENCE_END:
                break
            if tag != ITEM:
                raise _Damaged(f"a sequence holds ({tag:08X}) instead of items")
            if size != UNDEFINED and not inner:
                self._skip(size)
                continue
            found: dict[int, tuple[str, Any]] = {}
            stop = self.size if size == UNDEFINED else self.at + size
            self._elements(found, inner or {}, stop, depth + 1)
            items.append(self._made(found))
        self.implicit, self.big = before
        return tuple(items)

    def _header(self, *, item: bool = False) -> tuple[int, str, int]:
        self._count += 1
        if self._count > ELEMENT_LIMIT:
            raise _Damaged(f"there are more than {ELEMENT_LIMIT} elements")
        order = ">" if self.big else "<"
        self._need(8)
        group, element = struct.unpack_from(order + "HH", self.content, self.at)
        tag = group << 16 | element
        if self.implicit or item or group == 0xFFFE:
            (length,) = struct.unpack_from(order + "I", self.content, self.at + 4)
            self.at += 8
            return tag, "" if item else _implicit_vr(tag), length
        vr = self.content[self.at + 4 : self.at + 6]
        if vr in LONG_VRS:
            self._need(12)
            (length,) = struct.unpack_from(order + "I", self.content, self.at + 8)
            self.at += 12
        elif vr.isalpha() and vr.isupper():
            (length,) = struct.unpack_from(order + "H", self.content, self.at + 6)
            self.at += 8
        else:
            raise _Damaged(f"element ({tag:08X}) has no value representation")
        return tag, vr.decode("ascii"), length

    def _need(self, count: int) -> None:
        if self.at + count > len(self.content):
            if self.at + count > self.size:
                raise _Damaged("the file ends in the middle of an element")
            raise Shortened

    def _skip(self, length: int) -> None:
        if self.at + length > self.size:
            raise _Damaged("an element is longer than the file")
        self.at += length

    def _value(self, length: int) -> bytes:
        if length > VALUE_LIMIT and self.at + length <= self.size:
            raise _Damaged(f"a value is longer than {VALUE_LIMIT} bytes")
        if self.at + length > self.size:
            raise _Damaged("an element is longer than the file")
        self._need(length)
        self.at += length
        return self.content[self.at - length : self.at]


@cache
def _implicit_vr(tag: int) -> str:
    try:
        return str(dictionary_VR(tag)).split(" or ", maxsplit=1)[0]
    except KeyError:
        return "UN"
