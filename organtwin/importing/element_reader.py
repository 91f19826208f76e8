"""DICOM elements, read with bounds: only the tags asked for, everything else stepped over.

Foreign files are never given to a general parser: depth, number of elements and length of values
are bounded here, and a length is believed only up to the end of what holds it. Encodings after
DICOM PS3.5 sections 7.1 to 7.5 (and CP-246: UN of undefined length is implicit VR little endian).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, Final

from organtwin.core.errors import UnreadableFile
from organtwin.importing.dictionary import representation_of
from organtwin.importing.elements import Elements, Wanted, encodings_of

DEPTH_LIMIT: Final = 16
COST_LIMIT: Final = 1_000_000
"""Some 0.7 s; an enhanced image of 10 000 frames costs about 850 000."""
PLAIN, DECIDED, DECODED = 1, 3, 20
"""What an element costs: stepped over, looked into, or changing how text is read."""
VALUE_LIMIT: Final = 16 * 2**20
UNDEFINED: Final = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
PIXEL_TAGS: Final = frozenset([0x7FE00008, 0x7FE00009, 0x7FE00010])
FIRST_PIXEL_TAG: Final = 0x7FE00008
CHARACTER_SET: Final = 0x00080005
LONG_VRS: Final = frozenset(
    [b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"]
)
SKIPPED_VRS: Final = LONG_VRS - {b"UN"}
SHORT_VRS: Final = {
    vr.encode(): vr
    for vr in (
        "AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "PN", "SH", "SL",
        "SS", "ST", "TM", "UI", "UL", "US",
    )
}  # fmt: skip
LONGEST_HEADER: Final = 12
LITTLE, BIG = (
    tuple(struct.Struct(order + layout).unpack_from for layout in ("I", "HHI", "HH2sH"))
    for order in "<>"
)
"""Readers of a number, of (group, element, number) and of (group, element, VR, short length)."""
Found = dict[int, tuple[str, Any]]
NOTED: Final = 2**14
"""Bytes of headers in which steps are noted: many more would take longer than they save."""
Step = tuple[int, int, int, int]
"""Tag of an element, bytes of its length, where its value begins and ends; 0 for all but the tag
where it was looked into."""


class Shortened(Exception):
    """More bytes of the file are needed than were given."""


class _Damaged(Exception):
    """The bytes are not DICOM elements; the message says why."""


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


class ElementReader:
    """Steps through the elements of `content`, the beginning of something `size` bytes long.

    Attributes:
        steps: the outermost elements stepped over so far, None where that is not noted.
    """

    def __init__(
        self, content: bytes, size: int, start: int = 0, *, implicit: bool, big: bool
    ) -> None:
        self.content, self.size, self.at = content, size, start
        self.encodings: tuple[str, ...] = ("iso8859",)
        self.steps: list[Step] | None = [] if len(content) <= NOTED else None
        self._cost = 0
        self._encode(implicit=implicit, big=big)

    def _encode(self, *, implicit: bool, big: bool) -> None:
        self.implicit, self.big = implicit, big
        self._number, self._tag_and_number, self._whole = BIG if big else LITTLE

    def dataset(self, tree: Wanted) -> Dataset:
        """Read up to the pixels; raises Shortened when `content` ends too early."""
        if not self.content[self.at + 4 : self.at + 6].isalpha():
            self._encode(implicit=True, big=self.big)
        found: Found = {}
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
        """Read the file meta information only; stays in front of the dataset.

        Raises:
            UnreadableFile: it is broken.
            Shortened: `content` ends too early.
        """
        found: Found = {}
        try:
            while self._peek() == b"\2\0":
                begin = self.at
                tag, vr, length = self._header()
                start = self.at
                found[tag] = (vr, self._value(length, self.size))
                if self.steps is not None:
                    self.steps.append((tag, 2 if start - begin == 8 else 4, start, self.at))
        except _Damaged as damage:
            raise UnreadableFile(
                f"the DICOM file meta information is broken ({damage})"
            ) from damage
        return self._made(found)

    def _peek(self) -> bytes:
        self._need(2)
        return self.content[self.at : self.at + 2]

    def _made(self, found: Found) -> Elements:
        return Elements(found, self.big, self.encodings)

    def _elements(self, found: Found, tree: Wanted, end: int, depth: int) -> tuple[int, int]:
        """Fill `found` until `end`, an item's end or the pixels; returns their tag and length."""
        if depth > DEPTH_LIMIT:
            raise _Damaged(f"sequences are nested deeper than {DEPTH_LIMIT}")
        while self.at < end:
            self._plain(found, tree, end, self.steps if depth == 0 else None)
            if self.at >= end:
                break
            tag, vr, length = self._header()
            if tag == ITEM_END:
                break
            if depth == 0 and tag in PIXEL_TAGS:
                return tag, length
            if depth == 0 and self.steps is not None:
                self.steps.append((tag, 0, 0, 0))
            inner = tree.get(tag)
            if length == UNDEFINED or (inner and vr in ("SQ", "UN")):
                items = self._sequence(inner, length, end, depth, unknown=vr == "UN")
                if inner:
                    found[tag] = ("SQ", items)
            elif inner is None:
                self.at = self._end(length, end)
            else:
                found[tag] = (vr, self._value(length, end))
                if tag == CHARACTER_SET:
                    self._spend(DECODED)
                    self.encodings = encodings_of(self._made(found).texts("SpecificCharacterSet"))
        return 0, 0

    def _plain(self, found: Found, tree: Wanted, end: int, steps: list[Step] | None) -> None:
        """Read short values and step over what nobody wants: nearly all of a header.

        Stops in front of everything that needs a decision: wanted sequences, undefined lengths,
        pixels, items, the character set, and whatever is not as it should be.
        """
        if self.implicit:
            self._plain_implicit(found, tree, end, steps)
            return
        content, at, unpack = self.content, self.at, self._whole
        limit, count = min(end, len(content)), 0
        last, name_of = limit - LONGEST_HEADER, SHORT_VRS.get
        for count in range(COST_LIMIT - self._cost + 1):  # noqa: B007
            if at > last:
                break
            group, element, vr, length = unpack(content, at)
            tag, start, name, width = group << 16 | element, at + 8, name_of(vr, ""), 2
            if not name:
                if vr not in SKIPPED_VRS or tag in tree:
                    break
                (length,) = self._number(content, start)
                start, width = start + 4, 4
            after = start + length
            if after > limit or tag >= FIRST_PIXEL_TAG:
                break
            if tag in tree:
                if tree[tag] or tag == CHARACTER_SET:
                    break
                found[tag] = name, content[start:after]
            if steps is not None:
                steps.append((tag, width, start, after))
            at = after
        self.at = at
        self._spend(count * PLAIN)

    def _plain_implicit(
        self, found: Found, tree: Wanted, end: int, steps: list[Step] | None
    ) -> None:
        """Do the same where the bytes name no representation."""
        content, at, unpack = self.content, self.at, self._tag_and_number
        limit, count = min(end, len(content)), 0
        last = limit - LONGEST_HEADER
        for count in range(COST_LIMIT - self._cost + 1):  # noqa: B007
            if at > last:
                break
            group, element, length = unpack(content, at)
            tag, start = group << 16 | element, at + 8
            after = start + length
            if after > limit or tag >= FIRST_PIXEL_TAG:
                break
            if tag in tree:
                if tree[tag] or tag == CHARACTER_SET:
                    break
                found[tag] = representation_of(tag), content[start:after]
            if steps is not None:
                steps.append((tag, 4, start, after))
            at = after
        self.at = at
        self._spend(count * PLAIN)

    def _sequence(
        self, inner: Wanted | None, length: int, limit: int, depth: int, *, unknown: bool
    ) -> tuple[Elements, ...]:
        before = self.implicit, self.big
        if unknown:
            self._encode(implicit=True, big=False)
        end = limit if length == UNDEFINED else self._end(length, limit)
        items = []
        while self.at < end:
            tag, _, size = self._header(item=True)
            if tag == SEQUENCE_END:
                break
            if tag != ITEM:
                raise _Damaged(f"a sequence holds ({tag:08X}) instead of items")
            if size != UNDEFINED and not inner:
                self.at = self._end(size, end)
                continue
            found: Found = {}
            stop = end if size == UNDEFINED else self._end(size, end)
            self._elements(found, inner or {}, stop, depth + 1)
            if inner:
                items.append(self._made(found))
        if unknown:
            self._encode(implicit=before[0], big=before[1])
        return tuple(items)

    def _spend(self, cost: int) -> None:
        self._cost += cost
        if self._cost > COST_LIMIT:
            raise _Damaged("there are too many elements")

    def _header(self, *, item: bool = False) -> tuple[int, str, int]:
        self._spend(DECIDED)
        at = self.at
        if at + LONGEST_HEADER > len(self.content):
            self._need(8)
        group, element, length = self._tag_and_number(self.content, at)
        tag = group << 16 | element
        if self.implicit or item or group == 0xFFFE:
            self.at += 8
            return tag, "" if item else representation_of(tag), length
        vr = self.content[at + 4 : at + 6]
        if vr in LONG_VRS:
            self._need(LONGEST_HEADER)
            (length,) = self._number(self.content, at + 8)
            self.at += 12
        elif vr.isalpha() and vr.isupper():
            length = self._whole(self.content, at)[3]
            self.at += 8
        else:
            raise _Damaged(f"element ({tag:08X}) has no value representation")
        return tag, vr.decode("ascii"), length

    def _need(self, count: int) -> None:
        if self.at + count > len(self.content):
            if self.at + count > self.size:
                raise _Damaged("the file ends in the middle of an element")
            raise Shortened

    def _end(self, length: int, limit: int) -> int:
        """Return where `length` bytes from here end; raises when that is beyond their holder."""
        end = self.at + length
        if end > self.size:
            raise _Damaged("an element is longer than the file")
        if end > limit:
            raise _Damaged("an element is longer than the sequence that holds it")
        return end

    def _value(self, length: int, limit: int) -> bytes:
        end = self._end(length, limit)
        if length > VALUE_LIMIT:
            raise _Damaged(f"a value is longer than {VALUE_LIMIT} bytes")
        self._need(length)
        value = self.content[self.at : end]
        self.at = end
        return value
