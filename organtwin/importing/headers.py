"""Headers that one worker read, as JSON for the worker that sorts them.

Files of a series say nearly all the same: of each only what differs from the file before is told.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from organtwin.importing.element_reader import Dataset
from organtwin.importing.elements import Elements
from organtwin.importing.opening import Opened

Raw = Mapping[int, tuple[str, Any]]
NOTHING: Final = Elements({})


def headers_to_json(files: Sequence[Opened]) -> str:
    """Return one line that holds what was read of each file."""
    plain, before = [], NOTHING
    for file in files:
        plain.append(_plain(file, before))
        before = file.elements
    return json.dumps(plain, separators=(",", ":"))


def headers_from_json(plain: list[list[Any]]) -> list[Opened]:
    """Return what `headers_to_json` wrote, parsed already."""
    files, before = [], NOTHING
    for one in plain:
        files.append(_opened(one, before))
        before = files[-1].elements
    return files


def _plain(file: Opened, before: Elements) -> list[Any]:
    held = file.dataset
    return [
        str(file.path),
        file.size_bytes,
        file.modified_ns,
        "" if held else file.beginning.decode("latin-1"),
        held and [_elements(held.elements, before.raw), *_place(held)],
        file.transfer_syntax,
        file.sop_class,
    ]


def _place(held: Dataset) -> tuple[int, int, int | None, str]:
    return held.pixel_tag, held.pixel_offset, held.pixel_length, held.damage


def _opened(plain: list[Any], before: Elements) -> Opened:
    path, size, modified, beginning, held, *kind = plain
    dataset = held and Dataset(_values(held[0], before.raw), *held[1:])
    return Opened(Path(path), size, modified, beginning.encode("latin-1"), dataset, *kind)


def _elements(said: Elements, before: Raw) -> list[Any]:
    """Return the values that are not the same before, and the tags that stood only there."""
    values = [
        [tag, vr, v.decode("latin-1") if isinstance(v, bytes) else [_elements(i, {}) for i in v]]
        for tag, (vr, v) in said.raw.items()
        if before.get(tag) != (vr, v)
    ]
    gone = [tag for tag in before if tag not in said.raw]
    return [values, gone, said.big, said.encodings]


def _values(plain: list[Any], before: Raw) -> Elements:
    values, gone, big, encodings = plain
    raw = dict(before)
    for tag in gone:
        del raw[tag]
    for tag, vr, v in values:
        raw[tag] = (vr, v.encode("latin-1") if isinstance(v, str) else _items(v))
    return Elements(raw, big, tuple(encodings))


def _items(plain: list[Any]) -> tuple[Elements, ...]:
    return tuple(_values(item, {}) for item in plain)
