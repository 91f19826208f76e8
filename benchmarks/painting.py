"""Brush strokes on labels of 512 × 512 × 512: how long one piece and the record of a whole take.

``.venv/bin/python benchmarks/painting.py`` prints one line for each: median and slowest, wall clock
and processor time (the wall clock also waits for the disk, and for what else the machine does). A
stroke has 40 points 2 mm apart on the average, radius 10 mm, voxels of 0.7 mm. To record it is the
whole step: the gesture done again from its JSON, the Change and the Case put and fsync'd, the
journal's entry committed, and the canvas moved on. The same in the window: painting_window.py.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from organtwin.casefolder import CaseFolder
from organtwin.core.canvas import Canvas
from organtwin.core.case import Case, Visit
from organtwin.core.journal import Done
from organtwin.core.labelmap import LabelMap
from organtwin.core.volume import GeometryReport, Volume
from organtwin.core.watch import Watch
from organtwin.editing import Stroke
from organtwin.organs import organ
from organtwin.pipeline import run_step

SIDE = 512
SPACING_MM = 0.7
STROKES, POINTS = 30, 40
PIECE_GOAL_MS = 10.0
RECORD_GOAL_MS = 30.0
DISC = {"brush": "disc", "normal": [0.3, 0.1, 1.0]}


def main() -> None:
    """Measure and print; the exit status is 1 when a goal is missed."""
    met = []
    for name, more in (("ball", {}), ("disc, oblique", DISC)):
        met += [pieces(name, more), recording(name, more)]
    sys.exit(0 if all(met) else 1)


def phantom() -> tuple[Volume, LabelMap]:
    """A block of liver in an image of zeros."""
    shape = (SIDE, SIDE, SIDE)
    affine = np.diag([SPACING_MM, SPACING_MM, SPACING_MM, 1.0])
    geometry = GeometryReport((SPACING_MM, SPACING_MM, SPACING_MM), "LPS")
    labels = np.zeros(shape, np.uint8, order="F")
    labels[100:350, 150:400, 100:300] = 1
    volume = Volume(np.zeros(shape, np.int16, order="F"), affine, "HU", "CT", geometry)
    return volume, LabelMap(labels, affine, organ("liver").structures)


def strokes() -> list[list[list[float]]]:
    """Random walks inside the liver, LPS mm."""
    rng = np.random.default_rng(1)
    middle = np.array([225.0, 275.0, 200.0]) * SPACING_MM
    return [
        (middle + rng.normal(0, 25, 3) + rng.normal(0, 1.2, (POINTS, 3)).cumsum(axis=0)).tolist()
        for _ in range(STROKES)
    ]


def pieces(name: str, more: dict[str, Any]) -> bool:
    """Draw strokes point by point, as a hand does."""
    canvas = Canvas(phantom()[1])
    asked = {"structure": "portal-vein", "radius_mm": 10.0, **more}
    took = []
    for points in strokes():
        stroke = Stroke(canvas, None, "paint", asked)
        took += [_timed(lambda p=point, s=stroke: s.add([p])) for point in points]
    return _told(f"one piece, {name}", took, PIECE_GOAL_MS)


def recording(name: str, more: dict[str, Any]) -> bool:
    """Record strokes, as the window does when the button is let go."""
    path = Path(tempfile.mkdtemp(prefix="organtwin-painting-"))
    volume, labels = phantom()
    try:
        with CaseFolder.create(path / "case", Case("P")) as folder:
            visit = Visit(0.0, date(2026, 1, 1), folder.put(volume), folder.put(labels), seen=True)
            folder.append(Case("P", visits=(visit,)), Done("made"))
            folder.canvas(visit.labels)  # the window has one before the first stroke
            took = [
                _timed(lambda p=points: _record(folder, {"points": p, **more}))
                for points in strokes()
            ]
    finally:
        shutil.rmtree(path)
    return _told(f"record of a stroke, {name}", took[1:], RECORD_GOAL_MS)


def _record(folder: CaseFolder, more: dict[str, Any]) -> None:
    gesture = {"structure": "portal-vein", "radius_mm": 10.0, **more}
    case, done = run_step(
        "edit", folder.case, folder, arguments={"tool": "paint", "arguments": gesture},
        watch=Watch(),
    )  # fmt: skip
    folder.append(case, done)


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return ms on the wall and of the processor."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return 1e3 * (time.perf_counter() - wall), 1e3 * (time.process_time() - cpu)


def _told(name: str, took: list[tuple[float, float]], goal_ms: float) -> bool:
    (wall, cpu), (slow, slow_cpu) = np.median(took, axis=0), np.max(took, axis=0)
    met = bool(wall <= goal_ms)
    print(
        f"{name:<36} {wall:6.1f} ms (slowest {slow:6.1f}), processor {cpu:5.1f} ms "
        f"(slowest {slow_cpu:5.1f}), goal {goal_ms:.0f} ms {'met' if met else 'MISSED'}"
    )
    return met


if __name__ == "__main__":
    main()
