"""Headers that one worker read, as JSON for the worker that sorts them.

Files of a series say nearly all the same: what those of one kind say alike is told once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from organtwin.importing.element_reader import Dataset
from organtwin.importing.elements import Elements
from organtwin.importing.opening import Opened
from organtwin.importing.repeating import OWN, Kind

Raw = Mapping[int, tuple[str, Any]]


def headers_to_json(files: Sequence[Opened]) -> str:
    """Return one line that holds what was read of each file."""
    kinds = list({id(file.kind): file.kind for file in files if file.kind}.values())
    numbers = {id(kind): n for n, kind in enumerate(kinds)}
    plain = [_plain(file, numbers) for file in files]
    return json.dumps([list(map(_kind, kinds)), plain], separators=(",", ":"))


def headers_from_json(plain: list[list[Any]]) -> list[Opened]:
    """Return what `headers_to_json` wrote, parsed already."""
    kinds = list(map(_kind_of, plain[0]))
    return [_opened(one, kinds) for one in plain[1]]


def _plain(file: Opened, numbers: Mapping[int, int]) -> list[Any]:
    held, state = file.dataset, (str(file.path), file.size_bytes, file.modified_ns)
    if held is None:
        return [*state, None, file.beginning.decode("latin-1")]
    if file.kind is None:
        return [*state, None, "", _dataset(held), file.transfer_syntax, file.sop_class]
    raw = held.elements.raw
    own = [(tag, vr, v.decode("latin-1")) for tag in OWN & raw.keys() for vr, v in (raw[tag],)]
    return [*state, numbers[id(file.kind)], own, held.pixel_offset]


def _opened(plain: list[Any], kinds: Sequence[Kind]) -> Opened:
    path, size, modified, number, said, *rest = plain
    if number is None:
        dataset = _dataset_of(rest.pop(0)) if rest else None
        return Opened(Path(path), size, modified, said.encode("latin-1"), dataset, *rest)
    kind = kinds[number]
    own = {tag: (vr, v.encode("latin-1")) for tag, vr, v in said}
    dataset, of = kind.dataset(own, rest[0]), (kind.transfer_syntax, kind.sop_class)
    return Opened(Path(path), size, modified, b"", dataset, *of, kind)


def _kind(kind: Kind) -> list[Any]:
    return [_raw(kind.raw), _dataset(kind.like), kind.transfer_syntax, kind.sop_class]


def _kind_of(plain: list[Any]) -> Kind:
    raw, like, *of = plain
    return Kind(_raw_of(raw), _dataset_of(like), *of)


def _dataset(held: Dataset) -> list[Any]:
    place = held.pixel_tag, held.pixel_offset, held.pixel_length, held.damage
    return [_elements(held.elements), *place]


def _dataset_of(plain: list[Any]) -> Dataset:
    elements, *place = plain
    return Dataset(_elements_of(elements), *place)


def _elements(said: Elements) -> list[Any]:
    return [_raw(said.raw), said.big, said.encodings]


def _elements_of(plain: list[Any]) -> Elements:
    raw, big, encodings = plain
    return Elements(_raw_of(raw), big, tuple(encodings))


def _raw(raw: Raw) -> list[Any]:
    return [
        (tag, vr, v.decode("latin-1") if isinstance(v, bytes) else list(map(_elements, v)))
        for tag, (vr, v) in raw.items()
    ]


def _raw_of(plain: list[Any]) -> Raw:
    return {
        tag: (vr, v.encode("latin-1") if isinstance(v, str) else tuple(map(_elements_of, v)))
        for tag, vr, v in plain
    }
