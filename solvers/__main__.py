"""``python -m solvers describe | run FOLDER | compile``."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import TextIO

from solvers.contract import LOG_FILE, Progress

USAGE = "usage: python -m solvers describe | run FOLDER | compile"


def main(arguments: list[str]) -> int:
    """Do one verb; 0 when it did what it says, 1 when not, 2 for a wrong command line."""
    match arguments:
        case ["describe"]:
            from solvers.describe import description

            print(json.dumps(description(), indent=1, ensure_ascii=False))
            return 0
        case ["run", folder]:
            return _run(Path(folder))
        case ["compile"]:
            return _compile()
        case _:
            print(USAGE, file=sys.stderr)
            return 2


def _run(folder: Path) -> int:
    if not folder.is_dir():
        print(f"{folder} is no folder", file=sys.stderr)
        return 2
    stdout = _noise_into(folder / LOG_FILE)
    prepare_process()
    from solvers.jobfolder import run_folder

    def tell(progress: Progress) -> None:
        print(progress.to_json(), file=stdout, flush=True)

    return 0 if run_folder(folder, tell).ok else 1


def _compile() -> int:
    prepare_process()
    from solvers.deformation import compile_forms

    started = time.perf_counter()
    for name in compile_forms():
        print(Progress(0.5, f"compiled {name}").to_json(), flush=True)
    print(Progress(1.0, f"{time.perf_counter() - started:.1f} s").to_json(), flush=True)
    return 0


def prepare_process() -> None:
    """Set up threads, transport and signals before DOLFINx is imported the first time."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("UCX_TLS", "self,sm,tcp")
    import dolfinx_solver  # noqa: F401 - orders MPI ahead of the other compiled modules
    from petsc4py import PETSc

    PETSc.Sys.popErrorHandler()
    PETSc.Sys.pushErrorHandler("python")
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _noise_into(log: Path) -> TextIO:
    """Send everything this process writes, libraries too, to `log`; return the real stdout."""
    stdout = os.fdopen(os.dup(1), "w", encoding="utf-8")
    with log.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    return stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
