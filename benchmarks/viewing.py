"""Frames a second of the real slices in the real Stage, on a volume of 512 × 512 × 1000.

``sh packaging/with_display.sh .venv/bin/python benchmarks/viewing.py`` prints one line a gesture:
frames/s over the whole gesture, those of the 95th percentile of its frames (the slow ones),
processor time a frame (all threads; the other two move with what else the machine does), and
whether the goal for the mean, and half of it for the slow frames, are met. A frame is: the event
is sent, the event loop runs dry, everything asked for is painted and handed to the X server. The
window is 1440 × 900, Mesa draws in software, three slices and the 3D view are on screen.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget

from organtwin.core.labelmap import LabelMap
from organtwin.core.volume import GeometryReport, Volume
from organtwin.organs import organ, tumour
from organtwin.ui import theme
from organtwin.ui.app import application
from organtwin.ui.session import Session
from organtwin.ui.showing import Showing
from organtwin.ui.stage import Stage
from organtwin.ui.views.reslicing import Slab
from organtwin.ui.views.slice_drawing import grips
from organtwin.ui.views.slice_view import SliceView

SHAPE = (512, 512, 1000)
SPACING_MM = (0.7, 0.7, 0.7)
GOAL_FPS = 30.0
FIRST_PAINT_GOAL_MS = 500.0
STALL_GOAL_MS = 100.0
FRAMES = 60
Gesture = Callable[[int], None]


def main() -> None:
    """Measure and print; the exit status is 1 when a goal is missed."""
    app = application()
    theme.apply(app, "dark")
    stage = Stage(Showing(Session()))
    stage.resize(1440, 900)
    stage.show()
    _settle(app.processEvents)
    before_mb = _resident_mb()
    volume, labels = phantom()
    held_mb = _resident_mb()
    print(f"{'volume and labels':<34} {held_mb - before_mb:8.0f} MB held")
    viewing = stage.showing.viewing
    shown, stall = _timed_ms(lambda: viewing.show_image(volume)), 0.0
    stall = max(shown, _timed_ms(lambda: viewing.show_labels(labels)))
    first = shown + _timed_ms(app.processEvents)
    viewing.move_to(np.array([5.0, -3.0, 350.0]))
    _settle(app.processEvents)
    passed = _said("first paint of the volume", first, FIRST_PAINT_GOAL_MS, "ms")
    passed &= _said("longest hold of the event loop", stall, STALL_GOAL_MS, "ms")
    for name, gesture in gestures(stage):
        passed &= _measured(name, gesture, app.processEvents)
        _settle(app.processEvents)
    more_mb, most_mb = _peak_mb() - held_mb, 0.25 * volume.voxels.nbytes / 1e6
    passed &= _said("memory beyond volume and labels", more_mb, most_mb, "MB")
    stage.close()
    sys.stdout.flush()
    os._exit(0 if passed else 1)


def phantom() -> tuple[Volume, LabelMap]:
    """Return a body of noise with an organ, its vessels and tumours, ragged as real labels are."""
    rng = np.random.default_rng(7)
    voxels = np.empty(SHAPE, np.int16, order="F")
    labels = np.zeros(SHAPE, np.uint8, order="F")
    x, y = np.meshgrid(*(np.linspace(-1.0, 1.0, n) for n in SHAPE[:2]), indexing="ij")
    noise = [rng.normal(0.0, 18.0, SHAPE[:2]).astype(np.int16) for _ in range(8)]
    rough = 0.02 * np.sin(23 * x) * np.cos(19 * y)
    for k in range(SHAPE[2]):
        z = 2.0 * k / SHAPE[2] - 1.0
        body = (x / 0.85) ** 2 + (y / 0.6) ** 2 < 1.0
        liver = (x + 0.3) ** 2 / 0.25 + y**2 / 0.2 + z**2 / 0.7 + rough < 1.0
        plate = np.where(body, 40, -1000).astype(np.int16) + noise[k % 8]
        plate[liver] += 60
        slab = labels[:, :, k]
        slab[liver] = 1
        for number, (a, b) in enumerate(((0.2, 0.1), (0.45, -0.15))):
            tube = (x + a + 0.1 * np.sin(9 * z)) ** 2 + (y - b - 0.1 * np.cos(7 * z)) ** 2 < 0.002
            slab[tube & liver] = 2 + number
        for number, (a, b, c) in enumerate(((-0.2, 0.1, 0.1), (-0.5, -0.1, -0.2))):
            ball = (x - a) ** 2 + (y - b) ** 2 + 2 * (z - c) ** 2 < 0.02
            slab[ball & liver] = 101 + number
        voxels[:, :, k] = plate
    affine = np.diag([*SPACING_MM, 1.0])
    affine[:2, 3] = -0.5 * 512 * 0.7
    structures = (*organ("liver").structures, tumour(1, "liver"), tumour(2, "liver"))
    geometry = GeometryReport(SPACING_MM, "LPS")
    return Volume(voxels, affine, "HU", "CT", geometry), LabelMap(labels, affine, structures)


def gestures(stage: Stage) -> Iterator[tuple[str, Gesture]]:
    """Yield name and gesture; a gesture takes the number of the frame."""
    for plane, view in stage.slices.items():
        yield f"scroll {plane}", lambda n, view=view: _wheel(view, 1 if n % 40 < 20 else -1)
    axial = stage.slices["axial"]
    yield "drag the crosshair (3 views)", _dragged(axial, Qt.MouseButton.LeftButton)
    yield "drag the window (3 views)", _dragged(axial, Qt.MouseButton.RightButton)
    viewing = stage.showing.viewing
    viewing.set_oblique(True)
    viewing.turn("axial", 20.0)
    viewing.turn("coronal", -15.0)
    yield "oblique: turn the planes", _turned(axial)
    yield "oblique: scroll", lambda n: _wheel(axial, 1 if n % 40 < 20 else -1)
    yield "oblique: drag the crosshair", _dragged(axial, Qt.MouseButton.LeftButton)
    viewing.set_slab(Slab("mean", 10.0))
    yield "oblique, slab of 10 mm: scroll", lambda n: _wheel(axial, 1 if n % 40 < 20 else -1)
    viewing.set_oblique(False)


def _dragged(view: QWidget, button: Qt.MouseButton) -> Gesture:
    def gesture(n: int) -> None:
        angle = 2.0 * np.pi * n / 40.0
        middle = QPointF(view.width() / 2.0, view.height() / 2.0)
        place = middle + QPointF(80.0 * np.cos(angle), 60.0 * np.sin(angle))
        if n == 0:
            _mouse(view, QEvent.Type.MouseButtonPress, place, button)
        _mouse(view, QEvent.Type.MouseMove, place, button)
        if n == FRAMES - 1:
            _mouse(view, QEvent.Type.MouseButtonRelease, place, button)

    return gesture


def _turned(view: SliceView) -> Gesture:
    """Take hold of a grip and turn it about the crosshair."""

    def gesture(n: int) -> None:
        centre = view.to_screen(view.viewing.cursor_mm)
        if n == 0:
            _mouse(view, QEvent.Type.MouseButtonPress, grips(view)[0][1], Qt.MouseButton.LeftButton)
        angle = 2.0 * np.pi * n / 90.0
        place = centre + QPointF(90.0 * np.cos(angle), 90.0 * np.sin(angle))
        _mouse(view, QEvent.Type.MouseMove, place, Qt.MouseButton.LeftButton)
        if n == FRAMES - 1:
            _mouse(view, QEvent.Type.MouseButtonRelease, place, Qt.MouseButton.LeftButton)

    return gesture


def _wheel(view: QWidget, notches: int) -> None:
    middle = QPointF(view.width() / 2.0, view.height() / 2.0)
    event = QWheelEvent(
        middle, view.mapToGlobal(middle), QPoint(), QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(view, event)


def _mouse(view: QWidget, kind: QEvent.Type, place: QPointF, button: Qt.MouseButton) -> None:
    keys = Qt.KeyboardModifier.NoModifier
    event = QMouseEvent(kind, place, view.mapToGlobal(place), button, button, keys)
    QApplication.sendEvent(view, event)


def _measured(name: str, gesture: Gesture, run_dry: Callable[[], None]) -> bool:
    times, cpu = [], time.process_time()
    for n in range(FRAMES):
        start = time.perf_counter()
        gesture(n)
        run_dry()
        times.append(time.perf_counter() - start)
    mean, slow = 1.0 / float(np.mean(times)), 1.0 / float(np.percentile(times, 95))
    good = mean >= GOAL_FPS and slow >= GOAL_FPS / 2.0
    busy_ms = 1e3 * (time.process_time() - cpu) / FRAMES
    verdict = "pass" if good else "FAIL"
    shown = f"{mean:8.1f} frames/s   95th {slow:6.1f}   {busy_ms:5.1f} ms CPU"
    print(f"{name:<34} {shown}   goal {GOAL_FPS:.0f}  {verdict}")
    return good


def _said(name: str, value: float, goal: float, unit: str) -> bool:
    print(
        f"{name:<34} {value:8.0f} {unit}   goal {goal:.0f}  {'pass' if value <= goal else 'FAIL'}"
    )
    return value <= goal


def _timed_ms(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return 1e3 * (time.perf_counter() - start)


def _settle(run_dry: Callable[[], None]) -> None:
    end = time.perf_counter() + 0.6
    while time.perf_counter() < end:
        run_dry()
        time.sleep(0.01)


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


if __name__ == "__main__":
    main()
