"""The process in which foreign files are parsed and decoded, with limits on memory and time.

``python -m organtwin.importing.worker SOCKET`` reads requests from stdin, one JSON object a line,
{"ask", "memory", "seconds", …}, and prints JSON lines: {"progress", "message"} and last {"answer"}
or {"error", "what", "where", "advice"}. Through the socket come files without a name: first a board
on which the worker writes what it is reading, then for some requests memory to fill. It ends with
its input, so it never outlives its parent, and then removes what it unpacked.
"""

from __future__ import annotations

import gc
import json
import math
import os
import queue
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import OrganTwinError, UnreadableFile
from organtwin.core.labelmap import CodedTerm
from organtwin.core.volume import GeometryReport, Volume
from organtwin.core.watch import Watch
from organtwin.importing.found import LabelSource, Refused, Scan, Series
from organtwin.importing.headers import headers_from_json, headers_to_json
from organtwin.importing.opening import Opened
from organtwin.importing.region import Room
from organtwin.importing.scanning import headers_of, listed, read_masks, read_volume, sorted_out
from organtwin.importing.whereabouts import Board, reading
from organtwin.importing.wire import from_plain, to_json

REMOVING: Final = "import shutil, sys; [shutil.rmtree(each, True) for each in sys.argv[1:]]"
TELL_SECONDS: Final = 0.05
Request = Mapping[str, Any]
Refusals = tuple[Refused, ...]
Listed = tuple[tuple[Path, ...], Refusals]


@dataclass(frozen=True)
class Sent:
    """A Volume without its voxels, which lie in the shared memory; `shape` and `dtype` of them."""

    shape: tuple[int, int, int]
    dtype: str
    affine: NDArray[np.float64]
    unit: str
    modality: str
    geometry: GeometryReport
    acquired: date | None
    series_uid: str
    study_uid: str
    frame_uid: str
    description: str
    inverted: bool


@dataclass(frozen=True)
class SentMask:
    """A Mask without its voxels, which lie in the shared memory, one bit each."""

    name: str
    code: CodedTerm | None
    source_ml: float
    note: str
    foreign: bool


@dataclass(frozen=True)
class Picture:
    """A picture in the shared memory, and where it lies."""

    shape: tuple[int, ...]
    dtype: str
    affine: NDArray[np.float64]


class Worker:
    """Answers requests one after another."""

    def __init__(self, say: Callable[..., None], memory: socket.socket) -> None:
        self._say, self._memory = say, memory
        self._told = 0.0
        self._kept: dict[int, tuple[list[Opened], Refusals]] = {}
        self.watch = Watch(self._tell)

    def answer(self, request: Request) -> str:
        """Return the answer as JSON; raises what the request raises."""
        bounded(int(request["memory"]), float(request["seconds"]))
        asked: Callable[[Request], str] = getattr(self, f"ask_{request['ask']}")
        return asked(request)

    def ask_files(self, request: Request) -> str:
        """List the files below "path"."""
        paths, refused = listed(Path(request["path"]))
        return to_json(Listed, (tuple(paths), tuple(refused)))

    def ask_unpack(self, request: Request) -> str:
        """Unpack the zip "path" into the folder "into"."""
        from organtwin.importing.archive import unpack_into

        return to_json(Path, unpack_into(Path(request["into"]), Path(request["path"]), self.watch))

    def ask_headers(self, request: Request) -> str:
        """Look at "paths": keep what was read under "keep", or tell it; carefully: one by one."""
        paths = [Path(path) for path in request["paths"]]
        if request["careful"]:
            files, refused = self._one_by_one(paths)
        else:
            files, refused = headers_of(paths, self.watch)
        if request["keep"] is None:
            return f"[{headers_to_json(files)},{to_json(Refusals, tuple(refused))}]"
        self._kept[request["keep"]] = files, tuple(refused)
        return "null"

    def _one_by_one(self, paths: list[Path]) -> tuple[list[Opened], list[Refused]]:
        files, refused = [], []
        for path in paths:
            with reading(path):
                found, problems = headers_of([path], self.watch)
            files += found
            refused += problems
        return files, refused

    def ask_scan(self, request: Request) -> str:
        """Sort the headers of "parts": numbers of those kept here, or what another worker told."""
        files: list[Opened] = []
        refused = list(from_plain(Refusals, request["refused"]))
        for part in request["parts"]:
            if isinstance(part, int):
                found, problems = self._kept.pop(part)
            else:
                found = headers_from_json(part[0])
                problems = from_plain(Refusals, part[1])
            files += found
            refused += problems
        return to_json(Scan, sorted_out(files, refused))

    def ask_volume(self, request: Request) -> str:
        """Read "series" into the shared memory."""
        with self._room(request) as room:
            series: Series = from_plain(Series, request["series"])
            volume = read_volume(series, self.watch)
            room.keep(volume.voxels)
            fields = {
                name: getattr(volume, name)
                for name in Sent.__annotations__
                if name not in ("shape", "dtype")
            }
            sent = Sent(volume.voxels.shape, volume.voxels.dtype.str, **fields)
            del volume
        return to_json(Sent, sent)

    def ask_label_source(self, request: Request) -> str:
        """Take the file "path" as labels."""
        from organtwin.importing.labelling import label_source

        path = Path(request["path"])
        with reading(path):
            return to_json(LabelSource, label_source(path))

    def ask_masks(self, request: Request) -> str:
        """Read "source" on the grid of a Volume without voxels, into the shared memory."""
        source: LabelSource = from_plain(LabelSource, request["source"])
        like: Sent = from_plain(Sent, request["volume"])
        with self._room(request) as room:
            masks = read_masks(source, blank(like), self.watch)
            stride = math.ceil(math.prod(like.shape) / 8)
            packed = room.array((request["size"] // stride, stride), np.dtype("u1"))
            if len(masks) > len(packed):
                raise UnreadableFile("more structures than it names", where=str(source.path))
            for n, mask in enumerate(masks):
                packed[n] = np.packbits(mask.voxels.ravel(order="F"))
            sent = tuple(SentMask(m.name, m.code, m.source_ml, m.note, m.foreign) for m in masks)
            del packed, masks
        return to_json(tuple[SentMask, ...], sent)

    def ask_picture(self, request: Request) -> str:
        """Draw slice "number" of "series", its thumbnail where there is no number."""
        from organtwin.importing.previews import placed_slice, thumbnail

        series: Series = from_plain(Series, request["series"])
        with self._room(request) as room:
            if request["number"] is None:
                room.keep(small := thumbnail(series))
                return to_json(Picture, Picture(small.shape, small.dtype.str, np.eye(4)))
            values, affine = placed_slice(series, request["number"])
            room.keep(values)
            return to_json(Picture, Picture(values.shape, values.dtype.str, affine))

    @contextmanager
    def _room(self, request: Request) -> Iterator[Room]:
        with Room(received(self._memory), request["size"], request["likely"]) as room:
            yield room

    def _tell(self, fraction: float, message: str) -> None:
        now = time.monotonic()
        if now - self._told > TELL_SECONDS:
            self._told = now
            self._say(progress=fraction, message=message)


def received(memory: socket.socket) -> int:
    """Return the next file that the parent sends."""
    _, files, _, _ = socket.recv_fds(memory, 1, 1)
    return files[0]


def blank(like: Sent) -> Volume:
    """Return a Volume of a grid with nothing in it, which takes no memory until it is read."""
    fields = {name: getattr(like, name) for name in Sent.__annotations__}
    del fields["shape"], fields["dtype"]
    return Volume(np.zeros(like.shape, np.int16, order="F"), **fields)


def bounded(memory_bytes: int, seconds: float) -> None:
    """Allow so much more address space and processor time from now on (not on Windows)."""
    if sys.platform == "win32":
        return
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = used.ru_utime + used.ru_stime
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(spent + seconds), most))
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        limit = pages * resource.getpagesize() + memory_bytes
        resource.setrlimit(resource.RLIMIT_AS, (limit, most))


def main() -> int:
    """Answer until the input ends."""
    gc.disable()  # thousands of headers, hardly a cycle, a bound on memory and a short life
    say = _own_output()
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    requests: queue.SimpleQueue[Request] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(requests,), daemon=True).start()
    memory = socket.socket(fileno=int(sys.argv[1]))
    Board(received(memory)).put_up()
    worker = Worker(say, memory)
    while True:
        request = requests.get()
        try:
            say(worker.answer(request))
        except OrganTwinError as error:
            kind = type(error).__name__
            say(error=kind, what=error.what, where=error.where, advice=error.advice)
        except MemoryError:
            say(error="OutOfMemory", what="", where="", advice="")
        except Exception as error:  # the last door: the parent must hear of everything
            say(error="Crash", what=type(error).__name__, where="", advice="")


def _listen(requests: queue.SimpleQueue[Request]) -> None:
    """Hand on each request; when the parent is gone, remove what was unpacked and end at once."""
    unpacked = []
    for line in sys.stdin.buffer:
        request = json.loads(line)
        if request["ask"] == "unpack":
            unpacked.append(request["into"])
        requests.put(request)
    if unpacked:  # another program takes our place, so that nothing is unpacked any more
        os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", REMOVING, *unpacked])
    os._exit(0)


def _own_output() -> Callable[..., None]:
    """Return what writes a line to the parent; whatever else is printed goes nowhere."""
    output = os.fdopen(os.dup(1), "wb", buffering=0)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    lock = threading.Lock()

    def say(answer: str = "", **fields: Any) -> None:
        text = f'{{"answer":{answer}}}' if answer else json.dumps(fields)
        line = memoryview(text.encode() + b"\n")
        with lock:
            while line:
                line = line[output.write(line) :]

    return say


if __name__ == "__main__":
    sys.exit(main())
