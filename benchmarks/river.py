"""Seconds and peak memory of each step of the main job, each step in a process of its own.

``python benchmarks/river.py [IMAGES]`` prints a table and, last, the total against its goal (the
headless river on the sample patient under 6 minutes on 2 cores). Absolute times move with the
machine; the share of each step is what to compare.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from organtwin.casefolder import CaseFolder
from organtwin.core.case import Case
from organtwin.core.journal import Done
from organtwin.demo import SAMPLE, river

GOAL_S = 360.0


def main() -> None:
    """Run the river and print the table."""
    images = Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLE
    measured: list[tuple[str, float, float]] = []
    with (
        tempfile.TemporaryDirectory() as place,
        CaseFolder.create(Path(place) / "case", Case("benchmark")) as folder,
    ):
        for name, arguments in river(lambda: folder.case, images):
            measured.append((name, *_run(folder, name, arguments)))
            print(f"{name:<10} {measured[-1][1]:8.1f} s {measured[-1][2]:8.0f} MB", flush=True)
    total = sum(seconds for _, seconds, _ in measured)
    print(f"{'all':<10} {total:8.1f} s {max(mb for *_, mb in measured):8.0f} MB")
    print(f"share of the goal of {GOAL_S:.0f} s: {total / GOAL_S:.0%}")


def _run(folder: CaseFolder, name: str, arguments: dict[str, object]) -> tuple[float, float]:
    """Run one step; return seconds and the peak memory in MB of its largest process."""
    request = {"step": name, "arguments": arguments, "case": folder.entries[-1].case}
    start = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, "-m", "organtwin.step", str(folder.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    with child.stdin, child.stdout:
        child.stdin.write(json.dumps(request) + "\n")
        child.stdin.flush()
        answer = json.loads(list(child.stdout)[-1])
    _, _, usage = os.wait4(child.pid, 0)
    if "case" not in answer:
        raise SystemExit(f"{name}: {answer}")
    folder.append(folder.get(answer["case"]), Done(**answer["done"]))
    return time.perf_counter() - start, usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
