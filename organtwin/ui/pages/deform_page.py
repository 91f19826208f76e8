"""Deform: turn the patient and raise the pressure, see what the organ does while it happens."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar, Final, override

from PySide6.QtWidgets import QCheckBox, QWidget

from organtwin.core.case import Case
from organtwin.core.journal import JournalEntry
from organtwin.core.organmesh import OrganMesh
from organtwin.organs import Organ
from organtwin.pipeline.planning import SUPINE_DOWN
from organtwin.ui.deform_scene import COLOURS, DeformedShape, Shown
from organtwin.ui.deform_table import DeformTable
from organtwin.ui.deforming import Deformed, Deforming, Refused
from organtwin.ui.lying import Lying, lying
from organtwin.ui.pages.page import Page
from organtwin.ui.pieces import Table, button, card, choice, pill, side_by_side, words
from organtwin.ui.positioning import Positioning
from organtwin.ui.rail import State
from organtwin.ui.views.deform_view import DeformView

PREVIEWED: Final = (
    "Preview on {count} tetrahedra with a quick element, stiffness at the mean of its prior, no "
    "interval: to look at, not to measure by."
)
ALONE: Final = (
    "Accurate element on the whole mesh. No interval was computed: one run, stiffness at the mean "
    "of its prior."
)
SPREAD: Final = (
    "Accurate element on the whole mesh; mean of {members} runs over the prior of the stiffness, "
    "below it the interval that holds 90 % of them."
)
ASSUMED: Final = (
    "The patient was scanned lying on the back. Pressure acts on the organ's surface; the "
    "diaphragm and the organs around are springs, they do not rise."
)
COMPUTED: Final = "Computed accurately: choose…"


class DeformPage(Page):
    """Sliders beside the organ in 3D; previews while they move, accurate answers on request."""

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
        """Done once a position was computed accurately."""
        computed = self._computed()
        if not self.session.case.mesh or not computed:
            return self.state(self.session.case)
        return "done", f"{len(computed)} position{'s' * (len(computed) != 1)} computed"

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
        self.position = Positioning()
        self.position.changed.connect(self._ask)
        self._known = choice("Positions computed accurately")
        self._known.activated.connect(self._choose_known)
        self._trouble = words("", "", wrap=True)
        self._again = button("Try a&gain", "Ask the solver once more for this position")
        self._again.clicked.connect(self._ask)
        self._refused = card(self._trouble, side_by_side(self._again), tone="warn")
        self._mark = pill("Preview", "warn")
        self._table = DeformTable()
        self._about = words("", "muted", wrap=True)
        self.body.addWidget(words("POSITION", "section"))
        self.body.addWidget(card(self.position))
        self.body.addWidget(self._refused)
        self.body.addLayout(side_by_side(words("WHAT IT DOES", "section"), self._mark))
        figures = self._table, self._about, self._known
        for thing in (*figures, *self._make_picture_card(), *self._make_tissue()):
            self.body.addWidget(thing)
        self._make_actions()

    def _make_picture_card(self) -> tuple[QWidget, ...]:
        self._colours = choice("Colours of the organ")
        for value, title in COLOURS:
            self._colours.addItem(title, value)
        self._ghost = QCheckBox("&Organ and tumours at rest, as a ghost")
        self._ghost.setAccessibleName("Show the organ at rest as a ghost")
        self._ghost.setChecked(True)
        self._colours.currentIndexChanged.connect(self._draw)
        self._ghost.toggled.connect(self._draw)
        colours = side_by_side(words("Colours"), self._colours, stretch=1)
        return words("PICTURE", "section"), card(colours, self._ghost)

    def _make_tissue(self) -> tuple[QWidget, ...]:
        self._tissue = Table("Stiffness of the tissue", ("Tissue", "Parameter", "Value"))
        self._sources = words("", "muted", wrap=True)
        assumed = words(ASSUMED, "muted", wrap=True)
        return words("STIFFNESS", "section"), self._tissue, self._sources, assumed

    def _make_actions(self) -> None:
        back = button("As &scanned", "Lay the patient on the back, without pressure")
        back.clicked.connect(lambda: self.position.move_to(Lying()))
        self._run = button("Compute &accurately", "Solve this position on the whole mesh; it "
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
            computing = busy and self.session.step == "deform"
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
        self._list_known()
        self._tell_tissue(self.showing.organ)
        self._busy_changed(self.session.busy)
        self._tell()
        self._draw()
        self._ask()

    def _computed(self) -> dict[str, Lying]:
        """Return the ids of simulations of the case that are such a position, oldest first."""
        there = set(self.session.case.simulations)
        return {
            made: lying(entry.done.arguments)
            for entry in self.session.entries
            if _is_position(entry)
            for made in entry.done.outputs
            if made in there
        }

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
        """Have the position shown: the accurate answer where there is one, else a preview."""
        if self._shape is None:
            return
        now = self.position.lying
        self.view.set_down(now.down)
        found = [made for made, at in self._computed().items() if at == now]
        if not (found and self._shown is not None and self._shown.simulation == found[-1]):
            self.deforming.ask(now, found[-1] if found else "")

    def _compute(self) -> None:
        self.session.do("deform", self.position.lying.arguments)

    def _readied(self, count: int, why: str) -> None:
        self._count = f"{count:,}".replace(",", " ") + (f" (all: {why})" if why else "")
        self._tell()

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
        accurate = shown is not None and bool(shown.simulation)
        self._mark.setText("Accurate" if accurate else "Preview")
        self._mark.setProperty("pill", "good" if accurate else "warn")
        self._mark.style().polish(self._mark)
        same = preview is not None and shown is not None and preview.position == shown.position
        self._table.show_figures(
            preview.figures if preview is not None and same else None,
            shown.figures if shown is not None and accurate else None,
        )
        self._table.setVisible(shown is not None)
        if shown is None:
            self._about.setText("Starting the solver…" if self._shape else "")
        elif accurate:
            members = shown.figures["members"]
            self._about.setText(SPREAD.format(members=members) if members > 1 else ALONE)
        else:
            self._about.setText(PREVIEWED.format(count=self._count))

    def _draw(self, _: object = None) -> None:
        if self._shape is None:
            return
        shown = self._shown
        if shown is None or shown.position == Lying():
            self.view.show_scene(self._shape.at_rest("As scanned: on the back"))
            return
        kind: Shown = self._colours.currentData()
        title = f"{'Accurate' if shown.simulation else 'Preview'}: {shown.position.said}"
        scene = self._shape.scene(
            shown.displacement_mm, shown.strain, shown=kind, ghost=self._ghost.isChecked(),
            title=title,
        )  # fmt: skip
        self.view.show_scene(scene)

    def _tell_tissue(self, which: Organ) -> None:
        kinds = {s.kind for s in self._shape.mesh.structures} if self._shape else set()
        rows: list[tuple[str, str, str]] = []
        for values, alike in _by_values(which, kinds):
            titles = [alike, *[""] * (len(values) - 1)]
            rows += [
                (title, *_valued(name, value))
                for title, (name, value) in zip(titles, values.items(), strict=True)
            ]
        self._tissue.fill(rows)
        self._sources.setText(f"{which.law.replace('_', '-')}: {which.law_source}.")


def _is_position(entry: JournalEntry) -> bool:
    asked: dict[str, Any] = dict(entry.done.arguments)
    turned = entry.done.step == "deform" and not asked.get("push")
    return turned and tuple(asked.get("scanned_down", SUPINE_DOWN)) == SUPINE_DOWN


def _by_values(which: Organ, kinds: Collection[str]) -> list[tuple[Mapping[str, float], str]]:
    """Return the values of the tissues there are, each once, with the kinds that have them."""
    found: list[tuple[Mapping[str, float], list[str]]] = []
    for kind, values in which.law_values.items():
        title = which.name if kind == "organ" else f"{kind}s"
        same = next((names for known, names in found if known == values), None)
        if kind not in kinds:
            continue
        if same is None:
            found.append((values, [title.capitalize()]))
        else:
            same.append(title)
    return [(values, ", ".join(names)) for values, names in found]


def _valued(name: str, value: float) -> tuple[str, str]:
    """Return a parameter's name for a person, and its value with unit."""
    unit = " kPa" if name.endswith("_kpa") else ""
    return name.removesuffix("_kpa").replace("_", " ").capitalize(), f"{value:g}{unit}"


PAGE = DeformPage
