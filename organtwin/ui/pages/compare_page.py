"""Compare: draw up scenarios, see them side by side with their numbers, record a decision."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from organtwin.actions import action_kinds
from organtwin.core.case import Case
from organtwin.core.labelmap import LabelMap
from organtwin.core.scenario import Action, Comparison, Scenario
from organtwin.ui.pages.action_card import ActionList
from organtwin.ui.pages.page import Page
from organtwin.ui.pieces import button, card, choice, cleared, pill, side_by_side, tool, words
from organtwin.ui.plans import as_json, plane_of, scene_of
from organtwin.ui.rail import State
from organtwin.ui.session import Request
from organtwin.ui.views.plan_pictures import PlanPictures
from organtwin.ui.wording import in_window

SETTLED_MS = 900
"""How long after the last change of a number a plan is kept in the journal."""


class ComparePage(Page):
    """Scenarios with forms made of the kinds of action; views, table, decision."""

    name: ClassVar[str] = "compare"
    title: ClassVar[str] = "Compare"
    picture: ClassVar[str] = "compare"
    order: ClassVar[int] = 7
    lead: ClassVar[str] = "What each plan removes, spares and leads to."

    @classmethod
    def state(cls, case: Case) -> tuple[State, str]:
        """Done once the scenarios were compared."""
        if not case.twins:
            return "waiting", "set the belief first"
        return ("done", "compared") if case.comparison else ("ready", "not compared yet")

    def pictures(self) -> QWidget:
        """Return views and table."""
        if not hasattr(self, "_pictures"):
            self._pictures = PlanPictures()
        return self._pictures

    def build(self) -> None:
        """Make the controls."""
        self.pictures()
        self._plan: tuple[Scenario, ...] = ()
        self._keep = QTimer(self, singleShot=True, interval=SETTLED_MS)
        self._keep.timeout.connect(self._save)
        self._scenarios = choice("Scenario edited")
        self._scenarios.activated.connect(lambda _: self._show_scenario())
        add = tool("plus", "Add a scenario")
        add.clicked.connect(self._add_scenario)
        self._drop = tool("minus", "Remove this scenario")
        self._drop.clicked.connect(self._remove_scenario)
        self.body.addWidget(words("SCENARIO", "section"))
        self.body.addLayout(side_by_side(self._scenarios, add, self._drop, stretch=0))
        self._name = QLineEdit()
        self._name.setAccessibleName("Name of the scenario")
        self._name.editingFinished.connect(self._renamed)
        self._name_row = card(side_by_side(words("Name"), self._name, stretch=1))
        self.body.addWidget(self._name_row)
        self._none = words("No scenario yet: let three be suggested, or add one.", "", wrap=True)
        self.body.addWidget(self._none)
        self._actions = ActionList(lambda: self.showing.viewing.cursor_mm.tolist())
        self._actions.edited.connect(self._edited)
        self._actions.reshaped.connect(self._reshaped)
        self.body.addWidget(self._actions)
        self._warnings = QVBoxLayout()
        self.body.addLayout(self._warnings)
        self.body.addWidget(self._decision_card())
        self.showing.scene_changed.connect(self._draw_when_seen)
        self._suggest = button("&Suggest", "Draw up three scenarios: resect, ablate, wait")
        self._suggest.clicked.connect(lambda: self.session.do("plan"))
        self._run = button("&Compare", "Simulate every scenario and compare", primary=True)
        self._run.clicked.connect(self._compare)
        self.actions_row.addWidget(self._suggest)
        self.actions_row.addStretch(1)
        self.actions_row.addWidget(self._run)

    def _decision_card(self) -> QWidget:
        self._choice = choice("Scenario decided for")
        self._reason = QLineEdit()
        self._reason.setAccessibleName("Reason of the decision")
        self._reason.setPlaceholderText("Why")
        self._reason.textChanged.connect(lambda _: self._follow_decision())
        self._decide = button("&Record the decision", "Goes into the journal with your name")
        self._decide.clicked.connect(self._record)
        self._decided = QVBoxLayout()
        self._decision = card(
            words("DECISION", "section"), self._choice, self._reason, self._decide, self._decided
        )
        return self._decision

    def may(self, action: QWidget) -> bool:
        """Suggest with labels; compare with a twin and scenarios."""
        case = self.session.case
        if action is self._suggest:
            return bool(case.visits and case.visits[0].labels)
        return bool(case.twins and self._plan)

    def refresh(self) -> None:
        """Show the case's scenarios; a plan being edited stays as it is."""
        kept = tuple(self.session.get(s) for s in self.session.case.scenarios)
        if kept != self._plan and not self._keep.isActive():
            chosen = self._index
            self._plan = kept
            self._scenarios.clear()
            self._scenarios.addItems([scenario.name for scenario in kept])
            if kept:
                self._scenarios.setCurrentIndex(min(max(chosen, 0), len(kept) - 1))
            self._show_scenario()
        elif not kept:
            self._show_scenario()
        self._show_numbers()
        self._show_decisions()
        self._draw()
        self._busy_changed(self.session.busy)

    def left(self) -> None:
        """Keep what was changed last."""
        if self._keep.isActive():
            self._save()

    # -- editing --------------------------------------------------------------------------------

    @property
    def _index(self) -> int:
        return self._scenarios.currentIndex()

    def _show_scenario(self) -> None:
        there = 0 <= self._index < len(self._plan)
        for thing in (self._name_row, self._actions, self._drop):
            thing.setVisible(there)
        self._none.setVisible(not there)
        if there:
            scenario = self._plan[self._index]
            self._name.setText(scenario.name)
            self._actions.show_actions(scenario.actions, scenario.day)
        self._draw()

    def _edited(self) -> None:
        """Take the forms' values over; draw now, keep when settled."""
        if 0 <= self._index < len(self._plan):
            self._set_scenario(
                replace(self._plan[self._index], actions=self._actions.actions_made())
            )
            self._draw()
            self._keep.start()

    def _reshaped(self) -> None:
        self._edited()
        self._save()

    def _set_scenario(self, scenario: Scenario) -> None:
        plan = list(self._plan)
        plan[self._index] = scenario
        self._plan = tuple(plan)

    def _save(self) -> None:
        self._keep.stop()
        if self.session.busy:
            self._keep.start()
            return
        self.session.do("plan", {"scenarios": [as_json(s) for s in self._plan]})

    def _add_scenario(self) -> None:
        day = max((v.day for v in self.session.case.visits if v.seen), default=0.0)
        names = {s.name for s in self._plan}
        number = next(n for n in range(1, 1000) if f"scenario {n}" not in names)
        made = Scenario(f"scenario {number}", day, (Action("wait", day, {}),))
        self._plan = (*self._plan, made)
        self._scenarios.addItem(made.name)
        self._scenarios.setCurrentIndex(len(self._plan) - 1)
        self._save()

    def _remove_scenario(self) -> None:
        kept = [s for number, s in enumerate(self._plan) if number != self._index]
        if kept:
            self._plan = tuple(kept)
            self._save()

    def _renamed(self) -> None:
        name = self._name.text().strip()
        if 0 <= self._index < len(self._plan) and name and name != self._plan[self._index].name:
            self._set_scenario(replace(self._plan[self._index], name=name))
            self._save()

    def _plane_dragged(self, point: Any, normal: Any) -> None:
        for each in self._actions.cards:
            if {"point_mm", "normal"} <= set(each.form.fields):
                each.set_arguments(
                    point_mm=np.round(point, 1).tolist(), normal=np.round(normal, 3).tolist()
                )
                self._edited()
                return

    # -- showing --------------------------------------------------------------------------------

    def _draw(self) -> None:
        labels_id = self.showing.planning_labels()
        structures = self.showing.structures(labels_id)
        views = self._pictures.views
        if not structures.layers or not self._plan:
            views.show_scenes((), ())
            return
        labels: LabelMap = self.session.get(labels_id)
        scenes = [scene_of(s, structures, labels) for s in self._plan]
        views.show_scenes(scenes, [_caption(s) for s in self._plan])
        for number, view in enumerate(views.views[: len(scenes)]):
            action = plane_of(self._plan[number])
            edited = number == self._index and action is not None
            if edited and action is not None:
                view.set_plane(action.arguments["point_mm"], action.arguments["normal"])
            else:
                view.set_plane(None)
            if not view.property("joined"):
                view.setProperty("joined", True)
                view.plane_moved.connect(self._plane_dragged)

    def _draw_when_seen(self) -> None:
        if self.isVisible():
            self._draw()

    def _show_numbers(self) -> None:
        case = self.session.case
        there = bool(case.comparison)
        comparison: Comparison | None = self.session.get(case.comparison) if there else None
        self._pictures.show_table(comparison)
        cleared(self._warnings)
        outcomes = comparison.outcomes if comparison is not None else ()
        for outcome in outcomes:
            if outcome.warnings:
                rows = [self._warning(warning) for warning in outcome.warnings]
                title = words(outcome.scenario.name.capitalize(), "heading")
                self._warnings.addWidget(card(title, *rows, tone="warn"))

    def _warning(self, text: str) -> QWidget:
        said = in_window(text, self.session.case.visits)
        return words(f"• {said}", "", wrap=True)

    def _show_decisions(self) -> None:
        self._decision.setVisible(bool(self.session.case.comparison))
        self._choice.clear()
        self._choice.addItems([s.name for s in self._plan])
        cleared(self._decided)
        for decision_id in self.session.case.decisions:
            decision = self.session.get(decision_id)
            self._decided.addWidget(pill(f"{decision.scenario}", "good"))
            self._decided.addWidget(words(f"{decision.who}: {decision.reason}", "muted", wrap=True))
        self._follow_decision()

    def _follow_decision(self) -> None:
        self._decide.setEnabled(bool(self._reason.text().strip()) and not self.session.busy)

    def _compare(self) -> None:
        self._keep.stop()
        steps: list[Request] = []
        kept = tuple(self.session.get(s) for s in self.session.case.scenarios)
        if kept != self._plan:
            steps.append(("plan", {"scenarios": [as_json(s) for s in self._plan]}))
        self.session.do_all([*steps, ("compare", {})])

    def _record(self) -> None:
        who = self.session.folder.who
        reason = self._reason.text().strip()
        asked = {"scenario": self._choice.currentText(), "reason": reason, "who": who}
        if self.session.do("decide", asked):
            self._reason.clear()


def _caption(scenario: Scenario) -> str:
    kinds = action_kinds()
    done = "; ".join(f"{kinds[a.kind].title} on day {a.day:g}" for a in scenario.actions)
    return done or "Nothing is done"


PAGE = ComparePage
