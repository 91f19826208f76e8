"""No code of the folder somebody works in runs in a process of ours."""

import os
import subprocess
from pathlib import Path

import pytest

from organtwin.core.children import command, environment, safe_folder


@pytest.mark.parametrize("python_path", [None, "", ":", ".", "here/../"])
def test_that_modules_of_the_current_folder_are_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, python_path: str | None
) -> None:
    for name in ("json", "re", "numpy", "organtwin", "solvers"):
        (tmp_path / f"{name}.py").write_text("open('executed', 'w').close()\n")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    if python_path is not None:
        monkeypatch.setenv("PYTHONPATH", python_path)
    done = subprocess.run(
        command("organtwin", "--help"), env=environment(), capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert not (tmp_path / "executed").exists()


def test_that_children_start_in_a_folder_that_is_not_foreign() -> None:
    assert Path(safe_folder()).is_absolute()
    assert os.access(safe_folder(), os.X_OK)
