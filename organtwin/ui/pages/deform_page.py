"""Deform: turn the patient and raise the pressure, see what the organ does while it happens."""

from __future__ import annotations

from typing import ClassVar, Final, override

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QCheckBox, QWidget

from organtwin.core.case import Case
from organtwin.core.organmesh import OrganMesh
from organtwin.ui.deciding import doubt_of
from organtwin.ui.deform_progress import STEP, Computing
from organtwin.ui.deform_scene import COLOURS, DeformedShape, Shown
from organtwin.ui.deform_table import DeformTable
from organtwin.ui.deform_tissue import TissueTable
from organtwin.ui.deform_worth import ASSUMED, cautions, how_found
from organtwin.ui.deforming import Deformed, Deforming, Refused
from organtwin.ui.lying import Lying, lying_in
from organtwin.ui.pages.page import Page
from organtwin.ui.pieces import button, card, choice, pill, side_by_side, words
from organtwin.ui.positioning import Positioning
from organtwin.ui.rail import State
from organtwin.ui.scene import Scene
from organtwin.ui.views.deform_view import DeformView

MEMBERS: Final = 16
SLOW_MS: Final = 600
COMPUTED: Final = "Computed on the full mesh: choose…"


class DeformPage(Page):
    """Sliders beside the organ in 3D; previews while they move, the full mesh on request."""

    name: ClassVar[str] = "deform"
    title: ClassVar[str] = "Deform"
    picture: ClassVar[str] = "deform"
    order: ClassVar[int] = 4
    lead: ClassVar[str] = "Turn the patient, raise the pressure: where do organ and tumours go?"

    @classmethod
    def state(cls, case: Case) -> tuple[State, str]:
        """Ready with a mesh; `standing` knows when it is done."""
        return ("ready", "turn the patient") if case.mesh else ("waiting", "make the mesh first")

    @override
    def standing(self) -> tuple[State, str]:
        """Done once a position was computed on the full mesh."""
        computed = self._computed()
        if not self.session.case.mesh or not computed:
            return self.state(self.session.case)
        said = f"{len(computed)} position{'s' * (len(computed) != 1)} computed"
        baseline = range(len(self.session.case.visits[:1]))
        reviewing = self.showing.reviewing
        if reviewing.unreviewed(baseline) is None:
            return "half", f"{said}, looking which labels were reviewed"
        doubt = self._doubt() or reviewing.rests_on(baseline)
        return ("half", f"{said}; {doubt}") if doubt else ("done", said)

    def _doubt(self) -> str:
        """Return what is doubtful of the images below the mesh, "" for nothing."""
        first = next(iter(self.session.case.visits), None)
        return doubt_of(first, self.session.get(first.volume).geometry) if first else ""

    @property
    @override
    def with_timeline(self) -> bool:
        """Nothing here has a day."""
        return False

    def pictures(self) -> QWidget:
        """Return the organ in 3D."""
        if not hasattr(self, "view"):
            self.view = DeformView()
        return self.view

    def build(self) -> None:
        """Make the controls."""
        self.pictures()
        self._shape: DeformedShape | None = None
        self._shown: Deformed | None = None
        self._preview: Deformed | None = None
        self._count = ""
        self.deforming = Deforming(self.session, self)
        self.deforming.readied.connect(self._readied)
        self.deforming.deformed.connect(self._take)
        self.deforming.refused.connect(self._refuse)
        self._slow = QTimer(self, singleShot=True, interval=SLOW_MS)
        self._slow.timeout.connect(self._say_solving)
        self.deforming.waiting.connect(self._waits)
        self.position = Positioning()
        self.position.changed.connect(self._ask)
        self._known = choice("Positions computed on the full mesh")
        self._known.activated.connect(self._choose_known)
        self._doubtful = words("", "warn", wrap=True)
        self._computing = Computing(self.session)
        self._computing.wanted.connect(self.position.move_to)
        self._trouble = words("", "", wrap=True)
        self._again = button("Try a&gain", "Ask the solver once more for this position")
        self._again.clicked.connect(self._ask)
        self._refused = card(self._trouble, side_by_side(self._again), tone="warn")
        self._mark = pill("Preview", "warn")
        self._table = DeformTable()
        self._worth = words("", "warn", wrap=True)
        self._about = words("", "muted", wrap=True)
        self.body.addWidget(self._doubtful)
        self.body.addWidget(words("POSITION", "section"))
        self.body.addWidget(card(self.position))
        self.body.addWidget(self._computing)
        self.body.addWidget(self._refused)
        self.body.addLayout(side_by_side(words("WHAT IT DOES", "section"), self._mark))
        self._spread = QCheckBox(f"With an &interval: {MEMBERS} samples")
        self._spread.setAccessibleName("Compute an interval over the stiffness")
        self._spread.setChecked(True)
        figures = self._worth, self._table, self._about, self._spread, self._known
        for thing in (*figures, *self._make_picture_card(), *self._make_tissue()):
            self.body.addWidget(thing)
        self._make_actions()

    def _make_picture_card(self) -> tuple[QWidget, ...]:
        self._colours = choice("Colours of the organ")
        for value, title in COLOURS:
            self._colours.addItem(title, value)
        self._ghost = QCheckBox("&Organ as scanned, as a ghost")
        self._ghost.setAccessibleName("Show the organ as scanned as a ghost")
        self._ghost.setChecked(True)
        self._colours.currentIndexChanged.connect(self._draw)
        self._ghost.toggled.connect(self._draw)
        colours = side_by_side(words("Colours"), self._colours, stretch=1)
        return words("PICTURE", "section"), card(colours, self._ghost)

    def _make_tissue(self) -> tuple[QWidget, ...]:
        self._tissue = TissueTable()
        return words("STIFFNESS", "section"), self._tissue, words(ASSUMED, "muted", wrap=True)

    def _make_actions(self) -> None:
        back = button("As &scanned", "Lay the patient on the back, without pressure")
        back.clicked.connect(lambda: self.position.move_to(Lying()))
        self._run = button("&Compute on full mesh", "Solve this position on the full mesh; it "
                           "becomes a step of the case", primary=True)  # fmt: skip
        self._run.clicked.connect(self._compute)
        self.actions_row.addWidget(back)
        self.actions_row.addStretch(1)
        self.actions_row.addWidget(self._run)
        self._stop = button("&Cancel", "Stop computing; the case stays as it is")
        self._stop.clicked.connect(self.session.cancel)
        self.actions_row.addWidget(self._stop)

    @override
    def may(self, action: QWidget) -> bool:
        """Compute with a mesh."""
        return bool(self.session.case.mesh)

    @override
    def _busy_changed(self, busy: bool) -> None:
        super()._busy_changed(busy)
        if self._built:
            computing = busy and self.session.step == STEP
            self._run.setVisible(not computing)
            self._stop.setVisible(computing)
            self._stop.setEnabled(computing)

    def refresh(self) -> None:
        """Follow the case: another mesh, a position just computed."""
        case = self.session.case
        mesh: OrganMesh | None = self.session.get(case.mesh) if case.mesh else None
        if mesh is None or self._shape is None or self._shape.mesh is not mesh:
            self._shape = DeformedShape(mesh) if mesh is not None else None
            self._shown = self._preview = None
            self._count = ""
        self._refused.hide()
        self._doubtful.setText(self._doubt())
        self._doubtful.setVisible(bool(self._doubtful.text()))
        self._list_known()
        self._tissue.show_organ(self.showing.organ)
        self._busy_changed(self.session.busy)
        self._tell()
        self._draw()
        self._ask()

    def _computed(self) -> dict[str, Lying]:
        """Return the ids of simulations of the case that are such a position, oldest first."""
        there = set(self.session.case.simulations)
        found: dict[str, Lying] = {}
        for entry in self.session.entries:
            position = lying_in(entry)
            if position is not None:
                found |= dict.fromkeys(there & set(entry.done.outputs), position)
        return found

    def _list_known(self) -> None:
        self._known.clear()
        self._known.addItem(COMPUTED)
        for made, position in reversed(self._computed().items()):
            self._known.addItem(position.said, made)
        self._known.setVisible(self._known.count() > 1)

    def _choose_known(self, row: int) -> None:
        made = self._known.itemData(row)
        self._known.setCurrentIndex(0)
        if made:
            self.position.move_to(self._computed()[made])

    def _ask(self) -> None:
        """Have the position shown: that of the full mesh where there is one, else a preview."""
        if self._shape is None:
            return
        now, computed = self.position.lying, self._computed()
        self.view.set_down(now.down)
        self._computing.follow(now, frozenset(computed.values()))
        found = [made for made, at in computed.items() if at == now]
        if not (found and self._shown is not None and self._shown.simulation == found[-1]):
            self.deforming.ask(now, found[-1] if found else "")

    def _compute(self) -> None:
        members = MEMBERS if self._spread.isChecked() else 0
        self._computing.begin(self.position.lying, members=members)

    def _readied(self, count: int, why: str) -> None:
        self._count = f"{count:,}".replace(",", " ") + (f" (all: {why})" if why else "")
        self._tell()

    def _waits(self, waiting: bool) -> None:
        """Say that an answer is on its way when it takes its time."""
        if waiting:
            self._slow.start()
        else:
            self._slow.stop()
            self._dim(False)
            self._tell()

    def _say_solving(self) -> None:
        self._mark.setText("Solving…")
        self._dim(True)

    def _dim(self, dimmed: bool) -> None:
        """Say of numbers and picture that they are of the position before."""
        self._table.setDisabled(dimmed)
        self.view.set_dimmed(dimmed)

    def _take(self, answer: Deformed) -> None:
        self._refused.hide()
        self._shown = answer
        if not answer.simulation:
            self._preview = answer
        self._tell()
        self._draw()

    def _refuse(self, refused: Refused) -> None:
        what = f"No picture of “{refused.position.said}”: {refused.what}; {refused.advice}"
        self._trouble.setText(what.rstrip("; ") + ".")
        self._refused.show()

    def _tell(self) -> None:
        """Show the numbers of what is drawn, and what they are worth."""
        shown, preview = self._shown, self._preview
        self._mark.setVisible(shown is not None)
        whole = shown is not None and bool(shown.simulation)
        self._mark.setText("Full mesh" if whole else "Preview")
        self._mark.setProperty("pill", "plain" if whole else "warn")
        self._mark.style().polish(self._mark)
        same = preview is not None and shown is not None and preview.position == shown.position
        self._table.show_figures(
            preview.told if preview is not None and same else None,
            shown.told if shown is not None and whole else None,
            self._shape.tumours if self._shape is not None else (),
        )
        for thing in (self._table, self._worth):
            thing.setVisible(shown is not None)
        if shown is None:
            self._about.setText("Starting the solver…" if self._shape else "")
        else:
            self._about.setText(how_found(shown.told, self._count, whole=whole))
            self._worth.setText(cautions(shown.position, shown.told))

    def _draw(self, _: object = None) -> None:
        if self._shape is None:
            self.view.show_scene(Scene())
            return
        shown = self._shown
        if shown is None or shown.position == Lying():
            self.view.show_scene(self._shape.at_rest("As scanned: on the back"))
            return
        kind: Shown = self._colours.currentData()
        title = f"{'Full mesh' if shown.simulation else 'Preview'}: {shown.position.said}"
        scene = self._shape.scene(
            shown.displacement_mm, shown.stretch, shown=kind, ghost=self._ghost.isChecked(),
            title=title,
        )  # fmt: skip
        self.view.show_scene(scene)


PAGE = DeformPage
