"""Mesh: surfaces and one conforming tetrahedral mesh of the baseline, with its quality."""

from __future__ import annotations

from typing import ClassVar, override

import numpy as np
from numpy.typing import NDArray
from PySide6.QtWidgets import QCheckBox, QWidget

from organtwin.core.case import Case
from organtwin.core.organmesh import FACES, MeshQuality, OrganMesh
from organtwin.ui.deciding import doubt_of
from organtwin.ui.forms import Form
from organtwin.ui.pages.page import Page
from organtwin.ui.pieces import Table, button, card, words
from organtwin.ui.rail import State
from organtwin.ui.scene import Layer, Scene
from solvers.contract import Parameter

SOURCE = "choose: smaller edges cost time and memory"
SIZES = (
    Parameter("organ_edge_mm", "mm", 3.0, 30.0, "edges away from anything small", SOURCE, 8.0),
    Parameter("tumour_edge_mm", "mm", 1.5, 15.0, "edges on and in tumours", SOURCE, 3.0),
    Parameter("vessel_radius_mm", "mm", 0.0, 50.0, "narrower vessels join the organ", SOURCE, 3.0),
)
AGAINST = (
    "* Of a vessel only the part wider than the vessel radius is meshed and compared; its narrower "
    "branches count as organ here."
)


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
        self._cut: tuple[str, tuple[Layer, ...]] = ("", ())
        self.body.addWidget(words("SIZES", "section"))
        self._form = Form(SIZES)
        self.body.addWidget(card(self._form))
        self._quality_title = words("QUALITY", "section")
        self._quality = Table("Quality of the mesh", ("Measure", "Value"))
        self._regions_title = words("REGIONS", "section")
        self._regions = Table("Regions of the mesh", ("Region", "Mesh, mL", "vs labels"))
        self._against = words(AGAINST, "muted", wrap=True)
        self._show = QCheckBox("Show the &mesh in 3D")
        self._show.setAccessibleName("Show the mesh in 3D")
        self._show.setChecked(True)
        self._show.toggled.connect(self._draw)
        self._doubt = words("", "warn", wrap=True)
        self.body.addWidget(self._doubt)
        for thing in (*self._figures(), self._show):
            self.body.addWidget(thing)
        self._run = button("Make the &mesh", "Mesh the baseline's labels", primary=True)
        self._run.clicked.connect(lambda: self.session.do("mesh", self._form.values()))
        self.actions_row.addStretch(1)
        self.actions_row.addWidget(self._run)

    @override
    def may(self, action: QWidget) -> bool:
        """Only with labels."""
        return self.state(self.session.case)[0] != "waiting"

    def refresh(self) -> None:
        """Show mesh and quality."""
        case = self.session.case
        there = bool(case.mesh and case.mesh_quality)
        first = case.visits[0] if case.visits else None
        doubt = doubt_of(first, self.session.get(first.volume).geometry) if first else ""
        self._doubt.setText(doubt)
        self._doubt.setVisible(bool(doubt))
        for thing in self._figures():
            thing.setVisible(there)
        self._show.setVisible(there)
        if there:
            self._tell(self.session.get(case.mesh), self.session.get(case.mesh_quality))
        self._draw()
        self._busy_changed(self.session.busy)

    def left(self) -> None:
        """Take the mesh away again."""
        self.showing.add(Scene())

    def _figures(self) -> tuple[QWidget, ...]:
        regions = (self._regions_title, self._regions, self._against)
        return (self._quality_title, self._quality, *regions)

    def _tell(self, mesh: OrganMesh, quality: MeshQuality) -> None:
        self._quality.fill(
            [
                ("Points", f"{quality.points:,}".replace(",", " ")),
                ("Tetrahedra", f"{quality.tetrahedra:,}".replace(",", " ")),
                ("Smallest dihedral angle", f"{quality.min_dihedral_deg:.1f}°"),
                ("Below 10°", f"{quality.below_10_deg_percent:.2f} %"),
                ("Median edge", f"{quality.edge_median_mm:.1f} mm"),
            ]
        )
        errors = dict(quality.volume_error_percent)
        rows = []
        for structure in mesh.structures:
            error = _percent(errors[structure.name]) if structure.name in errors else ""
            volume = f"{mesh.volume_ml(structure.name):,.1f}".replace(",", " ")
            part = " *" if structure.kind == "vessel" else ""
            rows.append((structure.name + part, volume, error))
        self._regions.fill(rows)

    def _draw(self) -> None:
        case = self.session.case
        if not case.mesh or not self._show.isChecked() or self.showing.visit != 0:
            self.showing.add(Scene())
            return
        if self._cut[0] != case.mesh:
            self._cut = (case.mesh, _cut_open(self.session.get(case.mesh)))
        covered = frozenset(layer.name for layer in self.showing.shown_structures().layers)
        self.showing.add(Scene(self._cut[1], title="Mesh, cut open"), covered)


def _cut_open(mesh: OrganMesh) -> tuple[Layer, ...]:
    """Return each region's tetrahedra behind the frontal plane through the organ's middle."""
    middle = mesh.points[mesh.tetrahedra].mean(axis=1)
    behind = middle[:, 1] > np.median(mesh.points[:, 1])
    layers = []
    for structure in mesh.structures:
        cells = mesh.tetrahedra[(mesh.regions == structure.label) & behind]
        if len(cells) == 0:
            continue
        outer = outer_faces(cells, len(mesh.points))
        layers.append(
            Layer(
                f"mesh/{structure.name}",
                mesh.points,
                outer,
                structure.colour,
                edges=True,
                caption=structure.name,
            )
        )
    return tuple(layers)


def outer_faces(cells: NDArray[np.int32], points: int) -> NDArray[np.int32]:
    """Return (f, 3) the faces that only one of the tetrahedra (m, 4) has."""
    faces = cells[:, FACES].reshape(-1, 3)
    a, b, c = np.sort(faces, axis=1).astype(np.int64).T
    _, first, count = np.unique(
        (a * points + b) * points + c, return_index=True, return_counts=True
    )
    result: NDArray[np.int32] = faces[first[count == 1]]
    return result


def _percent(value: float) -> str:
    return "0.0 %" if abs(value) < 0.05 else f"{value:+.1f} %"


PAGE = MeshPage
