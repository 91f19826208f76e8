"""Mesh: surfaces and one conforming tetrahedral mesh of the baseline, with its quality."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final, override

import numpy as np
from PySide6.QtWidgets import QCheckBox, QFileDialog, QLabel, QSpinBox, QWidget

from organtwin.core.case import Case
from organtwin.core.directions import position
from organtwin.core.organmesh import MeshQuality, OrganMesh
from organtwin.ui.cut_journal import last_asked
from organtwin.ui.cut_open import CutOpen
from organtwin.ui.deciding import doubt_of
from organtwin.ui.forms import Form
from organtwin.ui.mesh_cut import MeshCut
from organtwin.ui.pages.page import Page
from organtwin.ui.pieces import Table, button, card, words
from organtwin.ui.rail import State
from organtwin.ui.scene import Scene
from organtwin.ui.views.histogram import AngleHistogram
from organtwin.ui.views.organ_view import FRONT
from solvers.contract import Parameter

SOURCE = "choose: smaller edges cost time and memory"
SIZES = (
    Parameter("organ_edge_mm", "mm", 3.0, 30.0, "edges away from anything small", SOURCE, 8.0),
    Parameter("tumour_edge_mm", "mm", 1.5, 15.0, "edges on and in tumours", SOURCE, 3.0),
    Parameter("vessel_radius_mm", "mm", 0.0, 50.0, "narrower vessels join the organ", SOURCE, 3.0),
    Parameter("target_tetrahedra", "1", 0, 2_000_000,
              "edges are scaled to about so many tetrahedra; 0: as many as the edges give",
              SOURCE, 0),
)  # fmt: skip
REGIONS: Final = ("Region", "Voxels\nmesh, mL", "Error", "HD95\nmm")
WORST: Final = ("Angle", "Where", "In")
WORST_ROWS: Final = 6
UNRECORDED: Final = "not recorded:\nmake the mesh anew"
STALE: Final = "The labels changed after the mesh was made: make it anew."
WRITING: Final = "Writing…"
REGIONS_LEAD: Final = (
    "Volumes of voxels and of tetrahedra; HD95: 95 % of the surface lies nearer to the border of "
    "the voxels."
)
WORST_LEAD: Final = "Choose one to fly to it; what lies before it is taken away."


class MeshPage(Page):
    """Sizes, quality, and the mesh cut open in 3D."""

    name: ClassVar[str] = "mesh"
    title: ClassVar[str] = "Mesh"
    picture: ClassVar[str] = "mesh"
    order: ClassVar[int] = 3
    lead: ClassVar[str] = "One mesh whose regions share faces, ready for a solver."

    @classmethod
    def state(cls, case: Case) -> tuple[State, str]:
        """Done once there is a mesh."""
        if not case.visits or not case.visits[0].labels:
            return "waiting", "segment the baseline first"
        return ("done", "meshed") if case.mesh else ("ready", "no mesh yet")

    def build(self) -> None:
        """Make the controls."""
        self._open: tuple[str, CutOpen | None] = ("", None)
        self._formats: list[Mapping[str, Any]] = []
        self.body.addWidget(words("SIZES", "section"))
        self._form = Form(SIZES, integers=frozenset({"target_tetrahedra"}))
        target = self._form.fields["target_tetrahedra"]
        if isinstance(target, QSpinBox):
            target.setSpecialValueText("as edges give")
            target.setSingleStep(10_000)
        self.body.addWidget(card(self._form))
        self._doubt = words("", "warn", wrap=True)
        self._said = words("", "muted", wrap=True)
        self._show = QCheckBox("Show the &mesh in 3D")
        self._show.setAccessibleName("Show the mesh in 3D")
        self._show.setChecked(True)
        self._show.toggled.connect(self._draw)
        self._cut = MeshCut(self.session, self.showing)
        self._cut.changed.connect(self._cut_changed)
        self._cut.export_asked.connect(lambda: self._ask_where(cut=True))
        self._cutting = words("CUTTING", "section")
        cutting = self._cutting, self._cut
        for thing in (self._doubt, self._said, self._show, *cutting, *self._make_figures()):
            self.body.addWidget(thing)
        self._run = button("Make the &mesh", "Mesh the baseline's labels", primary=True)
        self._run.clicked.connect(lambda: self.session.do("mesh", self._form.values()))
        self._export = button("E&xport mesh…", "Write the mesh for solvers and viewers",
                              picture="save")  # fmt: skip
        self._export.clicked.connect(lambda: self._ask_where())
        self.actions_row.addWidget(self._export)
        self.actions_row.addStretch(1)
        self.actions_row.addWidget(self._run)
        self.session.ask("mesh_formats", {}, self._know_formats)

    def _make_figures(self) -> tuple[QWidget, ...]:
        self._quality = Table("Quality of the mesh", ("Measure", "Value"))
        self._angles = _described("SMALLEST DIHEDRAL ANGLES", "section")
        self._histogram = AngleHistogram()
        self._regions = Table("Regions of the mesh", REGIONS)
        self._left_out = words("", "muted", wrap=True)
        self._worst = Table("Worst elements", WORST, limit_rows=WORST_ROWS)
        self._worst.itemSelectionChanged.connect(self._draw)
        self._figures: tuple[QWidget, ...] = (
            words("QUALITY", "section"),
            self._quality,
            self._angles,
            self._histogram,
            words("REGIONS", "section"),
            words(REGIONS_LEAD, "muted", wrap=True),
            self._regions,
            self._left_out,
            words("WORST ELEMENTS", "section"),
            words(WORST_LEAD, "muted", wrap=True),
            self._worst,
        )
        return self._figures

    @override
    def may(self, action: QWidget) -> bool:
        """Mesh only with labels, export only with a mesh and once the formats are known."""
        if action is self._export:
            return bool(self.session.case.mesh and self._formats)
        return self.state(self.session.case)[0] != "waiting"

    def refresh(self) -> None:
        """Show mesh and quality."""
        case = self.session.case
        there = bool(case.mesh and case.mesh_quality)
        first = case.visits[0] if case.visits else None
        doubt = doubt_of(first, self.session.get(first.volume).geometry) if first else ""
        stale = not there and first is not None and last_asked(self.session, "mesh") is not None
        doubt = doubt or STALE * stale
        self._doubt.setText(doubt)
        self._doubt.setVisible(bool(doubt))
        self._said.setVisible(bool(self._said.text()))
        for thing in (*self._figures, self._show, self._cutting, self._cut):
            thing.setVisible(there)
        drawn = there and bool(self.session.get(case.mesh_quality).histogram)
        for thing in (self._angles, self._histogram):
            thing.setVisible(drawn)
        if there and self._open[0] != case.mesh:
            mesh = self.session.get(case.mesh)
            self._open = (case.mesh, CutOpen(mesh))
            self._say("")
            self._tell(mesh, self.session.get(case.mesh_quality))
        if there:
            self._cut.refresh(self.session.get(case.mesh))
        self._draw()
        self._busy_changed(self.session.busy)

    def left(self) -> None:
        """Take the mesh away again."""
        self._cut.left()
        self.showing.add(Scene())

    def write_to(self, path: str, *, cut: bool = False) -> None:
        """Write the mesh, or both parts of the cut, into a file, in a process of its own."""
        self._say(WRITING)
        asked = {"case": str(self.session.folder.path), "to": path, "cut": cut}
        child = self.session.ask("export_mesh", asked, self._written)
        child.ended.connect(lambda *_: self._written_or_not())

    def _tell(self, mesh: OrganMesh, quality: MeshQuality) -> None:
        from_15 = quality.from_15_deg_percent
        self._quality.fill(
            [
                ("Points", _many(quality.points)),
                ("Tetrahedra", _many(quality.tetrahedra)),
                ("Smallest dihedral angle", f"{quality.min_dihedral_deg:.1f}°"),
                ("At least 15°", UNRECORDED if from_15 is None else f"{from_15:.2f} %"),
                ("Median edge", f"{quality.edge_median_mm:.1f} mm"),
            ]
        )
        self._histogram.show_counts(quality.histogram)
        self._regions.fill(*_regions(mesh, quality))
        self._regions.warn(n for n, s in enumerate(mesh.structures) if quality.share_meshed(s.name))
        self._left_out.setText(
            "\n".join(f"Promise missed: {sentence}" for sentence in quality.missed)
            + "\n" * bool(quality.missed)
            + "\n".join(
                f"Not in the mesh: {one.name}, {one.volume_ml:.3g} mL: {one.reason}"
                for one in quality.left_out
            )
        )
        blocked = self._worst.blockSignals(True)
        self._worst.fill(
            [
                (f"{one.min_dihedral_deg:.1f}°", position(one.place_mm, 0), one.structure)
                for one in quality.worst
            ]
        )
        self._worst.clearSelection()
        self._worst.blockSignals(blocked)

    def _draw(self) -> None:
        case, opened = self.session.case, self._open[1]
        there = case.mesh and opened is not None and self._open[0] == case.mesh
        if not there or opened is None or not self._show.isChecked() or self.showing.visit != 0:
            self.showing.add(Scene())
            return
        covered = frozenset(layer.name for layer in self.showing.shown_structures().layers)
        worst = self._chosen()
        if worst is None:
            scene = self._cut.scene(opened)
            scene = scene or Scene(opened.layers(), title="Mesh, cut open")
            self.showing.add(scene, covered)
            return
        said = f"element {worst.tetrahedron}, {worst.min_dihedral_deg:.1f}°"
        layers = opened.around(worst.tetrahedron, said, FRONT)
        self.showing.viewing.move_to(np.array(worst.place_mm))
        self.showing.add(Scene(layers, title="Mesh, cut open at an element"), covered)

    def _cut_changed(self) -> None:
        """Show the cut; an element that was flown to would hide it."""
        if self._cut.on:
            blocked = self._worst.blockSignals(True)
            self._worst.clearSelection()
            self._worst.blockSignals(blocked)
        self._draw()

    def _chosen(self) -> Any:
        """Return the element chosen in the table, None for none."""
        rows = self._worst.selectionModel().selectedRows()
        quality: MeshQuality = self.session.get(self.session.case.mesh_quality)
        return quality.worst[rows[0].row()] if rows else None

    def _ask_where(self, *, cut: bool = False) -> None:
        filters = ";;".join(f"{f['title']} (*{f['ending']})" for f in self._formats)
        start = str(self.session.folder.path.parent / "mesh.vtu")
        first = next(f for f in self._formats if f["ending"] == ".vtu")
        path, chosen = QFileDialog.getSaveFileName(
            self, "Export the mesh", start, filters, f"{first['title']} (*{first['ending']})"
        )
        if path:
            ending = chosen.rpartition("(*")[2].rstrip(")")
            known = {f["ending"] for f in self._formats}
            named = path if Path(path).suffix.lower() in known else path + ending
            self.write_to(named, cut=cut)

    def _know_formats(self, answer: Mapping[str, Any]) -> None:
        self._formats = list(answer["formats"])
        self._busy_changed(self.session.busy)

    def _written(self, answer: Mapping[str, Any]) -> None:
        note = f". {answer['note'][:1].upper()}{answer['note'][1:]}" if answer["note"] else ""
        self._say("Written: " + ", ".join(answer["written"]) + note)

    def _written_or_not(self) -> None:
        if self._said.text() == WRITING:
            self._say("")

    def _say(self, text: str) -> None:
        self._said.setText(text)
        self._said.setVisible(bool(text))


def _regions(mesh: OrganMesh, quality: MeshQuality) -> tuple[list[tuple[str, ...]], list[str]]:
    """Return a row for each region, and what its tip says."""
    told = {one.name: one for one in quality.regions}
    rows: list[tuple[str, ...]] = []
    tips: list[str] = []
    for structure in mesh.structures:
        one = told.get(structure.name)
        if one is None:  # meshed before these figures were worked out
            rows.append((structure.name, _ml(mesh.volume_ml(structure.name)), "", ""))
            tips.append(structure.name)
            continue
        share = quality.share_meshed(one.name).removesuffix(" mL")
        rows.append(
            (
                one.name,
                f"{share or _ml(one.voxels_ml)}\n{_ml(one.mesh_ml)}",
                _percent(one.error_percent),
                f"{one.hausdorff95_mm:.2f}",
            )
        )
        pieces = "one piece" if one.pieces == 1 else f"{one.pieces} pieces"
        tips.append(
            f"{one.name}: {pieces}, {'watertight' if one.watertight else 'not watertight'}; "
            f"HD95 {one.hausdorff95_voxels:.2f} voxels, mean {one.mean_distance_mm:.2f} mm"
            + f"; only {share} mL of its label are meshed, all here speaks of these"
            * bool(share)
        )
    return rows, tips


def _described(text: str, role: str) -> QLabel:
    label = words(text, role)
    label.setToolTip("Of each tetrahedron, the smallest of its six angles between faces")
    return label


def _many(count: int) -> str:
    return f"{count:,}".replace(",", " ")


def _ml(value: float) -> str:
    return f"{value:,.1f}".replace(",", " ")


def _percent(value: float) -> str:
    return "0.0 %" if abs(value) < 0.05 else f"{value:+.1f} %"


PAGE = MeshPage
