"""A warm solver: ``python -m solvers serve`` runs one job folder after another.

Each line of stdin is ``{"job": TAG, "folder": PATH}``; each line of stdout has the TAG: progress
(``{"job", "progress", "message"}``) and at last ``{"job", "ended"}``, the status that ``run`` would
have ended with. What a job leaves in its folder is the same as with ``run``. The process ends with
stdin, with the process that started it, after `IDLE_SECONDS` without a job, and after a job that
left it with more than `MOST_BYTES`.
"""

from __future__ import annotations

import gc
import json
import os
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Final

from solvers.contract import LOG_FILE, Progress
from solvers.jobfolder import run_folder, solver
from solvers.warm import WarmOrgans

IDLE_SECONDS: Final = 600.0
MOST_BYTES: Final = 3 * 2**30
_PARENT_SECONDS: Final = 0.2


def serve(
    requests: Iterable[str], say: Callable[[str], None], noise_into: Callable[[Path], None]
) -> None:
    """Run jobs until there are no more.

    Args:
        requests: lines as above.
        say: is given lines as above.
        noise_into: sends what libraries write to a file.
    """
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(requests, lines), daemon=True).start()
    organs, forms = WarmOrgans(), _forms()
    while line := _next(lines, forms):
        tag, folder = _request(line)
        if folder is None:
            say(json.dumps({"job": tag, "ended": 2}))
            continue
        noise_into(folder / LOG_FILE)
        try:
            ended = _one(tag, folder, organs, say)
        finally:
            noise_into(Path(os.devnull))
        within = _within(organs)
        say(json.dumps({"job": tag, "ended": ended}))
        if not within:
            return


def _one(tag: str, folder: Path, organs: WarmOrgans, say: Callable[[str], None]) -> int:
    def tell(progress: Progress) -> None:
        fields = asdict(progress)
        fields["progress"] = fields.pop("fraction")
        say(json.dumps({"job": tag, **fields}, ensure_ascii=False))

    tell(Progress(0.0, "reading the job"))
    return 0 if run_folder(folder, tell, solve=organs.solver(solver)).ok else 1


def _request(line: str) -> tuple[str, Path | None]:
    """Return tag and folder; no folder where the line asks for none that is there."""
    try:
        asked = json.loads(line)
        tag, folder = str(asked["job"]), Path(asked["folder"])
    except (ValueError, KeyError, TypeError):
        return "", None
    return tag, folder if folder.is_dir() else None


def _next(lines: queue.SimpleQueue[str], forms: Iterator[str]) -> str:
    """Return the next line, "" when there will be none; read forms while nobody asks."""
    while lines.empty():
        if next(forms, None) is None:
            break
    try:
        return lines.get(timeout=IDLE_SECONDS)
    except queue.Empty:
        return ""


def _forms() -> Iterator[str]:
    """Read compiled forms one after another, if all are there: compiling would hold up jobs."""
    from solvers.compiling import compile_forms
    from solvers.shipped import all_compiled

    return compile_forms() if all_compiled() else iter(())


def _read(requests: Iterable[str], lines: queue.SimpleQueue[str]) -> None:
    """Take in lines; when they end because the process that wrote them is gone, end this one."""
    parent = os.getppid()
    for line in requests:
        lines.put(line)
    lines.put("")
    while os.getppid() == parent:
        time.sleep(_PARENT_SECONDS)
    os._exit(1)


def _within(organs: WarmOrgans) -> bool:
    """Forget organs if memory is short; return whether that was enough."""
    if _resident_bytes() > MOST_BYTES:
        organs.forget()
        gc.collect()
    return _resident_bytes() <= MOST_BYTES


def _resident_bytes() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS
    return pages * os.sysconf("SC_PAGE_SIZE")
