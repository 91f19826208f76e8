"""Identity is content: canonical bytes of a noun, their SHA-256, and back.

Layout: ``OTWIN 1`` and a line feed, the header's length as 8 little-endian bytes, the header
(canonical JSON with each array replaced by its place), then the arrays' bytes, Fortran order, each
starting on a multiple of 64 bytes so that a file can be mapped into memory.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib
import json
import pkgutil
from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import CaseDamaged

MAGIC: Final = b"OTWIN 1\n"
ALIGNMENT: Final = 64
HEADER_LIMIT: Final = 64 * 2**20
DTYPES: Final = frozenset(
    ["|b1", "|u1", "|i1", "<u2", "<i2", "<u4", "<i4", "<u8", "<i8", "<f4", "<f8"]
)
_NOUNS: dict[str, type[Any]] = {}


def noun[T](cls: type[T]) -> type[T]:
    """Register a frozen dataclass as a thing a case can hold."""
    _NOUNS[cls.__name__] = cls
    return cls


def read_only(array: NDArray[Any], dtype: Any = None) -> NDArray[Any]:
    """Return `array` in Fortran order, little endian, not writeable; copied only when needed."""
    wanted = np.dtype(dtype or array.dtype).newbyteorder("<")
    result: NDArray[Any] = np.asarray(array, dtype=wanted, order="F")
    if result.flags.writeable:
        result = result.view()
        result.flags.writeable = False
    return result


@functools.cache
def _all_nouns() -> dict[str, type[Any]]:
    """Import every file of this folder, so that each noun has registered itself."""
    import organtwin.core as package

    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
    return _NOUNS


def encode(thing: Any) -> bytes:
    """Return the canonical bytes of a registered noun."""
    return b"".join(pieces(thing))


def pieces(thing: Any) -> list[bytes | memoryview]:
    """Return the canonical bytes of a registered noun, its arrays not copied."""
    arrays: list[NDArray[Any]] = []
    header = json.dumps(
        _plain(thing, arrays),
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
    ).encode()
    parts: list[bytes | memoryview] = [MAGIC, len(header).to_bytes(8, "little"), header]
    size = sum(map(len, parts))
    for array in arrays:
        padding = -size % ALIGNMENT
        parts += [b"\0" * padding, memoryview(array.reshape(-1, order="F").view(np.uint8))]
        size += padding + array.nbytes
    return parts


def identity(*content: bytes | memoryview) -> str:
    """Return the id of canonical bytes, whole or in pieces: SHA-256, hexadecimal."""
    digest = hashlib.sha256()
    for piece in content:
        digest.update(piece)
    return digest.hexdigest()


def decode(content: bytes | memoryview) -> Any:
    """Return the noun that `content` holds; arrays are read-only views of it.

    Raises:
        CaseDamaged: it is not the canonical bytes of a noun this version knows.
    """
    view = memoryview(content)
    if bytes(view[:8]) != MAGIC or len(view) < 16:
        raise CaseDamaged("not an OrganTwin object")
    length = int.from_bytes(view[8:16], "little")
    if length > min(HEADER_LIMIT, len(view) - 16):
        raise CaseDamaged("an object's header is longer than the object")
    try:
        return _thing(json.loads(bytes(view[16 : 16 + length])), _Arrays(view, 16 + length))
    except (ValueError, KeyError, TypeError) as error:
        raise CaseDamaged(f"an object cannot be read ({error})") from error


class _Arrays:
    """Hands out the arrays of an object one after another."""

    def __init__(self, view: memoryview, offset: int) -> None:
        self._view, self._offset = view, offset

    def next(self, dtype: str, shape: list[int]) -> NDArray[Any]:
        if dtype not in DTYPES or any(n < 0 for n in shape):
            raise CaseDamaged(f"an array of type {dtype!r} and shape {shape} is not allowed")
        start = self._offset + -self._offset % ALIGNMENT
        count = 1
        for n in shape:
            count *= n
        self._offset = start + count * np.dtype(dtype).itemsize
        if self._offset > len(self._view):
            raise CaseDamaged("an object is shorter than it says")
        array: NDArray[Any] = np.frombuffer(self._view, dtype, count, start)
        array = array.reshape(shape, order="F")
        array.flags.writeable = False
        return array


def _plain(value: Any, arrays: list[NDArray[Any]]) -> Any:
    if isinstance(value, np.ndarray):
        array = read_only(value)
        arrays.append(array)
        return {"__array__": [array.dtype.str, list(array.shape)]}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        name = type(value).__name__
        if _NOUNS.get(name) is not type(value):
            raise TypeError(f"{name} is not a registered noun")
        fields = {f.name: _plain(getattr(value, f.name), arrays) for f in _sorted_fields(value)}
        return {"__noun__": name, "fields": fields}
    if isinstance(value, Mapping):
        return {"__map__": [[str(k), _plain(v, arrays)] for k, v in sorted(value.items())]}
    if isinstance(value, tuple | list):
        return [_plain(item, arrays) for item in value]
    if isinstance(value, date):
        return {"__date__": value.isoformat()}
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise TypeError(f"{type(value).__name__} has no canonical form")


def _sorted_fields(value: Any) -> list[dataclasses.Field[Any]]:
    return sorted(dataclasses.fields(value), key=lambda f: f.name)


def _thing(value: Any, arrays: _Arrays) -> Any:
    if isinstance(value, list):
        return tuple(_thing(item, arrays) for item in value)
    if not isinstance(value, dict):
        return value
    if "__array__" in value:
        return arrays.next(*value["__array__"])
    if "__map__" in value:
        return MappingProxyType({key: _thing(item, arrays) for key, item in value["__map__"]})
    if "__date__" in value:
        return date.fromisoformat(value["__date__"])
    if value["__noun__"] not in _all_nouns():
        raise CaseDamaged(
            f"an object of kind {value['__noun__']!r} is not known to this version",
            advice="open the case with the version that wrote it",
        )
    fields = {name: _thing(value["fields"][name], arrays) for name in sorted(value["fields"])}
    return _NOUNS[value["__noun__"]](**fields)
