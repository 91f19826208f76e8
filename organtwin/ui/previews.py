"""The other side of a preview: labels from seeds as they are drawn, in a process of its own.

The image and the labels so far are read once. No Qt in here.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any, Final

from organtwin.casefolder import ObjectFolder
from organtwin.core.content import pieces
from organtwin.core.errors import OrganTwinError, Stopped
from organtwin.core.labelmap import LabelMap
from organtwin.core.watch import Watch
from organtwin.organs import organ
from organtwin.segmenting import Method, Request
from organtwin.segmenting import method as named
from organtwin.segmenting.growing import Growing
from organtwin.segmenting.seeds import Seeds, seeds_of

GROWN: Final = "grow-from-seeds"
Say = Callable[..., None]


def answer_previews(asked: Mapping[str, Any], lines: Iterable[str], say: Say, watch: Watch) -> None:
    """Answer each line of seeds with labels in the file "out"; see `aside.preview`."""
    objects = ObjectFolder(Path(asked["objects"]))
    volume = objects.get(asked["volume"])
    labels = objects.get(asked["labels"]) if asked["labels"] else None
    waiting: Queue[str] = Queue()
    Thread(target=_read, args=(lines, waiting), daemon=True).start()
    hurried = Watch(watch.tell, lambda: not waiting.empty())
    look, out = _Look(named(asked["method"]), watch, hurried), Path(asked["out"])
    for line in iter(waiting.get, ""):
        began = time.perf_counter()
        try:
            said = json.loads(line)
            seeds = seeds_of(said["seeds"])
            request = Request(volume, organ(asked["organ"]), seeds, labels, asked["settings"])
            found = look.at(request, afresh=bool(said.get("afresh")))
        except Stopped:
            continue  # other seeds came
        except OrganTwinError as error:
            say(part="refused", what=f"{error.what}; {error.advice}".rstrip("; "))
        else:
            _write(found, out)
            took_s = time.perf_counter() - began
            volumes = {name: found.volume_ml(name) for name in _found(found, seeds.names)}
            told = {"volumes_ml": volumes, "took_s": took_s, "grown_on": look.grown_on}
            say(part="found", out=str(out), **told)
        say(part="idle")


def _read(lines: Iterable[str], waiting: Queue[str]) -> None:
    """Take in lines as they come, so that work can be left for them; "" is the end."""
    for line in lines:
        waiting.put(line)
    waiting.put("")


class _Look:
    """Labels from seeds; growing goes on from what it knows where seeds were only added.

    `hurried` watches over what is done afresh: it is left as soon as there are other seeds.
    """

    def __init__(self, method: Method, watch: Watch, hurried: Watch) -> None:
        self._method, self._watch, self._hurried = method, watch, hurried
        self._growing: Growing | None = None
        self._seeds = Seeds()
        self.grown_on = False

    def at(self, request: Request, *, afresh: bool) -> LabelMap:
        """Return what the method makes of a request; raises as it does.

        `afresh`: as the step makes it. Growing on may differ a little from that (`grown_on`).
        Raises Stopped where other seeds came meanwhile; then nothing is forgotten.
        """
        if self._method.name != GROWN:
            return self._method.labelled(request, self._watch)
        more, growing = further(self._seeds, request.seeds), self._growing
        self.grown_on = not (afresh or growing is None or more is None)
        if afresh or growing is None or more is None:
            growing = Growing(request, self._hurried if afresh else self._watch)
            found = growing.labels()
        else:
            self._growing = None  # of no use when this fails half-way
            found = growing.add(more, self._watch)
        self._growing, self._seeds = growing, request.seeds
        return found


def further(before: Seeds, now: Seeds) -> Seeds | None:
    """Return what was added to seeds; None where some went, nothing came or a diameter moved."""
    points = _added(before.points, now.points)
    lines = _added(before.scribbles, now.scribbles)
    if points is None or lines is None or before.diameters != now.diameters:
        return None
    return Seeds(points, {}, lines) if points or lines else None


def _added[Value](
    before: Mapping[str, tuple[Value, ...]], now: Mapping[str, tuple[Value, ...]]
) -> dict[str, tuple[Value, ...]] | None:
    """Return what each name has more; None where one has not all it had."""
    if any(value not in now.get(n, ()) for n, given in before.items() for value in given):
        return None
    more = {n: tuple(v for v in given if v not in before.get(n, ())) for n, given in now.items()}
    return {name: given for name, given in more.items() if given}


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
