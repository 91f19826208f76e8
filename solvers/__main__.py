"""``python -m solvers describe | run FOLDER | serve | compile``.

``run`` may be started as ``mpiexec -n N python -m solvers run FOLDER``; ``serve`` is told its
folders on stdin (`solvers.serving`).
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import TextIO

from solvers.contract import LOG_FILE, Progress
from solvers.starting import prepare_process

__all__ = ["main", "prepare_process"]
USAGE = "usage: python -m solvers describe | run FOLDER | serve | compile"


def main(arguments: list[str]) -> int:
    """Do one verb; 0 when it did what it says, 1 when not, 2 for a wrong command line."""
    match arguments:
        case ["describe"]:
            from solvers.describe import description

            print(json.dumps(description(), indent=1, ensure_ascii=False))
            return 0
        case ["run", folder]:
            return _run(Path(folder))
        case ["serve"]:
            return _serve()
        case ["compile"]:
            return _compile()
        case _:
            print(USAGE, file=sys.stderr)
            return 2


def _run(folder: Path) -> int:
    if not folder.is_dir():
        print(f"{folder} is no folder", file=sys.stderr)
        return 2
    stdout = own_stdout()
    prepare_process()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    from mpi4py import MPI

    from solvers.jobfolder import run_folder

    noise_into(folder / LOG_FILE if MPI.COMM_WORLD.rank == 0 else Path(os.devnull))

    def tell(progress: Progress) -> None:
        print(progress.to_json(), file=stdout, flush=True)

    return 0 if run_folder(folder, tell, comm=MPI.COMM_WORLD).ok else 1


def _serve() -> int:
    stdout = own_stdout()
    prepare_process()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    from solvers.serving import serve

    noise_into(Path(os.devnull))
    serve(sys.stdin, lambda line: print(line, file=stdout, flush=True), noise_into)
    return 0


def _compile() -> int:
    prepare_process()
    from solvers.compiling import compile_at_once
    from solvers.shipped import remember_compiled

    started = time.perf_counter()
    for name in compile_at_once():
        print(Progress(0.5, f"compiled {name}").to_json(), flush=True)
    remember_compiled()
    print(Progress(1.0, f"{time.perf_counter() - started:.1f} s").to_json(), flush=True)
    return 0


def own_stdout() -> TextIO:
    """Return stdout for our own lines; what libraries write there goes to stderr from now on."""
    stdout = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return stdout


def noise_into(log: Path) -> None:
    """Send everything this process writes, libraries too, to `log`."""
    with log.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
