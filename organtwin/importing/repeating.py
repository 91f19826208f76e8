"""Headers of a series are nearly the same bytes: what was parsed once is not parsed again.

A pattern is a header that was parsed, with gaps for the elements whose values change from file to
file. Where another file has the same bytes around the gaps, its elements are the same but for the
values in them; anything else is parsed from the beginning. Which values change is learned.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from organtwin.importing.dictionary import tag_of
from organtwin.importing.element_reader import Dataset, Step
from organtwin.importing.elements import Elements

TIMES: Final = tuple(
    map(tag_of, ("AcquisitionTime", "ContentTime", "TriggerTime", "AcquisitionNumber"))
)
OWN: Final = frozenset(
    [*TIMES, *map(tag_of, ("SOPInstanceUID", "ImagePositionPatient", "SliceLocation"))]
)
"""What each slice of a series may say of its own; files of one kind differ in no more."""
FILE_META: Final = frozenset([0x00020000, 0x00020003])
"""Length of the file meta information and the instance's UID, which nobody reads there."""
OFTEN: Final = OWN | FILE_META | {tag_of("InstanceNumber")}
"""What changes from file to file before anything was learned."""
FIRST_TAG: Final = 0x00030000
BEGIN: Final = 128
"""Of what has to be the same: after the preamble (PS3.10 7.1)."""
PATTERNS: Final = 4
"""Kept at a time: series may lie mixed in one folder."""
TRIES: Final = 16
"""So many headers in a row that repeat none are of a place where none will."""
Raw = Mapping[int, tuple[str, Any]]
Gap = tuple[bytes, int, int, str]


@dataclass(frozen=True, eq=False)
class Kind:
    """What files of one kind say alike: everything but their OWN values, size and place.

    Args:
        raw: tag → (value representation, bytes or items), none of OWN.
        like: the dataset of one of them.
    """

    raw: Raw
    like: Dataset
    transfer_syntax: str
    sop_class: str

    def dataset(self, own: Raw, offset: int) -> Dataset:
        """Return the dataset of a file with values of its own, its pixels at `offset`."""
        like = self.like
        elements = Elements({**self.raw, **own}, like.elements.big, like.elements.encodings)
        return Dataset(elements, like.pixel_tag, offset, like.pixel_length)

    def same(self, other: Kind) -> bool:
        """Return whether two kinds say the same."""
        return self._told() == other._told()

    def _told(self) -> tuple[Any, ...]:
        like = self.like
        where = (like.pixel_tag, like.pixel_length, self.transfer_syntax, self.sop_class)
        return (*where, like.elements.big, like.elements.encodings, self.raw)


def kind_of(dataset: Dataset, transfer_syntax: str, sop_class: str) -> Kind | None:
    """Return the kind of a file, None of a damaged one."""
    if dataset.damage:
        return None
    raw = {tag: said for tag, said in dataset.elements.raw.items() if tag not in OWN}
    return Kind(raw, dataset, transfer_syntax, sop_class)


@dataclass(frozen=True)
class Pattern:
    """A header that was parsed, from the beginning of its file up to its pixels.

    Args:
        gaps: each an element with a value that changes: the bytes before its length, how many
            bytes that has, the tag (0 where nobody wants the value), and the representation.
        rest: the bytes after the last gap.
        kinds: by the values in gaps that are not of OWN.
    """

    gaps: tuple[Gap, ...]
    rest: bytes
    kind: Kind
    kinds: dict[tuple[Any, ...], Kind] = field(default_factory=dict)

    def read(self, content: bytes) -> tuple[Kind, dict[int, tuple[str, Any]], int] | None:
        """Return kind, own values and where the pixels begin; None where a header does not fit."""
        at = BEGIN
        own, telling = {}, []
        for before, width, tag, representation in self.gaps:
            if not content.startswith(before, at):
                return None
            at += len(before)
            start = at + width
            at = start + int.from_bytes(content[at:start], "little")
            if tag in OWN:
                own[tag] = representation, content[start:at]
            elif tag:
                telling.append((tag, (representation, content[start:at])))
        if not content.startswith(self.rest, at):
            return None
        return self._kind(tuple(telling)), own, at + len(self.rest)

    def _kind(self, telling: tuple[tuple[int, tuple[str, bytes]], ...]) -> Kind:
        known = self.kinds.get(telling)
        if known is None:
            raw = {**self.kind.raw, **dict(telling)}
            known = self.kind if raw == self.kind.raw else replace(self.kind, raw=raw)
            self.kinds[telling] = known
        return known


class Repeats:
    """Knows the headers parsed last; reads those that repeat one."""

    def __init__(self) -> None:
        self._patterns: deque[Pattern] = deque(maxlen=PATTERNS)
        self._changing = set(OFTEN)
        self._values: dict[int, bytes] = {}
        self._last: Kind | None = None
        self._tries = TRIES

    def again(self, content: bytes, size: int) -> tuple[Kind, Dataset] | None:
        """Return the kind and dataset of a header that repeats one, None for another one.

        Args:
            content: the beginning of a file of `size` bytes.
        """
        for pattern in self._patterns:
            found = pattern.read(content)
            if found is None:
                continue
            kind, own, offset = found
            if offset + (kind.like.pixel_length or 0) > size:
                return None
            self._tries = TRIES
            return kind, kind.dataset(own, offset)
        return None

    def learn(self, kind: Kind, content: bytes, steps: Sequence[Step]) -> Kind:
        """Remember a header that was parsed; returns its kind, or the last one where it is that.

        Args:
            content: the beginning of the file, not that of a deflated one.
            steps: what was stepped over in it; none where it is not to be repeated.
        """
        read = kind.like
        if self._last is not None and self._last.same(kind):
            kind = self._last
        self._last = kind
        if steps and self._tries and read.pixel_tag and not read.elements.big:
            self._tries -= 1
            self._compare(content, steps)
            gaps, at = self._gaps(read.elements.raw, content, steps)
            if {tag for _, _, tag, _ in gaps} >= OWN & read.elements.raw.keys():
                rest = content[at : read.pixel_offset]
                self._patterns.appendleft(Pattern(gaps, rest, kind))
        return kind

    def _compare(self, content: bytes, steps: Sequence[Step]) -> None:
        """Learn which values are others than those of the header before."""
        values = {tag: content[start:end] for tag, _, start, end in steps}
        before, self._values = self._values, values
        self._changing.update(
            tag
            for tag, value in values.items()
            if tag >= FIRST_TAG and before.get(tag, value) != value
        )

    def _gaps(self, raw: Raw, content: bytes, steps: Sequence[Step]) -> tuple[tuple[Gap, ...], int]:
        """Return what may change in a header, and where the last of it ends; nothing twice."""
        gaps: list[Gap] = []
        often = Counter(tag for tag, *_ in steps)
        at = BEGIN
        for tag, width, start, end in steps:
            if width and tag in self._changing and often[tag] == 1:
                wanted, representation = (tag, raw[tag][0]) if tag in raw else (0, "")
                gaps.append((content[at : start - width], width, wanted, representation))
                at = end
        return tuple(gaps), at
