"""JSON that a person gives: one object, no key twice, not too large."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from organtwin.core.errors import BadInput

MOST_BYTES: Final = 32 * 2**20


def json_file(path: str, what: str) -> dict[str, Any]:
    """Return the JSON object of a file; raises BadInput, `what` naming what it should hold."""
    try:
        if Path(path).stat().st_size > MOST_BYTES:
            raise BadInput(f"{what} of more than {MOST_BYTES >> 20} MiB", where=path)
        text = Path(path).read_text("utf-8")
    except (OSError, ValueError) as error:
        raise BadInput(f"{what} cannot be read ({error})", where=path) from error
    return json_object(text, what, where=path)


def json_object(text: str, what: str, *, where: str) -> dict[str, Any]:
    """Return the JSON object of a text; raises BadInput."""
    try:
        found = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise BadInput(
            f"{what} cannot be read ({error})", where=where, advice="write a JSON object"
        ) from error
    if not isinstance(found, dict):
        raise BadInput(f"{what} are one JSON object", where=where)
    return found


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} stands there twice")
    return found
