"""Runs a job in a process of its own on this machine: progress, cancel, limits, no leftovers."""

from __future__ import annotations

import contextlib
import shutil
import signal
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from numpy.typing import NDArray

from organtwin.core import children
from organtwin.core.errors import SolverFailed
from organtwin.core.watch import Watch
from organtwin.simulating.job import ADVICE, JobAnswer, read_answer, write_job
from organtwin.simulating.kept import KEPT
from organtwin.simulating.process import LOG_LINES, Limits, SolverProcess, environment
from solvers.contract import LOG_FILE, Job

__all__ = ["SOLVER", "Limits", "environment", "run_job"]

SOLVER: Final = tuple(children.command("solvers"))
"""The command of the solvers; ``run FOLDER`` or ``describe`` follows."""

LEFTOVER_SECONDS: Final = 2 * 86400.0


def run_job(
    job: Job,
    arrays: Mapping[str, NDArray[Any]],
    folder: Path,
    watch: Watch,
    *,
    command: Sequence[str] | None = None,
    limits: Limits | None = None,
) -> JobAnswer:
    """Run a job in a solver process, or return the answer kept from an earlier run.

    The process is the one kept for this program (`kept`); a fresh one for a job with a limit of
    memory or while that is at work.

    Args:
        arrays: what `Job.inputs` names.
        folder: where job folders are kept; this job's is ``folder / job.id`` and exists only once
            the job has finished well. Until then it works in a folder beside it, which is removed
            whatever happens.
        command: of a fresh process, instead of all that.

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


def _solve(
    job: Job, scratch: Path, watch: Watch, *, command: Sequence[str] | None, limits: Limits
) -> JobAnswer:
    errors: list[str] = []
    try:
        ended = None
        if command is None and limits.memory_mb is None:
            ended = KEPT.run(scratch, watch, limits.seconds)
        code, errors = ended or _run([*(command or SOLVER), "run", str(scratch)], watch, limits)
        if code < 0:
            raise SolverFailed(_ended(code), where=f"{job.kind} solver", advice=ADVICE["Crash"])
        answer = read_answer(job, scratch)
        if code > 0:
            raise SolverFailed(_ended(code), where=f"{job.kind} solver", advice=ADVICE["Crash"])
        return answer
    except SolverFailed as failure:
        raise replace(failure, log=_log_end(scratch, errors)) from failure


def _run(command: list[str], watch: Watch, limits: Limits) -> tuple[int, list[str]]:
    """Run a command to its end; returns its exit status and the end of its stderr."""
    process = SolverProcess(command, children.safe_folder(), limits.memory_mb)
    try:
        process.follow(watch, limits.seconds)
        return process.wait(), process.errors()
    finally:
        process.end(limits.grace_seconds)


def _ended(code: int) -> str:
    if code > 0:
        return f"the solver ended with status {code}"
    with contextlib.suppress(ValueError):
        return f"the solver was ended by {signal.Signals(-code).name}"
    return f"the solver was ended by signal {-code}"


def _log_end(folder: Path, errors: list[str]) -> str:
    lines: list[str] = []
    with contextlib.suppress(OSError):
        text = (folder / LOG_FILE).read_text(encoding="utf-8", errors="replace")
        lines = text.splitlines()
    return "\n".join([*lines, *errors][-LOG_LINES:])


def _sweep(folder: Path) -> None:
    """Remove work folders that a killed program left behind more than two days ago."""
    for old in folder.glob(".run-*"):
        with contextlib.suppress(OSError):
            if time.time() - old.stat().st_mtime > LEFTOVER_SECONDS:
                shutil.rmtree(old, ignore_errors=True)
