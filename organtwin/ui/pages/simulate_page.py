"""Simulate: load the organ or let a tumour grow, and see it."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QSlider, QWidget

from organtwin.core.case import Case
from organtwin.core.scenario import Scenario
from organtwin.core.simulation import Simulation
from organtwin.ui.fields import deformed, grown, mean_displacement
from organtwin.ui.forms import Form
from organtwin.ui.pages.action_card import ActionList
from organtwin.ui.pages.page import Page
from organtwin.ui.pieces import Table, button, card, choice, line, words
from organtwin.ui.plans import as_json
from organtwin.ui.rail import State
from organtwin.ui.scene import Scene
from solvers.contract import Parameter

POSITIONS = (
    ("Tilted 30° to the left", (0.5, 0.866, 0.0)),
    ("On the left side", (1.0, 0.0, 0.0)),
    ("On the right side", (-1.0, 0.0, 0.0)),
    ("Face down", (0.0, -1.0, 0.0)),
    ("Standing", (0.0, 0.0, -1.0)),
    ("On the back (as scanned)", (0.0, 1.0, 0.0)),
)
"""How the patient lies → the direction of gravity, LPS."""
PRESSURE = Parameter(
    "pressure_kpa",
    "kPa",
    -4.0,
    4.0,
    "pressure on the organ beyond that of the scan (pneumoperitoneum 12 mmHg: 1.6 kPa)",
    "the plan",
    0.0,
)
PATCH = (
    Parameter("radius_mm", "mm", 1.0, 100.0, "of the patch around the crosshair", "the plan", 25.0),
    Parameter("by_mm", "mm", -50.0, 50.0, "how far the patch is moved, LPS", "the plan"),
)
UNTIL = Parameter("until_day", "day", 1.0, 1825.0, "last day, from the baseline", "choose", 180.0)
DOWN = Parameter("down", "1", -1.0, 1.0, "direction of gravity, LPS", "the plan")


class SimulatePage(Page):
    """A form for loads, the list of simulations, and the chosen one in 3D."""

    name: ClassVar[str] = "simulate"
    title: ClassVar[str] = "Simulate"
    picture: ClassVar[str] = "simulate"
    order: ClassVar[int] = 6
    lead: ClassVar[str] = "Turn the patient, or look at how a tumour is expected to grow."

    @classmethod
    def state(cls, case: Case) -> tuple[State, str]:
        """Done once something was simulated by hand."""
        if not case.mesh:
            return "waiting", "make the mesh first"
        count = len(case.simulations)
        return ("done", f"{count} simulations") if count else ("ready", "no simulation yet")

    def build(self) -> None:
        """Make the controls."""
        self.body.addWidget(words("RESULTS", "section"))
        self._list = choice("Simulation shown")
        self._list.activated.connect(lambda _: self._draw())
        self._day = QSlider(Qt.Orientation.Horizontal)
        self._day.setAccessibleName("Day shown")
        self._day.valueChanged.connect(lambda _: self._draw())
        self._day_said = words("", "muted")
        self._none = words("Nothing simulated yet.", "muted")
        self._numbers = Table("Numbers of the simulation", ("Number", "Value"))
        self._result = card(self._none, self._list, self._day, self._day_said)
        self.body.addWidget(self._result)
        self.body.addWidget(self._numbers)
        self.body.addWidget(words("DEFORMATION", "section"))
        self._form = Form(())
        choices = [(str(number), name) for number, (name, _) in enumerate(POSITIONS)]
        position = self._form.add_choice("position", "Patient lies", choices)
        position.currentIndexChanged.connect(self._position_changed)
        self._form.add_parameter(DOWN, vector=True)
        self._form.add_parameter(PRESSURE)
        self._push = QCheckBox("&Push the surface at the crosshair")
        self._push.setAccessibleName("Push the surface at the crosshair")
        self._patch = Form(PATCH, frozenset({"by_mm"}))
        self._patch.set_values({"by_mm": (0.0, 5.0, 0.0)})
        self._patch.hide()
        self._push.toggled.connect(self._patch.setVisible)
        self.body.addWidget(card(self._form, line(), self._push, self._patch))
        self._position_changed()
        self.body.addWidget(words("GROWTH", "section"))
        self._until = Form((UNTIL,))
        self._actions = ActionList(lambda: self.showing.viewing.cursor_mm.tolist())
        self.body.addWidget(card(self._until))
        self.body.addWidget(self._actions)
        self._grow = button("&Grow the tumours", "From the latest belief, with these actions")
        self._grow.clicked.connect(self._start_growth)
        self._run = button("&Deform the organ", "Solve for the new load", primary=True)
        self._run.clicked.connect(self._deform)
        self.actions_row.addWidget(self._grow)
        self.actions_row.addStretch(1)
        self.actions_row.addWidget(self._run)

    def may(self, action: QWidget) -> bool:
        """Deform with a mesh; grow with a belief."""
        case = self.session.case
        return bool(case.twins) if action is self._grow else bool(case.mesh)

    def refresh(self) -> None:
        """List what was simulated, newest first."""
        chosen = self._list.currentData()
        self._list.clear()
        for object_id, title in self._simulations():
            self._list.addItem(title, object_id)
        where = self._list.findData(chosen)
        self._list.setCurrentIndex(max(where, 0) if self._list.count() else -1)
        self._draw()
        self._busy_changed(self.session.busy)

    def left(self) -> None:
        """Take the simulation away."""
        self.showing.add(Scene())

    def _simulations(self) -> list[tuple[str, str]]:
        case = self.session.case
        found = [(i, self._title(self.session.get(i), "")) for i in reversed(case.simulations)]
        for twin_id in reversed(case.twins):
            twin = self.session.get(twin_id)
            for object_id in twin.simulations:
                told = f", belief of day {twin.day:g}"
                found.append((object_id, self._title(self.session.get(object_id), told)))
        return found

    def _title(self, simulation: Simulation, told: str) -> str:
        if simulation.kind == "deformation":
            top = float(np.linalg.norm(mean_displacement(simulation), axis=1).max())
            return f"Deformation, up to {top:.1f} mm"
        return f"Growth of {simulation.structure}{told}"

    def _position_changed(self, _: int = 0) -> None:
        chosen = self._form.values()["position"]
        self._form.set_values({"down": POSITIONS[int(chosen)][1]})

    def _deform(self) -> None:
        values = self._form.values()
        asked = {"down": values["down"], "pressure_kpa": values["pressure_kpa"]}
        if self._push.isChecked():
            place = [float(v) for v in self.showing.viewing.cursor_mm]
            asked["push"] = {"at_mm": place, **self._patch.values()}
        self.session.do("deform", asked)

    def _start_growth(self) -> None:
        made = Scenario("grow", 0.0, self._actions.actions_made())
        asked = {"actions": as_json(made)["actions"], **self._until.values()}
        self.session.do("grow", asked)

    def _draw(self) -> None:
        object_id = self._list.currentData()
        there = bool(object_id)
        self._none.setVisible(not there)
        self._list.setVisible(there)
        self._numbers.setVisible(there)
        simulation: Simulation | None = self.session.get(object_id) if there else None
        growth = simulation is not None and simulation.kind == "tumour"
        self._day.setVisible(growth)
        self._day_said.setVisible(growth)
        if simulation is None:
            self.showing.add(Scene())
        elif growth:
            self._draw_growth(simulation)
        else:
            self._draw_deformation(simulation)

    def _draw_deformation(self, simulation: Simulation) -> None:
        mesh = self.session.get(self.session.case.mesh)
        names = frozenset(layer.name for layer in self.showing.shown_structures().layers)
        self.showing.add(deformed(simulation, mesh, self.session.case.organ), names)
        length = np.linalg.norm(mean_displacement(simulation), axis=1)
        rows = [
            ("Largest displacement", f"{length.max():.2f} mm"),
            ("Median displacement", f"{np.median(length):.2f} mm"),
        ]
        self._numbers.fill(rows + _numbers(simulation))

    def _draw_growth(self, simulation: Simulation) -> None:
        last = len(simulation.days) - 1
        if self._day.maximum() != last:
            self._day.blockSignals(True)
            self._day.setRange(0, last)
            self._day.setValue(last)
            self._day.blockSignals(False)
        number = self._day.value()
        volumes = np.asarray(simulation.quantities["volume_ml"])[:, number]
        low, median, high = np.quantile(volumes, [0.05, 0.5, 0.95])
        day = float(simulation.days[number])
        self._day_said.setText(f"Day {day:g}: {median:.1f} mL (90 %: {low:.1f} to {high:.1f})")
        hidden = frozenset(
            layer.name
            for layer in self.showing.shown_structures().layers
            if layer.name.endswith(f"/{simulation.structure}")
        )
        self.showing.add(grown(simulation, number), hidden)
        self._numbers.fill(_numbers(simulation))


def _numbers(simulation: Simulation) -> list[tuple[str, Any]]:
    rows = []
    for name, value in simulation.numbers.items():
        title = name.replace("_", " ")
        whole = float(value).is_integer() or abs(value) >= 1000
        text = f"{value:,.0f}".replace(",", " ") if whole else f"{value:.3g}"
        rows.append((title[:1].upper() + title[1:], text))
    return rows


PAGE = SimulatePage
