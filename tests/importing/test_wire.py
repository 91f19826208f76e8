"""Nouns travel as they are, and nothing else is let in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

import pytest

from organtwin.core.watch import Watch
from organtwin.importing import Scan, scan
from organtwin.importing.wire import from_json, to_json

BOMB = {"values": ["x"], "places": []}


@dataclass(frozen=True)
class Inner:
    place: tuple[float, float]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Outer:
    number: int
    sure: bool
    grade: Literal["good", "bad"]
    when: date | None
    path: Path
    inner: Inner | None
    many: tuple[Inner, ...] = ()


def accepted(hint: Any, text: str) -> bool:
    """Return whether a text is taken for a thing of that type; anything but ValueError escapes."""
    try:
        from_json(hint, text)
    except ValueError:
        return False
    return True


FULL = Outer(
    3,
    True,
    "good",
    date(2026, 1, 2),
    Path("/a/ü\udcff"),
    Inner((1.0, -2.5), ("x", "")),
    tuple(Inner((float(n), 0.1), ("same",) * (n % 3)) for n in range(20)),
)
EMPTY = Outer(0, False, "bad", None, Path(), None)


@pytest.mark.parametrize("thing", [FULL, EMPTY])
def test_that_a_thing_comes_back_as_it_was(thing: Outer) -> None:
    assert from_json(Outer, to_json(Outer, thing)) == thing


def test_that_many_things_keep_their_order_and_types() -> None:
    things = (FULL, EMPTY, FULL, EMPTY, EMPTY)
    back = from_json(tuple[Outer, ...], to_json(tuple[Outer, ...], things))
    assert back == things
    assert type(back[1].many) is tuple
    assert type(back[0].inner.place[0]) is float


def test_that_a_real_scan_comes_back_as_it_was(shared: Path) -> None:
    found = scan(shared / "sts-002", Watch())
    assert from_json(Scan, to_json(Scan, found)) == found


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("number", ["3"]),
        ("number", [3, 4]),
        ("number", [True]),
        ("number", {"values": [1], "places": [1]}),
        ("number", {"values": [1], "places": [-1]}),
        ("number", {"values": [], "places": []}),
        ("number", None),
        ("sure", [1]),
        ("grade", ["excellent"]),
        ("when", [[True], ["2026-13-45"]]),
        ("when", [[True], []]),
        ("path", [7]),
        ("inner", [[True], {"place": [[1.0]], "names": [[0], []]}]),
        ("inner", [[True], {"place": [[1.0], [None]], "names": [[0], []]}]),
        ("inner", [[True], {"place": [[1.0], [2.0]], "names": [[-1], []]}]),
        ("inner", [[True], {"place": [[1.0], [2.0]], "names": [[2], ["x"]]}]),
        ("inner", [[False], {"place": [[], []], "names": [[], []], "more": []}]),
        ("many", [[10**12], {"place": [[], []], "names": [[], []]}]),
        ("inner", [[True], {"place": [[1.0], [2.0]], "names": [[10**12], BOMB]}]),
    ],
)
def test_that_what_is_of_another_type_is_refused(name: str, column: Any) -> None:
    plain = json.loads(to_json(Outer, EMPTY))
    plain[name] = column
    assert not accepted(Outer, json.dumps(plain))


@pytest.mark.parametrize("text", ["", "[", "[]", "{}", "null", "7", '["x"]', "[NaN]", "[" * 9999])
def test_that_what_is_no_thing_is_refused(text: str) -> None:
    assert not accepted(Outer, text)
    assert not accepted(tuple[float, ...], text)
