"""How much an attribute is needed in an object: its type, from the tables of PS3.3 in highdicom."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from organtwin.core.errors import Missing


@cache
def _table(name: str) -> Mapping[str, Any]:
    spec = find_spec("highdicom")
    if spec is None or not spec.submodule_search_locations:
        raise Missing("the package highdicom is not installed", advice="run `make setup`")
    path = Path(spec.submodule_search_locations[0], "_standard", name)
    table: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return table


@cache
def types_of(sop_class: str) -> Mapping[str, int] | None:
    """Return keyword → 1, 2 or 3 for the top level of an object, None for an unknown class.

    1: needs a value, 2: may be empty, 3: may be missing; conditions count as if they held (PS3.5
    section 7.4). The strictest of the object's modules decides.
    """
    iod = _table("sop_class_iod_map.json").get(sop_class)
    if iod is None:
        return None
    types: dict[str, int] = {}
    for module in _table("iod_module_map.json")[iod]:
        for attribute in _table("module_attribute_map.json")[module["key"]]:
            if not attribute["path"]:
                keyword = attribute["keyword"]
                types[keyword] = min(types.get(keyword, 3), int(attribute["type"][0]))
    return types
