"""The solver process that is kept between jobs, with the real solver."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from organtwin.core.errors import SolverFailed, Stopped
from organtwin.core.watch import Watch
from organtwin.simulating.job import JobAnswer, job_for
from organtwin.simulating.kept import KEPT
from organtwin.simulating.runner import SOLVER, run_job
from tests.simulating.test_growth import block

MESH = block(4)
HELD = np.flatnonzero(MESH.points[:, 1] == MESH.points[:, 1].max()).astype(np.int32)
ARRAYS: dict[str, NDArray[Any]] = {
    "points_mm": MESH.points,
    "tetrahedra": MESH.tetrahedra,
    "regions": MESH.regions,
    "fixed_nodes": HELD,
}
TISSUE = {
    f"{name}@{label}": value
    for label in np.unique(MESH.regions)
    for name, value in (("shear_modulus_kpa", 3.0), ("poisson_ratio", 0.49))
}


def ask(
    folder: Path,
    gravity: float,
    *,
    element: str = "p1_p1",
    members: int = 1,
    watch: Watch | None = None,
    **more: Any,
) -> JobAnswer:
    settings: dict[str, Any] = {"gravity_mm_per_s2": (gravity, 0.0, 0.0), "element": element}
    job = job_for(
        "deformation", "neo_hookean", [TISSUE] * members, arrays=ARRAYS, settings=settings
    )
    return run_job(job, ARRAYS, folder, watch or Watch(), **more)


def once_at_work(then: Callable[[], Any]) -> Watch:
    """A watch that does something when the first member is being solved."""
    told: list[str] = []

    def tell(_: float, message: str) -> None:
        if message.startswith("member 2") and not told:
            told.append(message)
            then()

    return Watch(tell)


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_that_jobs_are_done_by_the_same_process(tmp_path: Path) -> None:
    ask(tmp_path, 900.0)
    first = KEPT.pid
    ask(tmp_path, 1000.0)
    assert KEPT.pid == first is not None


def test_that_an_accurate_answer_is_that_of_a_fresh_process_to_the_last_bit(tmp_path: Path) -> None:
    ask(tmp_path, 2000.0, element="p2_p1")
    warm = ask(tmp_path / "warm", 3000.0, element="p2_p1")
    fresh = ask(tmp_path / "fresh", 3000.0, element="p2_p1", command=SOLVER)
    assert warm.result.arrays == fresh.result.arrays


def test_that_a_preview_is_that_of_a_fresh_process_to_a_hundredth_of_a_percent(
    tmp_path: Path,
) -> None:
    ask(tmp_path, 2000.0)
    warm = ask(tmp_path / "warm", 2500.0).arrays["displacement_mm"]
    fresh = ask(tmp_path / "fresh", 2500.0, command=SOLVER).arrays["displacement_mm"]
    assert np.abs(warm - fresh).max() < 1e-4 * np.abs(fresh).max()
    assert np.abs(fresh).max() > 1.0


def test_that_the_load_reached_is_told_in_plain_words(tmp_path: Path) -> None:
    told: list[str] = []
    ask(tmp_path, 4000.0, members=2, watch=Watch(lambda _, message: told.append(message)))
    assert any("of the load" in message for message in told)
    assert not [message for message in told if "Newton" in message]


def test_that_a_killed_process_is_a_crash_and_the_next_job_works(tmp_path: Path) -> None:
    ask(tmp_path, 1000.0)
    killed = KEPT.pid
    assert killed is not None
    kill = once_at_work(lambda: os.kill(killed, signal.SIGKILL))
    with pytest.raises(SolverFailed, match="SIGKILL") as caught:
        ask(tmp_path / "jobs", 1100.0, element="p2_p1", members=200, watch=kill)
    assert (caught.value.error, left(tmp_path / "jobs")) == ("Crash", [])
    assert ask(tmp_path, 1200.0).result.ok
    assert KEPT.pid != killed


def test_that_a_process_that_went_between_jobs_is_not_missed(tmp_path: Path) -> None:
    ask(tmp_path, 1000.0)
    assert KEPT.pid is not None
    os.kill(KEPT.pid, signal.SIGKILL)
    assert ask(tmp_path, 1300.0).result.ok


def test_that_a_job_stops_within_half_a_second_and_leaves_nothing(tmp_path: Path) -> None:
    asked: list[float] = []
    watch = once_at_work(lambda: asked.append(time.monotonic()))
    stopping = Watch(watch.tell, asked_to_stop=lambda: bool(asked))
    with pytest.raises(Stopped):
        ask(tmp_path, 1400.0, element="p2_p1", members=200, watch=stopping)
    assert time.monotonic() - asked[0] < 0.5
    assert left(tmp_path) == []
    assert ask(tmp_path, 1500.0).result.ok
