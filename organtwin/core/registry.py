"""Name → thing, found in the files of a folder: adding one is adding a file."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType, ModuleType
from typing import Any

from organtwin.core.errors import BadArgument


def registered(package: ModuleType, constant: str) -> Mapping[str, Any]:
    """Return the `constant` of every module in `package` that has one, by its ``name``, sorted.

    Raises:
        BadArgument: two files register the same name.
    """
    found: dict[str, Any] = {}
    for module in pkgutil.iter_modules(package.__path__):
        thing = getattr(
            importlib.import_module(f"{package.__name__}.{module.name}"), constant, None
        )
        if thing is None:
            continue
        if thing.name in found:
            raise BadArgument(f"two files register {thing.name!r}", where=package.__name__)
        found[thing.name] = thing
    return MappingProxyType(dict(sorted(found.items())))


def chosen(things: Mapping[str, Any], name: str, kind: str) -> Any:
    """Return ``things[name]``; raises BadArgument naming what there is."""
    if name not in things:
        raise BadArgument(f"no {kind} {name!r}", advice="there are: " + ", ".join(things))
    return things[name]
