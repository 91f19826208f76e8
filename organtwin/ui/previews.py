"""The other side of a preview: labels from seeds as they are drawn, in a process of its own.

The image and the labels so far are read once. No Qt in here.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from organtwin.casefolder import ObjectFolder
from organtwin.core.content import pieces
from organtwin.core.errors import OrganTwinError
from organtwin.core.labelmap import LabelMap
from organtwin.core.watch import Watch
from organtwin.organs import organ
from organtwin.segmenting import Request
from organtwin.segmenting import method as named
from organtwin.segmenting.seeds import seeds_of

Say = Callable[..., None]


def answer_previews(asked: Mapping[str, Any], lines: Iterable[str], say: Say, watch: Watch) -> None:
    """Answer each line of seeds with labels in the file "out"; see `aside.preview`."""
    objects = ObjectFolder(Path(asked["objects"]))
    volume = objects.get(asked["volume"])
    labels = objects.get(asked["labels"]) if asked["labels"] else None
    chosen, out = named(asked["method"]), Path(asked["out"])
    for line in lines:
        began = time.perf_counter()
        try:
            seeds = seeds_of(json.loads(line)["seeds"])
            request = Request(volume, organ(asked["organ"]), seeds, labels, asked["settings"])
            found = chosen.labelled(request, watch)
        except OrganTwinError as error:
            say(part="refused", what=f"{error.what}; {error.advice}".rstrip("; "))
        else:
            _write(found, out)
            took_s = time.perf_counter() - began
            volumes = {name: found.volume_ml(name) for name in _found(found, seeds.names)}
            say(part="found", out=str(out), volumes_ml=volumes, took_s=took_s)
        say(part="idle")


def _found(labels: LabelMap, seeded: Iterable[str]) -> list[str]:
    there = {s.name for s in labels.structures}
    return [name for name in seeded if name in there]


def _write(labels: LabelMap, out: Path) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f".{out.name}-{os.getpid()}")
    with part.open("wb") as stream:
        for piece in pieces(labels):
            stream.write(piece)
    part.replace(out)
