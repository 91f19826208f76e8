"""Looking at images that belong to no case: a conversation with a process of its own. No Qt here.

The process opens the place once (a zip is unpacked for as long) and says, one JSON object a line,
each with "part": first "scan", then a "thumbnail" for each series, and for each request
``{"show": key, "whole": bool}`` a "slice" at once and, when the whole was asked for, the "volume".
It ends with its input, so that a window that died leaves nothing behind.
"""

from __future__ import annotations

import json
import os
import queue
import tempfile
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from organtwin.core.errors import BadInput, OrganTwinError, Stopped
from organtwin.core.origin import NOTHING_IN_COMMON, Identity
from organtwin.core.temporary import private_folder
from organtwin.core.watch import Watch
from organtwin.importing import Images, LabelSource, Refused, Scan, Series, open_images, part_of
from organtwin.importing.index import SWITCH as NO_INDEX
from organtwin.ui.packing import packed

PREFIX: Final = "organtwin-look-"
Say = Callable[..., None]
Requests = queue.Queue[Mapping[str, Any] | None]


def look(path: Path, lines: IO[str], say: Say, *, remember: bool) -> None:
    """Hold the conversation about what lies at `path`; raises as `open_images`.

    Args:
        remember: whether the user's index may keep what the headers say.
    """
    if not remember:
        os.environ[NO_INDEX] = "1"
    requests: Requests = queue.Queue()
    threading.Thread(target=_listen, args=(lines, requests), daemon=True).start()
    watch = Watch(
        lambda fraction, message: say(progress=fraction, message=message),
        lambda: not requests.empty() and requests.queue[-1] is None,
    )
    with own_folder() as folder, open_images(path, watch) as images:
        say(part="scan", **described(images.scan))
        _Conversation(images, folder, say, requests=requests).hold()


def described(scan: Scan) -> dict[str, Any]:
    """Return what a scan found as JSON values."""
    keyed = _keyed(scan.series)
    people = _people(list(keyed.values()))
    return {
        "series": [
            _series(s, key, person) for (key, s), person in zip(keyed.items(), people, strict=True)
        ],
        "labels": [_labels(source) for source in scan.labels],
        "refused": [_refused(one) for one in scan.refused],
    }


def _keyed(series: Sequence[Series]) -> dict[str, Series]:
    """Return how the step "import" is told of each: its UID, with "#part" where it is split.

    A file that lies there twice is one series.
    """
    parts = Counter(s.uid for s in series)
    return {s.uid if parts[s.uid] == 1 else f"{s.uid}#{s.part}": s for s in series}


def _people(series: Sequence[Series]) -> list[int]:
    """Return for each series the number of its person: what agrees in name or ID is of one."""
    found: list[Identity] = []
    numbers = []
    for one in series:
        same = (n for n, who in enumerate(found) if _is_one(one.identity, who))
        number = next(same, len(found))
        if number == len(found):
            found.append(one.identity)
        numbers.append(number)
    return numbers


def _is_one(a: Identity, b: Identity) -> bool:
    return not a.is_clearly_not(b) and NOTHING_IN_COMMON not in a.disagreements(b)


def _series(series: Series, key: str, person: int) -> dict[str, Any]:
    identity = series.identity
    return {
        "key": key,
        "uid": series.uid,
        "part": series.part if "#" in key else None,
        "person": person,
        "study_uid": series.study_uid,
        "study": series.study_description,
        "folder": series.files[0].parent.name if not series.study_uid else "",
        "modality": series.modality,
        "description": series.description,
        "acquired": series.acquired.isoformat() if series.acquired else "",
        "patient": {
            "name": identity.name,
            "id": identity.patient_id,
            "birth": identity.birth_date.isoformat() if identity.birth_date else "",
            "sex": identity.sex,
        },
        "size": list(series.size),
        "images": len(series.slices) or series.size[2],
        "files": len(series.files),
        "unit": series.unit,
        "inverted": series.inverted,
        "geometry": asdict(series.geometry) | {"consequence": series.geometry.consequence},
        "guess": {"name": series.guess.name, "reason": series.guess.reason},
        "body_part": part_of(series),
        "localizer": series.localizer,
        "refusal": _refused(series.refusal) if series.refusal else None,
    }


def _labels(source: LabelSource) -> dict[str, Any]:
    return {
        "path": str(source.path),
        "kind": source.kind,
        "names": list(source.names),
        "series_uid": source.referenced_series_uid,
    }


def _refused(one: Refused) -> dict[str, Any]:
    return {
        "path": str(one.path),
        "error": one.error_class,
        "reason": one.reason,
        "advice": one.advice,
    }


@contextmanager
def own_folder() -> Iterator[Path]:
    """Give a private folder, in which everything temporary lies until the end."""
    before = tempfile.tempdir
    with private_folder(PREFIX) as folder:
        tempfile.tempdir = str(folder)
        try:
            yield folder
        finally:
            tempfile.tempdir = before


def _listen(lines: IO[str], requests: Requests) -> None:
    for line in lines:
        requests.put(json.loads(line))
    requests.put(None)


class _Conversation:
    """What was asked for, most urgent first: a slice, the volume it belongs to, thumbnails."""

    def __init__(self, images: Images, folder: Path, say: Say, *, requests: Requests) -> None:
        self._images, self._folder, self._say, self._requests = images, folder, say, requests
        self._series = _keyed(images.scan.series)
        self._thumbnails = deque(k for k, s in self._series.items() if s.refusal is None)
        self._whole = ""
        self._volumes = 0

    def hold(self) -> None:
        """Answer until there is nobody to answer."""
        while True:
            work = bool(self._whole or self._thumbnails)
            if not work and self._requests.empty():
                self._say(progress=0.0, message="ready")
                self._say(part="idle")
            try:
                request = self._requests.get(block=not work)
            except queue.Empty:
                self._go_on()
                continue
            if request is None:
                return
            key = str(request["show"])
            self._whole = key if request.get("whole") else ""
            self._told(key, self._slice)

    def _go_on(self) -> None:
        if self._whole:
            key, self._whole = self._whole, ""
            self._told(key, self._volume)
        else:
            self._told(self._thumbnails.popleft(), self._thumbnail)

    def _told(self, key: str, work: Callable[[str], None]) -> None:
        """Do one thing; what cannot be done is said of that series, and the rest goes on."""
        try:
            work(key)
        except Stopped:
            return
        except (OrganTwinError, OSError, MemoryError) as error:
            told = error if isinstance(error, OrganTwinError) else BadInput(_plain(error))
            self._whole = "" if self._whole == key else self._whole
            kind = type(error).__name__
            if work != self._thumbnail:
                self._say(part="trouble", key=key, error=kind, what=told.what, advice=told.advice)

    def _thumbnail(self, key: str) -> None:
        self._say(part="thumbnail", key=key, **packed(self._images.thumbnail(self._series[key])))

    def _slice(self, key: str) -> None:
        series = self._series[key]
        count = len(series.slices) or series.size[2]
        values, affine = self._images.placed_slice(series, count // 2)
        self._say(
            part="slice",
            key=key,
            number=count // 2,
            count=count,
            affine=affine.tolist(),
            **packed(values),
        )

    def _volume(self, key: str) -> None:
        series = self._series[key]
        if series.refusal is not None:
            return
        watch = Watch(
            lambda fraction, message: self._say(progress=fraction, message=message),
            lambda: not self._requests.empty(),
        )
        volume = self._images.volume(series, watch)
        watch.tell(1.0, "showing the series")
        self._volumes += 1
        path = self._folder / f"{self._volumes}.npy"
        np.save(path, volume.voxels, allow_pickle=False)
        self._say(part="volume", key=key, path=str(path), affine=volume.affine.tolist())


def _plain(error: BaseException) -> str:
    reason = error.strerror if isinstance(error, OSError) else ""
    return reason or "there is not enough memory to show this series"
