"""Runs a job in a process of its own on this machine: progress, cancel, limits, no leftovers."""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Final

from numpy.typing import NDArray

from organtwin.core import children
from organtwin.core.errors import SolverFailed, Stopped
from organtwin.core.watch import Watch
from organtwin.simulating.job import ADVICE, JobAnswer, read_answer, write_job
from solvers.contract import LOG_FILE, Job, Progress

SOLVER: Final = tuple(children.command("solvers"))
"""The command of the solvers; ``run FOLDER`` or ``describe`` follows."""

STDERR_FILE: Final = "stderr.txt"
POLL_SECONDS: Final = 0.04
LOG_LINES: Final = 20
LEFTOVER_SECONDS: Final = 2 * 86400.0


@dataclass(frozen=True)
class Limits:
    """What a job may use; None means no limit.

    Args:
        seconds: wall time, after which it is ended and SolverFailed("TooSlow") is raised.
        memory_mb: address space (Linux only; ignored elsewhere), in 2**20 bytes.
        grace_seconds: time between asking the process to end and killing it.
    """

    seconds: float | None = None
    memory_mb: int | None = None
    grace_seconds: float = 2.0


def run_job(
    job: Job,
    arrays: Mapping[str, NDArray[Any]],
    folder: Path,
    watch: Watch,
    *,
    command: Sequence[str] = SOLVER,
    limits: Limits | None = None,
) -> JobAnswer:
    """Run a job in its own process, or return the answer kept from an earlier run.

    Args:
        arrays: what `Job.inputs` names.
        folder: where job folders are kept; this job's is ``folder / job.id`` and exists only once
            the job has finished well. Until then it works in a folder beside it, which is removed
            whatever happens.

    Raises:
        SolverFailed: the solver ended without an answer (`error`: its class, Crash or TooSlow;
            `log`: the last lines it wrote).
        Stopped: the watch was asked to stop; the process is gone and nothing is left behind.
        DiskFull: no room for the job.
    """
    place = folder / job.id
    if place.is_dir():
        with contextlib.suppress(SolverFailed):
            return read_answer(job, place)
        shutil.rmtree(place)
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    scratch = Path(tempfile.mkdtemp(prefix=".run-", dir=folder))
    try:
        write_job(job, arrays, scratch)
        answer = _solve(job, scratch, watch, command=command, limits=limits or Limits())
        with contextlib.suppress(OSError):  # another process may have finished the same job
            scratch.rename(place)
        return answer
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def environment() -> dict[str, str]:
    """Return the environment of a solver process: one thread, no network transport, our code."""
    return {
        **children.environment(),
        "OMP_NUM_THREADS": "1",
        "UCX_TLS": "self,sm,tcp",
        "PYTHONUNBUFFERED": "1",
    }


def _solve(
    job: Job, scratch: Path, watch: Watch, *, command: Sequence[str], limits: Limits
) -> JobAnswer:
    try:
        code = _run([*command, "run", str(scratch)], scratch, watch, limits)
        if code < 0:
            raise SolverFailed(_ended(code), where=f"{job.kind} solver", advice=ADVICE["Crash"])
        answer = read_answer(job, scratch)
        if code > 0:
            raise SolverFailed(_ended(code), where=f"{job.kind} solver", advice=ADVICE["Crash"])
        return answer
    except SolverFailed as failure:
        raise replace(failure, log=_log_end(scratch)) from failure


def _run(command: list[str], scratch: Path, watch: Watch, limits: Limits) -> int:
    """Run a command to its end; returns its exit status. It never outlives this call."""
    with (scratch / STDERR_FILE).open("wb") as stderr:
        process = subprocess.Popen(
            command,
            cwd=scratch,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
    try:
        _bound_memory(process.pid, limits.memory_mb)
        _follow(process, watch, limits.seconds)
        return process.wait()
    finally:
        _end(process, limits.grace_seconds)


def _follow(process: subprocess.Popen[str], watch: Watch, seconds: float | None) -> None:
    assert process.stdout is not None
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(process.stdout, lines), daemon=True).start()
    deadline = None if seconds is None else time.monotonic() + seconds
    line: str | None = ""
    while line is not None:
        try:
            line = lines.get(timeout=POLL_SECONDS)
        except queue.Empty:
            if process.poll() is not None:
                return
            line = ""
        if watch.asked_to_stop():
            raise Stopped("stopped on request", where="solver")
        if deadline is not None and time.monotonic() > deadline:
            raise SolverFailed(
                f"the solver took longer than {seconds:g} s",
                where="solver",
                advice="allow more time, or ask for a coarser mesh or fewer members",
                error="TooSlow",
            )
        progress = Progress.from_line(line) if line else None
        if progress is not None:
            watch.tell(progress.fraction, progress.message)


def _read(stream: IO[str], lines: queue.SimpleQueue[str | None]) -> None:
    with contextlib.suppress(ValueError, OSError):  # the stream is closed when a job is ended
        for line in stream:
            lines.put(line)
    lines.put(None)


def _end(process: subprocess.Popen[str], grace_seconds: float) -> None:
    if process.poll() is None:
        _signal(process, signal.SIGTERM)
        try:
            process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            _signal(process, getattr(signal, "SIGKILL", signal.SIGTERM))
            process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _signal(process: subprocess.Popen[str], number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, number)
        else:
            process.terminate()


def _bound_memory(pid: int, memory_mb: int | None) -> None:
    if memory_mb is not None and sys.platform == "linux":
        import resource

        size = memory_mb * 2**20
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_AS, (size, size))


def _ended(code: int) -> str:
    if code > 0:
        return f"the solver ended with status {code}"
    with contextlib.suppress(ValueError):
        return f"the solver was ended by {signal.Signals(-code).name}"
    return f"the solver was ended by signal {-code}"


def _log_end(folder: Path) -> str:
    lines: list[str] = []
    for name in (LOG_FILE, STDERR_FILE):
        with contextlib.suppress(OSError):
            text = (folder / name).read_text(encoding="utf-8", errors="replace")
            lines += text.splitlines()[-LOG_LINES:]
    return "\n".join(lines[-LOG_LINES:])


def _sweep(folder: Path) -> None:
    """Remove work folders that a killed program left behind more than two days ago."""
    for old in folder.glob(".run-*"):
        with contextlib.suppress(OSError):
            if time.time() - old.stat().st_mtime > LEFTOVER_SECONDS:
                shutil.rmtree(old, ignore_errors=True)
