"""Edit labels by hand: one tool a file, found by name; a gesture is JSON that can be done again."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from organtwin.core.canvas import Canvas
from organtwin.core.change import Change
from organtwin.core.registry import chosen, registered
from organtwin.core.volume import Volume
from organtwin.editing.asking import Form, room_of
from organtwin.editing.tool import Edit, changed_by


@functools.cache
def edits() -> Mapping[str, Edit]:
    """Return every tool by name."""
    import organtwin.editing as package

    return registered(package, "EDIT")


def edit(name: str) -> Edit:
    """Return one tool; raises BadArgument naming the ones there are."""
    found: Edit = chosen(edits(), name, "tool")
    return found


class Stroke:
    """A stroke on its way: each piece is drawn on a canvas as it comes.

    The whole stroke, drawn again from `arguments` on the labels it began on, is the same voxels.

    Args:
        canvas: drawn on at once.
        volume: the image, needed for a range of values.
        tool: "paint" or "erase".
        arguments: what the tool takes, without points.
    """

    def __init__(
        self, canvas: Canvas, volume: Volume | None, tool: str, arguments: Mapping[str, Any]
    ) -> None:
        self.canvas = canvas
        self._volume, self._tool, self._asked = volume, edit(tool), dict(arguments)
        if "inside" not in arguments:  # drawing may take the last voxel of what contains it
            name = str(arguments.get("structure", ""))
            self._asked["inside"] = room_of(canvas.labels, name)
        self._points: list[list[float]] = []
        self._pieces: list[Change] = []

    @property
    def arguments(self) -> dict[str, Any]:
        """The gesture so far, for the step "edit"."""
        return {**self._asked, "points": [list(point) for point in self._points]}

    def add(self, points_mm: Sequence[Sequence[float]]) -> Change | None:
        """Draw on to further points, LPS mm; returns what changed, `Change.box` says where.

        None where nothing did. Raises BadArgument, then the canvas is as before.
        """
        new = np.asarray(points_mm, dtype=np.float64).reshape(-1, 3).tolist()
        piece = {**self._asked, "points": [*self._points[-1:], *new]}
        change = changed_by(self._tool, self.canvas, self._volume, piece)
        self._points += new
        if change is not None:
            self.canvas.apply(change, self.canvas.at)
            self._pieces.append(change)
        return change

    def take_back(self) -> None:
        """Leave the canvas as it was before the stroke."""
        while self._pieces:
            self.canvas.revert(self._pieces.pop())

    def recorded(self, labels: str) -> None:
        """Say that the canvas is what the step "edit" made of this stroke: labels of that id."""
        self._pieces.clear()
        self.canvas.at = labels


__all__ = ["Edit", "Form", "Stroke", "changed_by", "edit", "edits"]
