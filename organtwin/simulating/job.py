"""Job folders: arrays and `Job` in, `Result` and arrays out."""

from __future__ import annotations

import errno
import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import BadArgument, DiskFull, SolverFailed
from solvers.contract import (
    INPUT_FILE,
    JOB_FILE,
    OUTPUT_FILE,
    RESULT_FILE,
    ContractError,
    Event,
    Job,
    Kind,
    Result,
    Scalar,
)

ADVICE: Final[Mapping[str, str]] = {
    "NotConverged": "use smaller steps or loads, or a finer mesh",
    "BadInput": "correct the value it names",
    "OutOfMemory": "use a coarser mesh or fewer members, or close other programs",
    "Crash": "run it again; if it happens again, report it with the log",
}
"""What to do, by the error class a `Result` names."""


@dataclass(frozen=True)
class JobAnswer:
    """What a job gave.

    Args:
        result: the solver's own account, ``result.ok`` is True.
        arrays: output array name → read-only array, as the solver's ``describe`` lists them.
    """

    result: Result
    arrays: Mapping[str, NDArray[Any]]


def array_hash(array: NDArray[Any]) -> str:
    """SHA-256 of an array's bytes in C order, hexadecimal: what `Job.inputs` holds."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def job_for(
    kind: Kind,
    model: str,
    members: Sequence[Mapping[str, float]],
    *,
    arrays: Mapping[str, NDArray[Any]],
    settings: Mapping[str, Scalar | tuple[float, ...]],
    events: Sequence[Event] = (),
) -> Job:
    """Return the Job that asks for this; `arrays` enter by their hashes."""
    hashes = {name: array_hash(array) for name, array in arrays.items()}
    return Job(kind, model, tuple(members), dict(settings), tuple(events), hashes)


def write_job(job: Job, arrays: Mapping[str, NDArray[Any]], folder: Path) -> None:
    """Write ``input.npz``, then ``job.json``, into an existing folder.

    Raises:
        BadArgument: the arrays are not the ones the job names.
        DiskFull: no room.
    """
    if dict(job.inputs) != {name: array_hash(array) for name, array in arrays.items()}:
        raise BadArgument("the arrays are not those the job names", where=job.kind)
    try:
        np.savez(folder / INPUT_FILE, allow_pickle=False, **arrays)
        (folder / JOB_FILE).write_text(job.to_json(), encoding="utf-8")
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(
                "no room for the job", where=str(folder), advice="free some space and run it again"
            ) from error
        raise


def read_answer(job: Job, folder: Path) -> JobAnswer:
    """Read what a finished job folder holds.

    Raises:
        SolverFailed: the job did not finish, ended in an error, answered another question, or its
            arrays are not what its result says.
    """
    result = _result(job, folder)
    if not result.ok:
        raise SolverFailed(
            result.message or f"the {job.kind} solver failed",
            where=f"{job.kind} solver",
            advice=ADVICE.get(result.error, ADVICE["Crash"]),
            error=result.error or "Crash",
        )
    return JobAnswer(result, _arrays(job, folder, result))


def _result(job: Job, folder: Path) -> Result:
    try:
        result = Result.from_json((folder / RESULT_FILE).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ContractError) as error:
        raise _broken(job, f"the {job.kind} solver ended without a result ({error})") from error
    if result.job_id != job.id:
        raise _broken(job, "the result belongs to another job")
    return result


def _arrays(job: Job, folder: Path, result: Result) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {}
    try:
        with np.load(folder / OUTPUT_FILE, allow_pickle=False) as stored:
            for name in stored.files:
                arrays[name] = stored[name]
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise _broken(job, f"the output arrays cannot be read ({error})") from error
    if {name: array_hash(array) for name, array in arrays.items()} != dict(result.arrays):
        raise _broken(job, "the output arrays are not those the result names")
    for array in arrays.values():
        array.flags.writeable = False
    return arrays


def _broken(job: Job, what: str) -> SolverFailed:
    return SolverFailed(what, where=f"{job.kind} solver", advice=ADVICE["Crash"])
