"""One solver process: started, listened to, ended. It never outlives this program."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Final

from organtwin.core import children
from organtwin.core.errors import SolverFailed, Stopped
from organtwin.core.watch import Watch
from solvers.contract import Progress

POLL_SECONDS: Final = 0.04
LOG_LINES: Final = 20


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


class SolverProcess:
    """A process that tells of jobs on stdout, a line each."""

    def __init__(self, command: Sequence[str], folder: str, memory_mb: int | None = None) -> None:
        """Start a command in a folder; raises OSError when it cannot be started."""
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `end`
        self._process = subprocess.Popen(
            list(command),
            cwd=folder,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        _bound_memory(self._process.pid, memory_mb)
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        assert self._process.stdout is not None
        threading.Thread(
            target=_read, args=(self._process.stdout, self._lines), daemon=True
        ).start()

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def say(self, line: str) -> None:
        """Write a line to its stdin; raises OSError when it has gone."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def follow(self, watch: Watch, seconds: float | None) -> tuple[int | None, bool]:
        """Pass progress on until a job or the process has ended.

        Returns:
            The status that a line told ("ended"), None when the process ended before; and whether
            it had told anything.

        Raises:
            Stopped: the watch was asked to stop.
            SolverFailed: it took longer than `seconds`.
        """
        deadline = None if seconds is None else time.monotonic() + seconds
        line: str | None = ""
        told = False
        while line is not None:
            _require_time(watch, deadline, seconds)
            try:
                line = self._lines.get(timeout=POLL_SECONDS)
            except queue.Empty:
                continue
            progress = Progress.from_line(line) if line else None
            if progress is not None:
                told = True
                _require_time(watch, None, None)
                watch.tell(progress.fraction, progress.message)
            elif line and (status := _ended(line)) is not None:
                return status, True
        return None, told

    def wait(self) -> int:
        """Wait for its end; return its exit status, negative for a signal."""
        return self._process.wait()

    def end(self, grace_seconds: float) -> None:
        """End it with all it has started: politely, then for good; at once without grace."""
        try:
            if self.runs and grace_seconds > 0.0:
                self._signal(signal.SIGTERM)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(grace_seconds)
            if self.runs:
                self._signal(getattr(signal, "SIGKILL", signal.SIGTERM))
                self._process.wait()
        finally:
            for stream in (self._process.stdin, self._process.stdout, self._errors):
                with contextlib.suppress(OSError):
                    if stream is not None:
                        stream.close()

    def errors(self) -> list[str]:
        """Return the last lines of its stderr."""
        self._errors.seek(0)
        return self._errors.read().decode("utf-8", "replace").splitlines()[-LOG_LINES:]

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, number)
            else:
                self._process.terminate()


def environment() -> dict[str, str]:
    """Return the environment of a solver process: one thread, no network transport, our code."""
    return {
        **children.environment(),
        "OMP_NUM_THREADS": "1",
        "UCX_TLS": "self,sm,tcp",
        "PYTHONUNBUFFERED": "1",
    }


def _require_time(watch: Watch, deadline: float | None, seconds: float | None) -> None:
    if watch.asked_to_stop():
        raise Stopped("stopped on request", where="solver")
    if deadline is not None and time.monotonic() > deadline:
        raise SolverFailed(
            f"the solver took longer than {seconds:g} s",
            where="solver",
            advice="allow more time, or ask for a coarser mesh or fewer members",
            error="TooSlow",
        )


def _ended(line: str) -> int | None:
    """Return the status in a line that tells of a job's end, None for any other line."""
    try:
        return int(json.loads(line)["ended"])
    except (ValueError, KeyError, TypeError):
        return None


def _read(stream: IO[str], lines: queue.SimpleQueue[str | None]) -> None:
    with contextlib.suppress(ValueError, OSError):  # the stream is closed when a job is ended
        for line in stream:
            lines.put(line)
    lines.put(None)


def _bound_memory(pid: int, memory_mb: int | None) -> None:
    if memory_mb is not None and sys.platform == "linux":
        import resource

        size = memory_mb * 2**20
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_AS, (size, size))
