"""Mutants of real files neither crash nor hang the reader, nor put a slice where it is not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COUNT = 290


@pytest.mark.usefixtures("shared")
def test_that_no_mutant_crashes_hangs_or_is_misplaced() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "tests.importing.mutants", str(COUNT), "7"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    lines = [json.loads(line) for line in said.stdout.splitlines()]
    assert said.returncode == 0, said.stderr[-2000:]
    assert [line for line in lines[:-1] if line["became"] != "ended its worker"] == []
    assert not {"crash", "hang", "misplaced"} & lines[-1].keys()
    assert lines[-1]["fine"] > COUNT / 10
