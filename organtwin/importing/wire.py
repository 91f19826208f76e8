"""Nouns to JSON and back, by their type hints: how a worker answers without being trusted.

Many things of one type travel as columns, one for each field, which is fast for thousands of
slices; every value that comes back is checked against the hint, so a worker that was taken over by
a file can send wrong numbers but nothing that is not of the type asked for.
"""

from __future__ import annotations

import dataclasses
import gc
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import cache
from itertools import accumulate, chain, pairwise
from operator import attrgetter
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

PLAIN: Final[Mapping[Any, set[type]]] = {str: {str}, int: {int}, bool: {bool}, float: {float, int}}
FEW: Final = 4
"""Values that come this often on average travel once."""
COUNT_LIMIT: Final = 5_000_000
"""Of the values in one column: every slice of every file that may be looked at."""
SAMPLE: Final = 64
"""Where so many hardly ever come again, nobody looks at the rest."""
TEXTUAL: Final[Mapping[type, tuple[Callable[[Any], str], Callable[[str], Any]]]] = {
    Path: (str, Path),
    date: (date.isoformat, date.fromisoformat),
}


def to_json(hint: Any, thing: Any) -> str:
    """Return one line of JSON that holds a thing of the type `hint`."""
    return json.dumps(_packed(hint, [thing]), separators=(",", ":"), allow_nan=False)


def from_json(hint: Any, text: str | bytes) -> Any:
    """Return the thing that `to_json` wrote; raises ValueError for anything else."""
    try:
        plain = json.loads(text, parse_constant=_refused)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    return from_plain(hint, plain)


def from_plain(hint: Any, plain: Any) -> Any:
    """Return the thing that `to_json` wrote, its JSON parsed already; raises ValueError."""
    collecting = gc.isenabled()
    gc.disable()  # nothing here makes cycles, and looking for them takes longer than all the rest
    try:
        return _unpacked(hint, plain, 1)[0]
    except (TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise ValueError(f"not a {hint}") from error
    finally:
        if collecting:
            gc.enable()


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is no number")


@cache
def _fields(kind: type) -> Mapping[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _optional(hint: Any) -> Any:
    """Return X of ``X | None``, None for other hints."""
    if get_origin(hint) not in (Union, UnionType):
        return None
    rest = [part for part in get_args(hint) if part is not NoneType]
    if len(rest) != 1 or len(get_args(hint)) != 2:
        raise TypeError(f"{hint} does not travel")
    return rest[0]


def _packed(hint: Any, values: Sequence[Any]) -> Any:
    """Return the column of JSON that holds `values`, all of the type `hint`."""
    if hint in PLAIN or get_origin(hint) is Literal:
        return _shortened(values)
    if hint in TEXTUAL:
        return _shortened([TEXTUAL[hint][0](value) for value in values])
    if dataclasses.is_dataclass(hint):
        return {
            name: _packed(inner, list(map(attrgetter(name), values)))
            for name, inner in _fields(hint).items()  # type: ignore[arg-type]
        }
    if (inner := _optional(hint)) is not None:
        there = [value for value in values if value is not None]
        return [[value is not None for value in values], _packed(inner, there)]
    if hint == NDArray[np.float64]:
        return [[list(value.shape), value.ravel().tolist()] for value in values]
    if get_origin(hint) is tuple:
        parts = get_args(hint)
        first = {id(value): value for value in values}
        if 0 < len(first) * FEW <= len(values):
            numbers = {key: n for n, key in enumerate(first)}
            once = _packed(hint, list(first.values()))
            return {"count": len(first), "once": once, "places": [numbers[id(v)] for v in values]}
        if parts[-1] is Ellipsis:
            return [[len(v) for v in values], _packed(parts[0], list(chain.from_iterable(values)))]
        return [_packed(part, [v[n] for v in values]) for n, part in enumerate(parts)]
    raise TypeError(f"{hint} does not travel")


def _shortened(values: Sequence[Any]) -> Any:
    """Return plain values, each once with its places where the same come again and again."""
    if len(set(values[:SAMPLE])) * FEW > SAMPLE:
        return list(values)
    if values and len(set(map(type, values))) == 1 and values.count(values[0]) == len(values):
        return {"values": [values[0]], "places": []}
    keys = list(zip(map(type, values), values, strict=True))
    numbers = {key: n for n, key in enumerate(dict.fromkeys(keys))}
    if len(numbers) * FEW > len(values):
        return list(values)
    places = [numbers[key] for key in keys]
    return {"values": [value for _, value in numbers], "places": places if any(places) else []}


def _unpacked(hint: Any, column: Any, count: int) -> list[Any]:
    """Return the `count` values that a column holds; raises where it does not fit the hint."""
    if hint in PLAIN:
        return _checked(hint, column, count)
    if get_origin(hint) is Literal:
        _require(set(_checked(str, column, count)) <= set(get_args(hint)))
        return _checked(str, column, count)
    if hint in TEXTUAL:
        made: list[Any] = list(map(TEXTUAL[hint][1], _checked(str, column, count)))
        return made
    if dataclasses.is_dataclass(hint):
        fields = _fields(hint)  # type: ignore[arg-type]
        _require(isinstance(column, dict) and column.keys() == fields.keys())
        columns = [_unpacked(inner, column[name], count) for name, inner in fields.items()]
        return [hint(*row) for row in zip(*columns, strict=True)]  # type: ignore[operator]
    if (inner := _optional(hint)) is not None:
        there = _checked(bool, column[0], count)
        values = iter(_unpacked(inner, column[1], sum(there)))
        return [next(values) if known else None for known in there]
    if hint == NDArray[np.float64]:
        _require(isinstance(column, list) and len(column) == count)
        return [_array(*value) for value in column]
    _require(get_origin(hint) is tuple)
    if isinstance(column, dict):
        _require(0 <= column["count"] <= count)
        places = _checked(int, column["places"], count)
        once = _unpacked(hint, column["once"], column["count"])
        _require(min(places, default=0) >= 0)
        return [once[n] for n in places]
    _require(isinstance(column, list))
    parts = get_args(hint)
    if parts[-1] is Ellipsis:
        return _tuples(parts[0], column, count)
    _require(len(column) == len(parts))
    inside = [_unpacked(part, column[n], count) for n, part in enumerate(parts)]
    return list(zip(*inside, strict=True))


def _tuples(hint: Any, column: Any, count: int) -> list[Any]:
    lengths = _checked(int, column[0], count)
    _require(min(lengths, default=0) >= 0 and sum(lengths) <= COUNT_LIMIT)
    values = _unpacked(hint, column[1], sum(lengths))
    return [tuple(values[a:b]) for a, b in pairwise([0, *accumulate(lengths)])]


def _checked(kind: type, column: Any, count: int) -> list[Any]:
    if isinstance(column, dict):
        values = _checked(kind, column["values"], len(column["values"]))
        places = _checked(int, column["places"], len(column["places"]))
        _require(not places or (len(places) == count and min(places) >= 0))
        return [values[n] for n in places] if places else values[:1] * count
    _require(isinstance(column, list) and len(column) == count)
    kinds = set(map(type, column))
    _require(kinds <= PLAIN[kind])
    return list(map(float, column)) if kind is float and int in kinds else list(column)


def _array(shape: Any, values: Any) -> Any:
    """Return a float64 array, the only kind that travels as text."""
    _checked(int, shape, len(shape))
    return np.array(_checked(float, values, len(values)), dtype=np.float64).reshape(shape)


def _require(fits: bool) -> None:
    if not fits:
        raise ValueError("the answer is not of the type that was asked for")
