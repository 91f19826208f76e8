"""Killed at any moment, a case opens again with nothing lost but the step in flight."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from organtwin.casefolder import CaseFolder
from organtwin.core.case import Case

SCRIPTED_RUN = """
import sys
from pathlib import Path
import numpy as np
from organtwin.casefolder import CaseFolder
from organtwin.core.journal import Done
from organtwin.core.volume import GeometryReport, Volume
with CaseFolder.open(Path(sys.argv[1])) as folder:
    start = len(folder.entries)
    for number in range(start, start + 10_000):
        voxels = np.full((20, 20, 20), number, np.int16)
        volume = Volume(voxels, np.eye(4), "HU", "CT", GeometryReport((1.0, 1.0, 1.0), "LPS"))
        mesh = folder.put(volume)
        if number % 7 == 3:
            entry = folder.undo()
        else:
            entry = folder.append(folder.case.having(mesh=mesh), Done("step", {"n": number}))
        print(entry.sequence, flush=True)
"""
KILLS = 50


def test_that_fifty_kills_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "case"
    CaseFolder.create(path, Case("P")).close()
    moments = random.Random(7)
    for _ in range(KILLS):
        acknowledged = _run_and_kill(path, moments.uniform(0.0, 0.08))
        with CaseFolder.open(path) as folder:
            assert len(folder.entries) >= acknowledged
            if folder.case.mesh:
                assert folder.get(folder.case.mesh).voxels.shape == (20, 20, 20)


def _run_and_kill(path: Path, after_s: float) -> int:
    """Start the run, kill it some time after its first step; return what it had acknowledged."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPTED_RUN, str(path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    time.sleep(after_s)
    process.send_signal(signal.SIGKILL)
    lines = [first, *process.stdout.readlines()]
    process.wait()
    process.stdout.close()
    return max((int(line) for line in lines if line.endswith("\n")), default=0)
