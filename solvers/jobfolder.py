"""One job folder from ``job.json`` to ``result.json``, which is written last and whole."""

from __future__ import annotations

import os
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
    OUTPUT_FILE,
    RESULT_FILE,
    ContractError,
    Job,
    Progress,
    Result,
)
from solvers.failures import BadInput, Failure
from solvers.meshfiles import array_hash, read_arrays, write_arrays

MOST_JOB_BYTES = 64 * 2**20
_PACKAGES = ("organtwin", "dolfinx-solver-real", "fenics-basix", "fenics-ufl", "numpy", "scipy")

Solver = Callable[
    [Job, Mapping[str, NDArray[Any]], Callable[[Progress], None]],
    tuple[dict[str, NDArray[Any]], dict[str, float]],
]


def run_folder(folder: Path, tell: Callable[[Progress], None]) -> Result:
    """Run the job in `folder` and write its result; a failure is a Result that is not ok.

    Raises:
        OSError: the folder cannot be read or written.
    """
    (folder / RESULT_FILE).unlink(missing_ok=True)
    (folder / OUTPUT_FILE).unlink(missing_ok=True)
    started = time.perf_counter()
    job_id = ""
    try:
        job = _read_job(folder)
        job_id = job.id
        arrays, numbers = solver(job.kind)(job, read_arrays(folder / INPUT_FILE, job.inputs), tell)
        tell(Progress(0.99, "writing"))
        write_arrays(folder / OUTPUT_FILE, arrays)
        result = Result(
            job_id,
            True,
            arrays={name: array_hash(array) for name, array in arrays.items()},
            numbers={**numbers, "seconds": time.perf_counter() - started},
            versions=_versions(),
        )
    except Exception as error:
        traceback.print_exc()
        result = Result(job_id, False, _error_class(error), _message(error), versions=_versions())
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
    raise BadInput(f"no solver for jobs of kind {kind!r}")


def _read_job(folder: Path) -> Job:
    path = folder / JOB_FILE
    try:
        if path.stat().st_size > MOST_JOB_BYTES:
            raise BadInput(f"{JOB_FILE} is larger than {MOST_JOB_BYTES} bytes")
        return Job.read(folder)
    except (OSError, UnicodeDecodeError, ContractError, AttributeError) as error:
        raise BadInput(f"{JOB_FILE} cannot be used: {error}") from error


def _error_class(error: Exception) -> str:
    if isinstance(error, MemoryError) or getattr(error, "ierr", None) == 55:  # PETSC_ERR_MEM
        return "OutOfMemory"
    return type(error).__name__ if isinstance(error, Failure) else "Crash"


def _message(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return text if isinstance(error, Failure) else f"{type(error).__name__}: {text}"


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _write_result(path: Path, result: Result) -> None:
    draft = path.with_suffix(".part")
    with draft.open("w", encoding="utf-8") as file:
        file.write(result.to_json())
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    place = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)
