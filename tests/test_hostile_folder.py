"""Nothing in the folder somebody works in, which may be a patient's CD, is executed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from organtwin.core import children
from organtwin.core.errors import SolverFailed
from organtwin.core.watch import Watch
from organtwin.doctor import examine
from organtwin.importing.asking import Asked, Limits
from organtwin.simulating import catalogue
from organtwin.simulating.runner import run_job
from tests.simulating.test_runner import ARRAYS, job

TRAP = "import pathlib; pathlib.Path({!r}).touch(); raise SystemExit('trapped')\n"
NAMES = ("json", "queue", "socket", "numpy", "organtwin/__init__", "solvers/__init__")


@pytest.fixture
def sprung(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder full of traps; returns the file that exists once one was sprung."""
    mark, folder = tmp_path / "sprung", tmp_path / "CD"
    for name in NAMES:
        path = folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(TRAP.format(str(mark)))
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", os.pathsep + "." + os.pathsep)
    return mark


def test_that_the_traps_work(sprung: Path) -> None:
    subprocess.run([sys.executable, "-m", "json.tool"], capture_output=True, check=False)
    assert sprung.exists()


def test_that_a_worker_runs_nothing_foreign(sprung: Path) -> None:
    worker = Asked()
    worker.ask("headers", Limits(2**30, 10.0), Watch(), paths=["json.py"], keep=None, careful=False)
    worker.end()
    assert not sprung.exists()


def test_that_the_solvers_run_nothing_foreign(sprung: Path, tmp_path: Path) -> None:
    assert catalogue().kinds
    with pytest.raises(SolverFailed, match="is missing"):
        run_job(job(), ARRAYS, tmp_path / "jobs", Watch())
    assert not sprung.exists()


def test_that_the_doctor_runs_nothing_foreign(sprung: Path) -> None:
    found = {each.name: each.ok for each in examine()}
    assert found["Solvers"]
    assert not sprung.exists()


def test_that_a_foreign_matplotlibrc_sets_no_type(sprung: Path) -> None:
    Path("matplotlibrc").write_text("text.usetex: True")
    code = "import organtwin.reporting, matplotlib; print(matplotlib.rcParams['text.usetex'])"
    said = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env=children.environment(),
        capture_output=True,
        check=True,
    )
    assert said.stdout.strip() == b"False"


@pytest.mark.parametrize("module", ["organtwin.step", "organtwin.ui.aside"])
def test_that_questions_and_steps_run_nothing_foreign(sprung: Path, module: str) -> None:
    said = subprocess.run(
        children.command(module, "nowhere"),
        env=children.environment(),
        input=b"{}\n",
        capture_output=True,
        check=False,
    )
    assert b"KeyError" in said.stdout
    assert not sprung.exists()
