"""MeshCut: the card that cuts the mesh in two: by a plane, lines drawn, a structure or a plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QVBoxLayout, QWidget

from organtwin.core.cut import Cut
from organtwin.core.organmesh import OrganMesh
from organtwin.ui.cut_figures import parted, rows_of, shape_of
from organtwin.ui.cut_journal import last_cut
from organtwin.ui.cut_lines import CutLines, told
from organtwin.ui.cut_open import CutOpen, apart
from organtwin.ui.forms import Form
from organtwin.ui.pieces import Table, button, card, choice, recolour, words
from organtwin.ui.plans import PLANE, plane_of
from organtwin.ui.scene import Layer, Scene
from organtwin.ui.session import Session
from organtwin.ui.shapes import disc
from organtwin.ui.showing import Showing
from organtwin.ui.tips import tooltip
from solvers.contract import Parameter

PLACE: Final = (
    Parameter("point_mm", "mm", -2000.0, 2000.0, "a point of the plane, LPS", "the plan"),
    Parameter("normal", "1", -1000.0, 1000.0, "towards the specimen, LPS", "the plan"),
)
BY_PLANE: Final = ("plane", "")
BY_LINES: Final = ("lines", "")
STALE: Final = (
    "The mesh was cut before its labels or sizes changed; this is that cut: make it anew."
)
OUTDATED: Final = " The plan it was made by is not that of today: remove the cut, make it anew."
COLUMNS: Final = ("Part", "Remnant\nmL", "Specimen\nmL")


class MeshCut(QWidget):
    """Asks for a cut, shows what it would be, and what it is once it is made.

    Signals:
        changed: the picture is another one.
        export_asked: both parts shall be written.
    """

    changed = Signal()
    export_asked = Signal()

    def __init__(self, session: Session, showing: Showing) -> None:
        super().__init__()
        self.session, self.showing = session, showing
        self._mesh: OrganMesh | None = None
        self._was_cut = False
        self._made: Cut | None = None
        self._parted = ""
        self._recalled: Mapping[str, Any] = {}
        self._middle = np.zeros(3)
        self._on = QCheckBox("C&ut the mesh in two")
        self._on.setAccessibleName("Cut the mesh in two")
        self._by = choice("Cut by")
        self._form = Form(PLACE, frozenset({"point_mm", "normal"}))
        self._here = button("At the &crosshair", "Put the plane through the crosshair")
        self._lines = CutLines(showing)
        self._stale = words(STALE, "warn", wrap=True)
        self._about = words("", "muted", wrap=True)
        self._do = button("Cut &it", "Cut the mesh in the background; it can be undone")
        self._result = words("", "", wrap=True)
        self._table = Table("Volumes of both parts", COLUMNS)
        self._export = button("Export &parts…", "Write both meshes, faces of the cut named",
                              picture="save")  # fmt: skip
        self._forget = button("Re&move the cut", "The mesh stays; undo brings the cut back")
        self._ask = self._row(self._here, self._do)
        self._after = self._row(self._export, self._forget)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        self._rows = (self._stale, self._by, self._form, self._lines, self._about, self._ask,
                      self._result, self._table, self._after)  # fmt: skip
        column.addWidget(card(self._on, *self._rows))
        self._on.toggled.connect(self._follow)
        self._by.activated.connect(self._follow)
        self._form.changed.connect(self._follow)
        self._lines.changed.connect(self._follow)
        self._here.clicked.connect(self._to_crosshair)
        self._do.clicked.connect(lambda: self.session.do("cut", self.asked()))
        self._forget.clicked.connect(lambda: self.session.do("cut", {"remove": True}))
        self._export.clicked.connect(self.export_asked)
        showing.plane_dragged.connect(self._dragged)
        session.busy_changed.connect(lambda _: self._enable())

    def asked(self) -> dict[str, Any]:
        """Return what the step is asked for."""
        kind, name = self._way
        if kind == "lines":
            return self._lines.asked()
        return self._form.values() if kind == "plane" else {kind: name}

    def refresh(self, mesh: OrganMesh) -> None:
        """Follow the case; a new mesh has the plane through its middle."""
        if mesh is not self._mesh:
            self._mesh = mesh
            self._middle = mesh.points[mesh.tetrahedra].mean(axis=(0, 1))
            middle = np.round(self._middle, 1).tolist()
            self._form.set_values({"point_mm": middle, "normal": (-1.0, 0.0, 0.0)})
            self._lines.show_mesh(mesh)
        before = self._way
        self._by.clear()
        for title, data in self._ways():
            self._by.addItem(title, data)
        self.choose(before)
        self._recall()
        self._tell(self.made())
        self._follow()

    def choose(self, way: tuple[str, str]) -> None:
        """Choose by what to cut: a kind and a name; by a plane where there is no such way."""
        ways = [data for _, data in self._ways()]
        self._by.setCurrentIndex(ways.index(way) if way in ways else 0)

    def made(self) -> Cut | None:
        """Return the cut of the case, None when there is none."""
        found: Cut | None = self.session.get(self.session.case.cut) if self._cut_id else None
        return found

    def scene(self, opened: CutOpen) -> Scene | None:
        """Return the picture of the cut made, else of the one asked for; None while it is off."""
        if not self._on.isChecked():
            return None
        made = self.made()
        if made is not None:
            return Scene(apart(made), title="Remnant and specimen")
        heights = self._heights()
        if heights is None or self._mesh is None:
            return Scene(opened.layers(), title="Mesh, cut open")
        behind = heights[self._mesh.tetrahedra].mean(axis=1) < 0.0
        shown = self._lines.layers() if self._way == BY_LINES else self._plane()
        return Scene((*opened.divided(behind), *shown), title="Cut, before it is made")

    def left(self) -> None:
        """Take grips and hand away."""
        self._lines.put_down()
        self.showing.grips_changed.emit(None, None)

    @property
    def on(self) -> bool:
        """Whether the tool is in use."""
        return self._on.isChecked()

    @property
    def _cut_id(self) -> str:
        return self.session.case.cut

    def _ways(self) -> list[tuple[str, tuple[str, str]]]:
        case = self.session.case
        labels = self.showing.labels_of(0)
        names = [s.name for s in (labels.structures if labels else ()) if s.name != case.organ]
        plans = [plan for plan in map(self.session.get, case.scenarios) if plane_of(plan)]
        return [
            ("A plane", BY_PLANE),
            ("Lines drawn", BY_LINES),
            *((f"Structure: {name}", ("structure", name)) for name in names),
            *((f"Plan: {plan.name}", ("scenario", plan.name)) for plan in plans),
        ]

    def _recall(self) -> None:
        """Show how the mesh was cut before it changed, once; the cut itself is gone."""
        asked = {} if self._cut_id else last_cut(self.session)
        self._was_cut = bool(asked)
        if not asked or asked == self._recalled:
            return
        self._recalled = asked
        self._on.setChecked(True)
        way = BY_PLANE
        if asked.get("lines_mm"):
            way = BY_LINES
            self._lines.show_asked(asked)
        elif asked.get("structure") or asked.get("scenario"):
            kind = "structure" if asked.get("structure") else "scenario"
            way = (kind, asked[kind])
        else:
            self._form.set_values({name: asked[name] for name in ("point_mm", "normal")})
        self.choose(way)

    @property
    def _way(self) -> tuple[str, str]:
        kind, name = self._by.currentData() or BY_PLANE
        return str(kind), str(name)

    def _heights(self) -> NDArray[np.float64] | None:
        """Return (n,) mm the mesh's points from the cut asked for; None for one not drawn."""
        if self._mesh is None:
            return None
        if self._way == BY_LINES:
            return self._lines.heights()
        if self._way != BY_PLANE:
            return None
        values = self._form.values()
        normal = np.array(values["normal"], dtype=float)
        away = np.array(values["point_mm"]) - self._mesh.points
        result: NDArray[np.float64] = away @ normal / max(float(np.linalg.norm(normal)), 1e-12)
        return result

    def _plane(self) -> list[Layer]:
        values = self._form.values()
        point, normal = (np.array(values[name], dtype=float) for name in ("point_mm", "normal"))
        if self._mesh is None or not normal.any():
            return []
        normal /= np.linalg.norm(normal)
        middle = self._middle
        reach = float(np.linalg.norm(np.ptp(self._mesh.points, axis=0))) / 2.0
        points, triangles = disc(middle - normal * float((middle - point) @ normal), normal, reach)
        return [Layer("cut/plane", points, triangles, PLANE, 0.3, flat=True, caption="cut")]

    def _dragged(self, point: NDArray[Any], normal: NDArray[Any]) -> None:
        if self.isVisible() and self._on.isChecked() and not self._cut_id:
            asked = {
                "point_mm": np.round(point, 1).tolist(),
                "normal": np.round(normal, 3).tolist(),
            }
            self._form.set_values(asked)
            self._follow()

    def _to_crosshair(self) -> None:
        place = np.round(self.showing.viewing.cursor_mm, 1).tolist()
        self._form.set_values({"point_mm": place})
        self._follow()

    def _follow(self, *_: object) -> None:
        """Show what belongs to the state, and the picture."""
        on, made = self._on.isChecked(), bool(self._cut_id)
        asking, way = on and not made, self._way
        for row in (self._by, self._ask):
            row.setVisible(asking)
        self._stale.setVisible(asking and self._was_cut)
        self._lines.setVisible(asking and way == BY_LINES)
        for row in (self._form, self._here):
            row.setVisible(asking and way == BY_PLANE)
        for row in (self._result, self._table, self._after):
            row.setVisible(on and made)
        if not (asking and way == BY_LINES):
            self._lines.put_down()
        heights = self._heights() if asking else None
        said = self._lines.wrong if way == BY_LINES else ""
        if heights is not None and self._mesh is not None and not said:
            said = told(self._mesh, heights)
        recolour(self._about, "warn" if way == BY_LINES and self._lines.wrong else "muted")
        self._about.setText(said)
        self._about.setVisible(asking and bool(said))
        self._enable()
        if asking and way == BY_PLANE:
            values = self._form.values()
            self.showing.grips_changed.emit(values["point_mm"], values["normal"])
        else:
            self.showing.grips_changed.emit(None, None)
        self.changed.emit()

    def _enable(self) -> None:
        for action in (self._forget, self._export):
            action.setEnabled(not self.session.busy)
        drawn = self._way != BY_LINES or self._lines.heights() is not None
        self._do.setEnabled(not self.session.busy and drawn)

    def _tell(self, made: Cut | None) -> None:
        if made is None:
            return
        if made is not self._made:
            self._made, self._parted = made, parted(made)
        self._result.setText(
            self._parted
            + "".join(f" Note: {remark}." for remark in made.remarks)
            + (OUTDATED if made.outdated(self.session.case.scenarios) else "")
        )
        self._result.setToolTip(tooltip(shape_of(made)))
        quality = self.session.case.mesh_quality
        rows, doubtful = rows_of(made, self.session.get(quality) if quality else None)
        self._table.fill(rows)
        self._table.warn(doubtful)

    def _row(self, *buttons: QWidget) -> QWidget:
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        for each in buttons:
            line.addWidget(each)
        line.addStretch(1)
        return row
