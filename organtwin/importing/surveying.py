"""A place looked into by workers: headers in two processes, what kills one refused by name."""

from __future__ import annotations

import os
import select
from collections import deque
from itertools import islice
from pathlib import Path
from typing import Final

from organtwin.core import errors
from organtwin.core.errors import BadArgument, BadInput, UnreadableFile
from organtwin.core.watch import Watch
from organtwin.importing.asking import POLL_SECONDS, Asked, Died, Limits
from organtwin.importing.found import Refused, Scan
from organtwin.importing.index import key_of, own_index
from organtwin.importing.wire import from_json, to_json

CHUNK: Final = 200
DEADLY_LIMIT: Final = 20
HEADER_BYTES: Final = 32 * 2**10
"""What the header of one file takes at most on average, kept until all are sorted."""
BASE_BYTES: Final = 2**30
CHUNK_SECONDS: Final = 60.0
Listed = tuple[tuple[Path, ...], tuple[Refused, ...]]


class Crew:
    """The worker that answers, and a second one for headers; one that died is replaced."""

    def __init__(self) -> None:
        self._members: list[Asked] = []
        self._closed = False

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        self.end()

    def require_open(self) -> None:
        """Raise BadArgument when the images were closed."""
        if self._closed:
            raise BadArgument("the images were closed", advice="open them again")

    def member(self, number: int) -> Asked:
        """Return worker 0 or 1, started when need be."""
        self.require_open()
        while len(self._members) <= number:
            self._members.append(Asked())
        return self._members[number]

    def replace(self, number: int) -> None:
        """End a worker and start another in its place."""
        self._members[number].end()
        self._members[number] = Asked()

    def end(self, beyond: int = 0) -> None:
        """End the workers from number `beyond` on."""
        while len(self._members) > beyond:
            self._members.pop().end()


class Survey:
    """Reads the headers below a place and sorts them; see `surveyed`."""

    def __init__(self, place: Path, crew: Crew, watch: Watch) -> None:
        self._place, self._crew, self._watch = place, crew, watch
        self._chunks: list[list[str]] = []
        self._told: dict[int, bytes | None] = {}
        """By chunk: what was told of it; None where worker 0 has kept it."""
        self._waiting: deque[int] = deque()
        self._busy: dict[int, int] = {}
        self._deadly: list[Refused] = []
        self._careful: set[int] = set()
        """Chunks read file by file, since a worker died in them."""

    def scan(self) -> bytes:
        """Return the Scan as JSON."""
        try:
            first = self._crew.member(0)
            if holds_many(self._place):
                self._crew.member(1)  # it starts while the first one lists the files
            listed = first.ask("files", self._limits(), self._watch, path=str(self._place))
            paths, refused = from_json(Listed, listed)
            self._divide([str(path) for path in paths])
            while self._waiting or self._busy:
                self._hand_out()
                self._collect()
            parts = [
                str(n).encode() if self._told[n] is None else self._told[n] or b""
                for n in range(len(self._chunks))
            ]
            told = self._crew.member(0).ask(
                "scan",
                self._limits(),
                Watch(asked_to_stop=self._watch.asked_to_stop),
                written={
                    "parts": b"[" + b",".join(parts) + b"]",
                    "refused": to_json(tuple[Refused, ...], (*refused, *self._deadly)),
                },
            )
            self._crew.end(beyond=1)
            return told
        except Died as death:
            raise death.error(str(self._place)) from death

    def _limits(self) -> Limits:
        files = sum(map(len, self._chunks))
        return Limits(BASE_BYTES + files * HEADER_BYTES, CHUNK_SECONDS + files / 1000)

    def _divide(self, paths: list[str]) -> None:
        self._chunks = [paths[n : n + CHUNK] for n in range(0, len(paths), CHUNK)]
        self._waiting.extend(range(len(self._chunks)))

    def _hand_out(self) -> None:
        for number in range(min(2, len(self._chunks))):
            if number not in self._busy and self._waiting:
                self._busy[number] = chunk = self._waiting.popleft()
                try:
                    self._begin(number, chunk)
                except Died:
                    self._bury(number)

    def _begin(self, number: int, chunk: int) -> None:
        self._crew.member(number).begin(
            "headers",
            self._limits(),
            Watch(asked_to_stop=self._watch.asked_to_stop),
            paths=self._chunks[chunk],
            keep=chunk if number == 0 else None,
            careful=chunk in self._careful,
        )

    def _collect(self) -> None:
        members = {self._crew.member(n): n for n in self._busy}
        select.select(list(members), [], [], POLL_SECONDS)
        for member, number in members.items():
            try:
                answer = member.heard()
            except Died as death:
                self._bury(number, death)
                continue
            if answer is not None:
                chunk = self._busy.pop(number)
                self._told[chunk] = None if number == 0 else answer
                share = len(self._told) / len(self._chunks)
                at = next(iter(self._chunks[chunk]), str(self._place))
                self._watch.tell(share, f"looking at {Path(at).name}")

    def _bury(self, number: int, death: Died | None = None) -> None:
        """Replace a worker; a file it was known to be at is refused, else it is looked for."""
        chunk = self._busy[number]
        self._crew.replace(number)
        if number == 0:
            lost = [n for n, told in self._told.items() if told is None]
            for n in lost:
                del self._told[n]
            self._waiting.extend(lost)
        if death and not death.files and chunk in self._careful:
            raise death
        self._careful.add(chunk)
        for path in death.files if death else ():
            self._chunks[chunk] = [one for one in self._chunks[chunk] if one != path]
            assert death is not None
            self._deadly.append(Refused.by(death.error(path), Path(path)))
        if len(self._deadly) > DEADLY_LIMIT:
            raise BadInput(
                f"more than {DEADLY_LIMIT} files here end the program that reads them",
                where=str(self._place),
            )
        self._begin(number, chunk)


def holds_many(place: Path) -> bool:
    """Return whether there is more than one worker's first chunk of files below a place."""
    entries = (name for _, _, names in os.walk(place) for name in names)
    return sum(1 for _ in islice(entries, CHUNK + 1)) > CHUNK


def surveyed(place: Path, crew: Crew, watch: Watch) -> Scan:
    """Return the Scan of a place, from the index where nothing changed since it was made."""
    index = own_index() if place.is_dir() else None
    key = key_of(place) if index else None
    if index and key and (known := index.get(key)) is not None:
        try:
            return _checked(known)
        except ValueError:
            index.forget(key)
    told = Survey(place, crew, watch).scan()
    try:
        found = _checked(told)
    except ValueError as error:
        raise UnreadableFile("its reader gave no sensible answer", where=str(place)) from error
    if index and key:
        index.put(key, told)
    return found


def _checked(told: bytes) -> Scan:
    """Return a Scan of which every refusal is a BadInput; raises ValueError."""
    found: Scan = from_json(Scan, told)
    refusals = [*found.refused, *(s.refusal for s in found.series if s.refusal)]
    for name in {refusal.error_class for refusal in refusals}:
        kind = getattr(errors, name, None)
        if not (isinstance(kind, type) and issubclass(kind, BadInput)):
            raise ValueError(f"no error {name}")
    return found
