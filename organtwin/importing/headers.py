"""Headers that one worker read, as JSON for the worker that sorts them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from organtwin.importing.element_reader import Dataset
from organtwin.importing.elements import Elements
from organtwin.importing.opening import Opened


def headers_to_json(files: Sequence[Opened]) -> str:
    """Return one line that holds what was read of each file."""
    return json.dumps([_plain(file) for file in files], separators=(",", ":"))


def headers_from_json(plain: list[list[Any]]) -> list[Opened]:
    """Return what `headers_to_json` wrote, parsed already."""
    return [_opened(file) for file in plain]


def _plain(file: Opened) -> list[Any]:
    held = file.dataset
    return [
        str(file.path),
        file.size_bytes,
        file.modified_ns,
        "" if held else file.beginning.decode("latin-1"),
        held and [_elements(held.elements), *_place(held)],
        file.transfer_syntax,
        file.sop_class,
    ]


def _place(held: Dataset) -> tuple[int, int, int | None, str]:
    return held.pixel_tag, held.pixel_offset, held.pixel_length, held.damage


def _opened(plain: list[Any]) -> Opened:
    path, size, modified, beginning, held, *kind = plain
    dataset = held and Dataset(_values(held[0]), *held[1:])
    return Opened(Path(path), size, modified, beginning.encode("latin-1"), dataset, *kind)


def _elements(said: Elements) -> list[Any]:
    values = [
        [tag, vr, v.decode("latin-1") if isinstance(v, bytes) else [_elements(item) for item in v]]
        for tag, (vr, v) in said.raw.items()
    ]
    return [values, said.big, said.encodings]


def _values(plain: list[Any]) -> Elements:
    values, big, encodings = plain
    raw = {
        tag: (vr, v.encode("latin-1") if isinstance(v, str) else tuple(map(_values, v)))
        for tag, vr, v in values
    }
    return Elements(raw, big, tuple(encodings))
