"""Name → thing, found in the files of a folder: adding a law or a growth model is adding a file."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType, ModuleType
from typing import Any

from solvers.failures import BadInput


def registered(package: ModuleType, constant: str) -> Mapping[str, Any]:
    """Return the `constant` of every module in `package` that has one, by its ``name``, sorted.

    Raises:
        BadInput: two files register the same name.
    """
    found: dict[str, Any] = {}
    for entry in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{entry.name}")
        thing = getattr(module, constant, None)
        if thing is None:
            continue
        if thing.name in found:
            raise BadInput(f"two files in {package.__name__} register {thing.name!r}")
        found[thing.name] = thing
    return MappingProxyType(dict(sorted(found.items())))


def chosen(things: Mapping[str, Any], name: str, kind: str) -> Any:
    """Return ``things[name]``; raises BadInput naming what there is."""
    if name not in things:
        raise BadInput(f"no {kind} {name!r}; there are: {', '.join(things)}")
    return things[name]
