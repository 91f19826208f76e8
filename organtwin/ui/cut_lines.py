"""CutLines: the part of the cutting card that has lines drawn, and what they would cut."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from organtwin.core.errors import BadArgument
from organtwin.core.organmesh import OrganMesh
from organtwin.ui.pieces import button, words
from organtwin.ui.plans import PLANE
from organtwin.ui.resection import Resection, Sight
from organtwin.ui.scene import Layer
from organtwin.ui.showing import Showing
from organtwin.ui.views.resection_drawing import trace_of
from organtwin.ui.views.slice_view import SliceView

if TYPE_CHECKING:
    from organtwin.meshing.drawn import Drawing, Drawn

Floats = NDArray[np.float64]
CLOSED: Final = "A closed line cannot be cut; use a structure or a plan."
GAP: Final = 0.2
"""A line whose ends lie nearer to each other than this share of its length is meant closed."""
COARSE_MM: Final = 4.0
BEYOND_MM: Final = 10.0
NOTHING: Final = (
    "Draw along the resection line, in a slice or over the organ in 3D. A line in a second slice "
    "bends the surface from one to the other."
)
ADJUST: Final = (
    "Drag points to adjust, click for more; draw in other slices to bend it; Ctrl and drag turns "
    "the organ."
)


class CutLines(QWidget):
    """Lines drawn by hand as a way to cut.

    Signals:
        changed: another surface.
    """

    changed = Signal()

    def __init__(self, showing: Showing) -> None:
        super().__init__()
        self.showing = showing
        self.resection = Resection(self)
        self.other_side = False
        self.wrong = ""
        self._mesh: OrganMesh | None = None
        self._drawn: Drawn | None = None
        self._triangles = np.zeros((0, 3), dtype=np.int64)
        self._heights: Floats | None = None
        self._sight: Sight | None = None
        self.drawing = button(
            "&Draw", "Draw lines in slices and in 3D; Ctrl+Z takes back, Esc ends"
        )
        self.drawing.setCheckable(True)
        self._turn = button("Other &side", "Cut off what lies on the other side of the line")
        self._back = button("Take &back", "Take the line drawn last away (Backspace)")
        self._hint = words(NOTHING, "muted", wrap=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        line = QHBoxLayout()
        for each in (self.drawing, self._turn, self._back):
            line.addWidget(each)
        line.addStretch(1)
        column.addLayout(line)
        column.addWidget(self._hint)
        self.drawing.toggled.connect(self._take)
        self._turn.clicked.connect(self._turned)
        self._back.clicked.connect(self.resection.take_back)
        self.resection.trace = self._trace
        self.resection.put_down.connect(lambda: self.drawing.setChecked(False))
        self.resection.changed.connect(self._follow)
        self.resection.settled.connect(self._settled)

    def asked(self) -> dict[str, Any]:
        """Return what the step is asked for."""
        sight = self.resection.sight
        asked: dict[str, Any] = {
            "lines_mm": [np.round(line, 2).tolist() for line in self.resection.whole],
            "along": np.round(sight.along, 6).tolist() if sight else [],
            "other_side": self.other_side,
        }
        if sight is not None and sight.eye_mm is not None:
            asked["eye_mm"] = np.round(sight.eye_mm, 2).tolist()
        return asked

    def show_asked(self, asked: Mapping[str, Any]) -> None:
        """Take over what a step was asked for before."""
        lines = tuple(np.array(line, dtype=float) for line in asked["lines_mm"])
        eye = np.array(asked["eye_mm"], dtype=float) if asked.get("eye_mm") else None
        near = np.inf if eye is not None else 1.0
        self.other_side = bool(asked.get("other_side"))
        self._sight = Sight(np.array(asked["along"], dtype=float), near, eye)
        self.resection.set_lines(lines, self._sight)

    def show_mesh(self, mesh: OrganMesh) -> None:
        """Cut another mesh from now on."""
        self._mesh = mesh
        self._follow()
        self._weigh()

    def heights(self) -> Floats | None:
        """Return (n,) how far the mesh's points lie from the surface, negative where cut off."""
        return self._heights

    def layers(self) -> list[Layer]:
        """Return the surface where the mesh is."""
        if self._drawn is None or self._mesh is None:
            return []
        points = self._drawn.grid.reshape(-1, 3)
        low, high = self._mesh.points.min(axis=0), self._mesh.points.max(axis=0)
        inside = ((points > low - BEYOND_MM) & (points < high + BEYOND_MM)).all(axis=1)
        shown = self._triangles[inside[self._triangles].all(axis=1)]
        return [Layer("cut/surface", points, shown, PLANE, 0.4, flat=True, caption="cut")]

    def put_down(self) -> None:
        """Leave the pictures to others."""
        self.drawing.setChecked(False)

    def _take(self, on: bool) -> None:
        viewing = self.showing.viewing
        if on:
            viewing.take_in_hand(self.resection)
        elif viewing.hand is self.resection:
            viewing.take_in_hand(None)

    def _turned(self) -> None:
        self.other_side = not self.other_side
        self._follow()
        self._weigh()
        self.changed.emit()

    def _follow(self) -> None:
        """Find the surface through the lines as they are."""
        from organtwin.meshing.drawn import drawn

        self._drawn, self.wrong = None, ""
        mesh = self._mesh
        if mesh is None or not self.resection.whole:
            return
        try:
            self._drawn = drawn(self._drawing(), mesh.points)
            self._triangles = self._drawn.triangles()
        except BadArgument as error:
            self.wrong = f"{error.what[:1].upper()}{error.what[1:]}: {error.advice}."
            if any(map(closed, self.resection.whole)):
                self.wrong = CLOSED

    def _settled(self) -> None:
        """Weigh both parts; a line drawn anew cuts the smaller part off."""
        first = self.resection.sight is not self._sight and len(self.resection.whole) == 1
        self._sight = self.resection.sight
        self._weigh()
        if first and self._mesh is not None and self._heights is not None:
            gone = self._heights[self._mesh.tetrahedra].mean(axis=1) < 0.0
            volumes = self._mesh.volumes_mm3()
            if volumes[gone].sum() > 0.5 * volumes.sum():
                self._turned()
                return
        self.changed.emit()

    def _weigh(self) -> None:
        self._heights = None
        if self._drawn is not None and self._mesh is not None:
            try:
                knife = self._drawn.knife(self._mesh.points, COARSE_MM)
                self._heights = knife(self._mesh.points)
            except BadArgument as error:
                self.wrong = f"{error.what[:1].upper()}{error.what[1:]}."
        self._hint.setText(ADJUST if self.resection.whole else NOTHING)
        self._turn.setEnabled(self._heights is not None)
        self._back.setEnabled(bool(self.resection.lines))
        self.showing.viewing.changed.emit()

    def _drawing(self) -> Drawing:
        from organtwin.meshing.drawn import Drawing

        return Drawing.of(**self.asked())

    def _trace(self, view: SliceView) -> Floats:
        """Return (k, 2, 3) where the surface goes through a plane, near the mesh."""
        if self._drawn is None or self._mesh is None:
            return np.zeros((0, 2, 3))
        points = self._drawn.grid.reshape(-1, 3)
        heights = view.frame().flat(points)[:, 2] - view.depth_mm()
        found = trace_of(points, self._triangles, heights)
        low, high = self._mesh.points.min(axis=0), self._mesh.points.max(axis=0)
        near = ((found > low - BEYOND_MM) & (found < high + BEYOND_MM)).all(axis=(1, 2))
        return found[near]


def closed(line: Floats) -> bool:
    """Return whether a line (n, 3) comes back to where it began."""
    length = float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum())
    return len(line) > 2 and float(np.linalg.norm(line[-1] - line[0])) < GAP * length


def told(mesh: OrganMesh, heights: Floats) -> str:
    """Return what a cut would leave and take, mL, and how far it passes tumours.

    Args:
        heights: (n,) mm of the mesh's points, negative where cut off.
    """
    volumes, corners = mesh.volumes_mm3() / 1000.0, heights[mesh.tetrahedra]
    share = 0.5 - corners.mean(axis=1) / np.maximum(np.ptp(corners, axis=1), 1e-9)
    gone = float(volumes @ np.clip(share, 0.0, 1.0))
    said = [f"About {float(volumes.sum()) - gone:.0f} mL stay, {gone:.0f} mL are cut off."]
    for one in (s for s in mesh.structures if s.kind == "tumour"):
        cells = mesh.tetrahedra[np.isin(mesh.regions, mesh.labels_inside(one.name))]
        if not len(cells):
            continue
        low, high = float(heights[cells].min()), float(heights[cells].max())
        if high < 0.0:
            said.append(f"{one.name} is cut off with {-high:.0f} mm around it.")
        elif low > 0.0:
            said.append(f"{one.name} stays, {low:.0f} mm from the cut.")
        else:
            said.append(f"{one.name} is cut through.")
    return " ".join(said)
