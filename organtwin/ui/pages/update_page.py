"""Update: what is believed before and after each visit, and how forecasts did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, override

from PySide6.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from organtwin.core.case import Case
from organtwin.core.parameter import Belief
from organtwin.core.twin import Score
from organtwin.ui.deciding import doubt_of
from organtwin.ui.forms import Form, readable
from organtwin.ui.pages.page import Page
from organtwin.ui.pieces import Table, button, card, choice, cleared, pill, side_by_side, words
from organtwin.ui.rail import State
from organtwin.ui.session import Request
from organtwin.ui.theme import colour
from organtwin.ui.tips import tooltip
from organtwin.ui.views.density_plot import DensityPlot
from solvers.contract import Parameter

LEVEL = 0.9
MEMBERS = Parameter(
    "members", "1", 16, 512, "samples of the belief: more is finer and slower", "choose", 64
)


class UpdatePage(Page):
    """Visits seen and unseen, prior and posterior, forecast and observed."""

    name: ClassVar[str] = "update"
    title: ClassVar[str] = "Update"
    picture: ClassVar[str] = "update"
    order: ClassVar[int] = 5
    lead: ClassVar[str] = "Each visit corrects what is believed of the growth."

    @classmethod
    def state(cls, case: Case) -> tuple[State, str]:
        """Done once a visit after the first was taken in."""
        if not case.mesh:
            return "waiting", "make the mesh first"
        updates = max(len(case.twins) - 1, 0)
        return ("done", f"{updates} updates") if updates else ("ready", "no update yet")

    def build(self) -> None:
        """Make the controls."""
        self._plots: list[DensityPlot] = []
        self.body.addWidget(words("VISITS", "section"))
        self._rows = QVBoxLayout()
        self._rows.setSpacing(6)
        self.body.addWidget(card(self._rows))
        self._structure = choice("Tumour whose belief is shown")
        self._structure.activated.connect(lambda _: self._tell_belief())
        self._belief_title = words("BELIEF", "section")
        self.body.addWidget(self._belief_title)
        self._parameters = Table("Prior and posterior", ("Growth", "Prior", "Now"))
        self._densities = QVBoxLayout()
        key = side_by_side(pill("prior"), pill("posterior", "good"))
        self._belief = card(self._structure, self._densities, key)
        self.body.addWidget(self._belief)
        self.body.addWidget(self._parameters)
        self._scores_title = words("FORECAST AGAINST WHAT CAME", "section")
        self._scores = Table("Scores", ("For", "Forecast, mL", "Seen, mL", "Error"))
        self.body.addWidget(self._scores_title)
        self.body.addWidget(self._scores)
        self.body.addWidget(words("SETTINGS", "section"))
        self._form = Form((MEMBERS,), integers=frozenset({"members"}))
        self._hold = QCheckBox("Only &score this visit, do not learn from it")
        self._hold.setAccessibleName("Only score this visit, do not learn from it")
        self._hold.setToolTip("Registers the visit and scores the forecast; the belief stays")
        self.body.addWidget(card(self._form, self._hold))
        self._run = button("&Update", "Take the next visit in", primary=True)
        self._run.clicked.connect(self._update)
        self.actions_row.addStretch(1)
        self.actions_row.addWidget(self._run)

    @override
    def may(self, action: QWidget) -> bool:
        """With a mesh, as long as there is something to take in."""
        case = self.session.case
        return bool(case.mesh) and (not case.twins or self._next() is not None)

    def refresh(self) -> None:
        """Show visits, beliefs and scores."""
        case = self.session.case
        cleared(self._rows)
        for number, visit in enumerate(case.visits):
            self._rows.addLayout(self._visit_row(number, visit))
        self._list_structures()
        self._tell_belief()
        self._tell_scores([self.session.get(score) for score in case.scores])
        following = self._next()
        if not case.twins:
            self._run.setText("&Set the prior belief")
        elif following is None:
            self._run.setText("All visits are in")
        else:
            self._run.setText(f"&Update with day {case.visits[following].day:g}")
        self._hold.setVisible(bool(case.twins) and following is not None)
        self._busy_changed(self.session.busy)

    def _next(self) -> int | None:
        """Return the first visit that no forecast was scored at, None when there is none."""
        case = self.session.case
        judged = {self.session.get(score).day for score in case.scores}
        for number, visit in enumerate(case.visits):
            if number > 0 and not visit.seen and visit.day not in judged:
                return number
        return None

    def _update(self) -> None:
        case = self.session.case
        if not case.twins:
            self.session.do("believe", self._form.values())
            return
        visit = self._next()
        if visit is None:
            return
        steps: list[Request] = []
        if not case.visits[visit].labels:
            steps.append(("segment", {"visit": visit}))
        steps += [("register", {"visit": visit}), ("score", {"visit": visit})]
        if not self._hold.isChecked():
            steps.append(("update", {"visit": visit}))
        self.session.do_all(steps)

    def _visit_row(self, number: int, visit: Any) -> Any:
        judged = {self.session.get(score).day for score in self.session.case.scores}
        doubt = doubt_of(visit, self.session.get(visit.volume).geometry)
        if visit.held:
            state = pill("held", "bad")
        elif visit.seen:
            state = pill("baseline" if number == 0 else "taken in", "good")
        elif visit.day in judged:
            state = pill("scored only", "plain")
        elif not visit.labels:
            state = pill("no labels yet", "plain")
        else:
            state = pill("not yet seen", "warn")
        seen = [self.session.get(o) for o in visit.observations]
        told = "   ".join(f"{o.structure} {o.volume_ml:.1f} mL" for o in seen)
        day = words(f"Day {visit.day:g}", "heading")
        day.setMinimumWidth(56)
        state.setToolTip(tooltip(doubt))
        volumes = words(told, "muted", wrap=True)
        volumes.setToolTip(tooltip(doubt))
        if doubt and not told:
            volumes = words(doubt, "warn", wrap=True)
        return side_by_side(day, volumes, state, stretch=1)

    def _beliefs(self) -> Mapping[str, Sequence[Belief]]:
        found: dict[str, list[Belief]] = {}
        for twin in self.session.case.twins:
            for belief_id in self.session.get(twin).beliefs:
                belief: Belief = self.session.get(belief_id)
                found.setdefault(belief.structure, []).append(belief)
        return found

    def _list_structures(self) -> None:
        names = list(self._beliefs())
        chosen = self._structure.currentText()
        self._structure.clear()
        self._structure.addItems(names)
        if chosen in names:
            self._structure.setCurrentText(chosen)
        for thing in (self._belief_title, self._belief, self._parameters):
            thing.setVisible(bool(names))

    def _tell_belief(self) -> None:
        history = self._beliefs().get(self._structure.currentText(), ())
        cleared(self._densities)
        if not history:
            return
        prior, now = history[0], history[-1]
        self._belief_title.setText(f"BELIEF ON DAY {now.day:g}")
        rows = []
        for name, unit in zip(now.ensemble.parameters, now.ensemble.units, strict=True):
            title = readable(name, unit)
            plot = DensityPlot(title, unit)
            updated = now.ensemble.column(name) if now is not prior else None
            plot.show_samples(prior.ensemble.column(name), updated)
            self._densities.addWidget(plot)
            rows.append((title, *(_said(belief, name) for belief in (prior, now))))
        sources = "\n".join(f"{p.parameter}: {p.source}" for p in prior.priors)
        self._parameters.fill(rows, tips=[sources] * len(rows) if sources else ())

    def _tell_scores(self, scores: Sequence[Score]) -> None:
        for thing in (self._scores, self._scores_title):
            thing.setVisible(bool(scores))
        rows, tips = [], []
        for score in scores:
            rows.append(
                (
                    f"{score.structure}, day {score.day:g}",
                    f"{score.median_ml:.1f} ({score.low_ml:.1f} to {score.high_ml:.1f})",
                    f"{score.observed_ml:.1f}",
                    f"{score.error_percent:+.0f} %",
                )
            )
            held = "inside" if score.covered else "outside"
            tips.append(
                f"Made on day {score.made_on_day:g}; the observed volume is {held} the "
                f"{score.level:.0%} interval; CRPS {score.crps_ml:.2f} mL"
            )
        self._scores.fill(rows, tips)
        for number, score in enumerate(scores):
            item = self._scores.item(number, 2)
            if item is not None:
                item.setForeground(colour("good" if score.covered else "bad"))


def _said(belief: Belief, name: str) -> str:
    column = belief.ensemble.parameters.index(name)
    low, median, high = belief.ensemble.quantiles(LEVEL)[:, column]
    return f"{median:.2g}\n{low:.2g}–{high:.2g}"


PAGE = UpdatePage
