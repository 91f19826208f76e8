"""One job folder from ``job.json`` to ``result.json``, which is written last and whole."""

from __future__ import annotations

import contextlib
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from solvers.contract import (
    INPUT_FILE,
    JOB_FILE,
    LAST_FILE,
    LOG_FILE,
    OUTPUT_FILE,
    RESULT_FILE,
    ContractError,
    Job,
    Progress,
    Result,
)
from solvers.failures import BadInput, Failure
from solvers.meshfiles import array_hash, read_arrays, write_arrays
from solvers.ranks import PATIENCE_SECONDS, Ranks, Trouble

MOST_JOB_BYTES = 64 * 2**20
_PACKAGES = ("organtwin", "dolfinx-solver-real", "fenics-basix", "fenics-ufl", "numpy", "scipy")

Arrays = dict[str, NDArray[Any]]
Tell = Callable[[Progress], None]
Solver = Callable[[Job, Mapping[str, NDArray[Any]], Tell], tuple[Arrays, dict[str, float]]]


def run_folder(
    folder: Path, tell: Tell, *, solve: Solver | None = None, comm: Any = None
) -> Result:
    """Run the job in `folder` and write its result; a failure is a Result that is not ok.

    Args:
        solve: what computes the answer; the solver of the job's kind when None.
        comm: MPI communicator when several processes do this job together: each is given the same
            folder, the first alone tells and writes.

    Raises:
        OSError: the folder cannot be read or written.
    """
    ranks = Ranks(comm)
    if ranks.first:
        for name in (RESULT_FILE, OUTPUT_FILE, LAST_FILE, _draft(Path(RESULT_FILE)).name):
            (folder / name).unlink(missing_ok=True)
    ranks.meet()
    started = time.perf_counter()
    tell = tell if ranks.first else _silent
    job_id, trouble = "", None
    arrays: Arrays = {}
    numbers: dict[str, float] = {}
    try:
        job = _read_job(folder)
        job_id = job.id
        given = read_arrays(folder / INPUT_FILE, job.inputs)
        arrays, numbers = (solve or solver(job.kind))(job, given, tell)
    except Exception as error:
        trouble = _trouble(error)
        _keep(folder, error)
    trouble, all_came = ranks.first_trouble(trouble)
    if trouble is not None and not all_came:
        _end_alone(folder, _failed(job_id, trouble), trouble, ranks)
    if trouble is None and ranks.first:
        tell(Progress(0.99, "writing"))
        try:
            write_arrays(folder / OUTPUT_FILE, arrays)
        except Exception as error:
            trouble = _trouble(error)
    numbers |= {"seconds": time.perf_counter() - started}
    result = _ok(job_id, arrays, numbers) if trouble is None else _failed(job_id, trouble)
    if ranks.first:
        if trouble is not None:
            sys.stderr.write(trouble.trace)
        _write_result(folder / RESULT_FILE, result)
        tell(Progress(1.0, "done" if result.ok else result.message))
    return result


def solver(kind: str) -> Solver:
    """Return the function that runs jobs of a kind; raises BadInput for an unknown one."""
    if kind == "tumour":
        from solvers import tumour

        return tumour.run
    if kind == "deformation":
        from solvers import deformation

        return deformation.run
    if kind == "growth_sensitivity":
        from solvers import growth_sensitivity

        return growth_sensitivity.run
    if kind == "sensitivity":
        from solvers import sensitivity

        return sensitivity.run
    if kind == "coupled":
        from solvers import coupled

        return coupled.run
    raise BadInput(f"no solver for jobs of kind {kind!r}")


def _silent(_: Progress) -> None:
    """Tell nobody."""


def _read_job(folder: Path) -> Job:
    path = folder / JOB_FILE
    try:
        if path.stat().st_size > MOST_JOB_BYTES:
            raise BadInput(f"{JOB_FILE} is larger than {MOST_JOB_BYTES} bytes")
        return Job.read(folder)
    except (OSError, UnicodeDecodeError, ContractError, AttributeError) as error:
        raise BadInput(f"{JOB_FILE} cannot be used: {error}") from error


def _keep(folder: Path, error: Exception) -> None:
    """Write what a failure says was still good; what cannot be written is not what failed."""
    if not isinstance(error, Failure) or not error.kept:
        return
    draft = folder / f"{LAST_FILE}.{os.getpid()}"
    with contextlib.suppress(OSError):
        write_arrays(draft, error.kept)
        draft.replace(folder / LAST_FILE)


def _trouble(error: Exception) -> Trouble:
    return Trouble(_error_class(error), _message(error), traceback.format_exc())


def _error_class(error: Exception) -> str:
    if isinstance(error, MemoryError) or getattr(error, "ierr", None) == 55:  # PETSC_ERR_MEM
        return "OutOfMemory"
    return type(error).__name__ if isinstance(error, Failure) else "Crash"


def _message(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return text if isinstance(error, Failure) else f"{type(error).__name__}: {text}"


def _ok(job_id: str, arrays: Arrays, numbers: Mapping[str, float]) -> Result:
    hashes = {name: array_hash(array) for name, array in arrays.items()}
    return Result(job_id, True, arrays=hashes, numbers=numbers, versions=_versions())


def _failed(job_id: str, trouble: Trouble) -> Result:
    return Result(job_id, False, trouble.error, trouble.message, versions=_versions())


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _end_alone(folder: Path, result: Result, trouble: Trouble, ranks: Ranks) -> None:
    """Write the result in place of a first rank that waits in vain, and end all ranks."""
    try:
        _write_result(folder / RESULT_FILE, result)
        with (folder / LOG_FILE).open("a", encoding="utf-8") as log:
            log.write(trouble.trace)
    except FileExistsError:  # another rank is at it and ends this one
        time.sleep(PATIENCE_SECONDS)
    finally:
        ranks.end_all()


def _draft(path: Path) -> Path:
    return path.with_suffix(".part")


def _write_result(path: Path, result: Result) -> None:
    draft = _draft(path)
    with draft.open("x", encoding="utf-8") as file:
        file.write(result.to_json())
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    place = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)
