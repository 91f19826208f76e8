"""Scenarios side by side in 3D: one camera, captions, a key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from numpy.typing import NDArray

from organtwin.core.errors import BadArgument
from organtwin.reporting import look
from organtwin.reporting.images import frame_of, pixels
from organtwin.reporting.pictures import FROM_FRONT, render
from organtwin.reporting.scene import Scene

LARGEST_PANEL_PX = 720
LETTERS = (("L", (1, 0, 0)), ("P", (0, 1, 0)), ("S", (0, 0, 1)))
OPPOSITE = {"L": "R", "P": "A", "S": "I"}


def comparison_picture(
    scenes: Sequence[Scene],
    *,
    width_px: int = 2100,
    view_from: tuple[float, float, float] = FROM_FRONT,
    heading: str = "Scenarios side by side",
) -> NDArray[np.uint8]:
    """Return (height, width, 3) uint8: scenes side by side with one camera, captions and key.

    Raises:
        BadArgument: there is no scene.
    """
    if not scenes:
        raise BadArgument("a comparison needs at least one scene")
    wide = min(int(1.03 * width_px / len(scenes)), LARGEST_PANEL_PX)
    high = int(0.93 * wide)
    images = [
        render(s, width_px=wide, height_px=high, view_from=view_from, around=tuple(scenes))
        for s in scenes
    ]
    cut = frame_of(images, 36)
    panel = images[0][cut].shape
    lines = max(len(s.lines) for s in scenes)
    width = width_px / 150
    panel_in = (width - 0.3) / len(scenes)
    image_in = panel_in * 0.96 * panel[0] / panel[1]
    height = 0.62 + 0.5 + image_in + 0.24 * lines + 0.3 + 0.55
    figure = look.new_figure(width, height)
    _words(figure, 0.15 / width, 1 - 0.36 / height, heading, size=17, weight="bold")
    _words(
        figure, 1 - 0.15 / width, 1 - 0.36 / height, look.RESEARCH_USE, size=9.5,
        colour=look.BANNER, align="right", weight="bold",
    )  # fmt: skip
    for number, (scene, image) in enumerate(zip(scenes, images, strict=True)):
        left = (0.15 + number * panel_in) / width
        _panel(figure, scene, image[cut], (left, panel_in, image_in, number, view_from))
    _key(figure, scenes, height)
    return pixels(figure)


def _panel(
    figure: Figure,
    scene: Scene,
    image: NDArray[np.uint8],
    place: tuple[float, float, float, int, tuple[float, float, float]],
) -> None:
    left, panel_in, image_in, number, view_from = place
    width, height = figure.get_size_inches()
    top = 1 - (0.62 + 0.5) / height
    colour = look.scenario_colour(number)
    figure.patches.append(
        _bar(figure, (left, 1 - 0.70 / height), (panel_in * 0.96 / width, 0.045 / height), colour)
    )
    _words(figure, left, 1 - 0.92 / height, scene.title, size=13, weight="bold")
    axes = figure.add_axes(
        (left, top - image_in / height, panel_in * 0.96 / width, image_in / height)
    )
    axes.imshow(image, interpolation="antialiased")
    axes.set_axis_off()
    orientation_letters(axes, view_from)
    for row, line in enumerate(scene.lines):
        y = top - (image_in + 0.22 + 0.24 * row) / height
        _words(figure, left, y, line, size=10.5, colour=look.INK)


def _bar(
    figure: Figure, corner: tuple[float, float], size: tuple[float, float], colour: str
) -> Any:
    return Rectangle(corner, *size, color=colour, lw=0, transform=figure.transFigure)


def orientation_letters(axes: Any, view_from: tuple[float, float, float]) -> None:
    """Write which side of the patient each edge of a picture shows (R, L, A, P, S, I)."""
    toward = np.array(view_from) / np.linalg.norm(view_from)
    right = np.cross((0.0, 0.0, 1.0), toward)
    right /= np.linalg.norm(right)
    up = np.cross(toward, right)
    edges = ((right, 0.985, 0.5), (-right, 0.015, 0.5), (up, 0.5, 0.98), (-up, 0.5, 0.02))
    for direction, x, y in edges:
        axes.text(
            x, y, _letter(direction), transform=axes.transAxes, ha="center", va="center",
            fontsize=11, fontweight="bold", color=look.MUTED,
        )  # fmt: skip


def _letter(direction: NDArray[np.float64]) -> str:
    letter, axis = max(LETTERS, key=lambda pair: abs(float(direction @ np.array(pair[1]))))
    return letter if float(direction @ np.array(axis)) > 0 else OPPOSITE[letter]


def _key(figure: Figure, scenes: Sequence[Scene], height: float) -> None:
    seen = {s.name: s.colour for scene in scenes for s in scene.shapes}
    patches = [Patch(facecolor=c, label=n, alpha=0.9) for n, c in seen.items()]
    contacts = {scene.contact for scene in scenes}
    if "cut" in contacts:
        patches.append(Patch(facecolor=look.CUT, alpha=0.6, label="cut"))
        patches.append(Patch(facecolor=look.REMOVED, alpha=0.5, label="removed"))
    if "zone" in contacts:
        patches.append(Patch(facecolor=look.ZONE, alpha=0.4, label="ablation zone"))
    if any(scene.probes for scene in scenes):
        patches.append(Patch(facecolor=look.PROBE, label="probe"))
    figure.legend(
        handles=patches, loc="lower center", ncols=len(patches), frameon=False, fontsize=10,
        labelcolor=look.INK, handlelength=1.1, handleheight=1.1, columnspacing=1.8,
        bbox_to_anchor=(0.5, 0.10 / height),
    )  # fmt: skip


def _words(figure: Figure, x: float, y: float, text: str, **style: Any) -> None:
    figure.text(
        x, y, text, fontsize=style.get("size", 10), color=style.get("colour", look.INK),
        fontweight=style.get("weight", "normal"), ha=style.get("align", "left"), va="center",
        parse_math=False,
    )  # fmt: skip
