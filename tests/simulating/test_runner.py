"""The runner against real child processes that speak the contract, or fail to."""

import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from organtwin.core.errors import BadArgument, SolverFailed, Stopped
from organtwin.core.watch import Watch
from organtwin.simulating.job import JobAnswer, array_hash, job_for, write_job
from organtwin.simulating.runner import Limits, run_job
from solvers.contract import Job

ARRAYS = {"points_mm": np.arange(12.0).reshape(4, 3)}

DOUBLES = """
import hashlib, pathlib, sys
import numpy as np
from solvers.contract import Job, Progress, Result
folder = pathlib.Path(sys.argv[2])
job = Job.read(folder)
(folder / "log.txt").write_text("first\\nlast words\\n")
with np.load(folder / "input.npz", allow_pickle=False) as given:
    points = given["points_mm"]
for step in range(4):
    print(Progress(step / 4, f"step {step}").to_json(), flush=True)
    print("noise that is no progress", flush=True)
"""
ANSWERS = (
    DOUBLES
    + """
doubled = 2 * points
np.savez(folder / "output.npz", doubled=doubled)
arrays = {"doubled": hashlib.sha256(doubled.tobytes()).hexdigest()}
(folder / "result.json").write_text(Result(job.id, True, arrays=arrays).to_json())
"""
)
LIES = ANSWERS.replace("doubled=doubled", "doubled=-doubled")
FAILS = (
    DOUBLES
    + """
result = Result(job.id, False, "NotConverged", "member 3 diverged")
(folder / "result.json").write_text(result.to_json())
sys.exit(1)
"""
)
DIES = DOUBLES + "\nimport os, signal; os.kill(os.getpid(), signal.SIGSEGV)\n"
STAYS = """
import os, pathlib, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
(pathlib.Path(sys.argv[2]).parent / "pid").write_text(str(os.getpid()))
print('{"progress":0.5,"message":"half"}', flush=True)
time.sleep(60)
"""
EATS = DOUBLES + "\nnp.ones(2**28)\n"


def job() -> Job:
    return job_for("tumour", "fisher_kpp", [{}], arrays=ARRAYS, settings={"days": (0.0, 45.0)})


def solver(tmp_path: Path, code: str) -> list[str]:
    script = tmp_path / "solver.py"
    script.write_text(code)
    return [sys.executable, str(script)]


def ask(
    tmp_path: Path, code: str, watch: Watch | None = None, limits: Limits | None = None
) -> JobAnswer:
    command = solver(tmp_path, code)
    watch = watch or Watch()
    return run_job(job(), ARRAYS, tmp_path / "jobs", watch, command=command, limits=limits)


def left(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "jobs").iterdir() if path.is_dir())


def test_that_an_answer_comes_back_with_its_arrays(tmp_path: Path) -> None:
    answer = ask(tmp_path, ANSWERS)
    assert np.array_equal(answer.arrays["doubled"], 2 * ARRAYS["points_mm"])


def test_that_progress_reaches_the_watch(tmp_path: Path) -> None:
    told: list[float] = []
    ask(tmp_path, ANSWERS, Watch(tell=lambda fraction, _: told.append(fraction)))
    assert told == [0.0, 0.25, 0.5, 0.75]


def test_that_only_the_finished_folder_is_left(tmp_path: Path) -> None:
    ask(tmp_path, ANSWERS)
    assert left(tmp_path) == [job().id]


def test_that_a_finished_job_is_not_run_again(tmp_path: Path) -> None:
    ask(tmp_path, ANSWERS)
    assert ask(tmp_path, DIES).result.ok


def test_that_a_damaged_answer_is_computed_again(tmp_path: Path) -> None:
    ask(tmp_path, ANSWERS)
    (tmp_path / "jobs" / job().id / "output.npz").write_bytes(b"rubbish")
    assert np.array_equal(ask(tmp_path, ANSWERS).arrays["doubled"], 2 * ARRAYS["points_mm"])


def test_that_arrays_other_than_the_result_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SolverFailed, match="not those the result names"):
        ask(tmp_path, LIES)


def test_that_a_failure_says_what_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SolverFailed) as caught:
        ask(tmp_path, FAILS)
    assert caught.value.error == "NotConverged"
    assert caught.value.what == "member 3 diverged"
    assert caught.value.advice
    assert caught.value.log.endswith("last words")


def test_that_a_crash_names_its_signal_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(SolverFailed, match="SIGSEGV") as caught:
        ask(tmp_path, DIES)
    assert (caught.value.error, left(tmp_path)) == ("Crash", [])


def test_that_a_traceback_is_in_the_log(tmp_path: Path) -> None:
    with pytest.raises(SolverFailed) as caught:
        ask(tmp_path, "raise RuntimeError('no such mesh')")
    assert "no such mesh" in caught.value.log


def test_that_a_deaf_process_is_killed_on_request_and_nothing_is_left(tmp_path: Path) -> None:
    asked: list[float] = []
    watch = Watch(
        tell=lambda *_: asked.append(time.monotonic()),
        asked_to_stop=lambda: bool(asked),
    )
    with pytest.raises(Stopped):
        ask(tmp_path, STAYS, watch, Limits(grace_seconds=0.2))
    assert time.monotonic() - asked[0] < 2.0
    assert left(tmp_path) == []
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "jobs" / "pid").read_text()), 0)


def test_that_time_is_bounded(tmp_path: Path) -> None:
    with pytest.raises(SolverFailed) as caught:
        ask(tmp_path, STAYS, limits=Limits(seconds=0.5, grace_seconds=0.1))
    assert caught.value.error == "TooSlow"


@pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded on Linux only")
def test_that_memory_is_bounded(tmp_path: Path) -> None:
    with pytest.raises(SolverFailed) as caught:
        ask(tmp_path, EATS, limits=Limits(memory_mb=1500))
    assert "MemoryError" in caught.value.log


def test_that_a_job_with_other_arrays_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(BadArgument):
        write_job(job(), {"points_mm": np.zeros((4, 3))}, tmp_path)


def test_that_a_hash_does_not_depend_on_the_order_in_memory() -> None:
    array = np.arange(6.0).reshape(2, 3)
    assert array_hash(np.asfortranarray(array)) == array_hash(array)
