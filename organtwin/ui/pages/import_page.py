"""Import: a place of anything is looked through; what is chosen of it becomes visits."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import ClassVar

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QLineEdit, QVBoxLayout, QWidget

from organtwin.core.case import Case
from organtwin.ui.browser import Browser
from organtwin.ui.choosing import RULE, misfit, problem
from organtwin.ui.deciding import geometry_card, identity_card
from organtwin.ui.pages.page import Page
from organtwin.ui.pieces import Table, button, card, cleared, words
from organtwin.ui.rail import State

FILES = "Zip, DICOMDIR, DICOM, NIfTI or NRRD (*)"


class ImportPage(Page):
    """Look through a place, choose series, decide on what is in doubt.

    Without a case it only looks; `make_asked` tells the pseudonym to make a case for.
    """

    make_asked = Signal(str)
    name: ClassVar[str] = "import"
    title: ClassVar[str] = "Import"
    picture: ClassVar[str] = "import"
    order: ClassVar[int] = 1
    lead: ClassVar[str] = "Images of one patient, one series for each visit."

    @classmethod
    def state(cls, case: Case) -> tuple[State, str]:
        """Done once there is a visit and no doubt whose it is."""
        held = sum(bool(visit.held) for visit in case.visits)
        if held:
            return "ready", f"{held} held: perhaps another patient"
        if not case.visits:
            return "ready", "no images yet"
        count = len(case.visits)
        return "done", f"{count} visit{'s' * (count != 1)}"

    @cached_property
    def browser(self) -> Browser:
        """What was found in the place looked at."""
        made = Browser(self.session)
        made.changed.connect(self._found_changed)
        made.closed.connect(made.close_place)
        return made

    def pictures(self) -> QWidget | None:
        """Return the browser while there is something in it, or nothing else to show."""
        wanted = self.browser.is_looking or not self.session.case.visits
        return self.browser if wanted else None

    @property
    def with_timeline(self) -> bool:
        """Whether the timeline is of use: not beside the browser."""
        return self.pictures() is None

    def build(self) -> None:
        """Make the controls."""
        self._visits_title = words("VISITS OF THIS CASE", "section")
        self._visits = Table("Visits of this case", ("Visit", "Date", "Geometry"))
        self.body.addWidget(self._visits_title)
        self.body.addWidget(self._visits)
        self._doubts, self._choice = QVBoxLayout(), QVBoxLayout()
        for layout in (self._doubts, self._choice):
            layout.setSpacing(8)
            self.body.addLayout(layout)
        self._pseudonym = QLineEdit()
        self._pseudonym.setPlaceholderText("Pseudonym: no name, no birth date")
        self._pseudonym.setAccessibleName("Pseudonym of the patient of a new case")
        self._pseudonym.textChanged.connect(lambda _: self._busy_changed(self.session.busy))
        self._case_card = card(
            words("Only looking", "heading"),
            words("Nothing of this is stored. To measure it, make a case:", "muted", wrap=True),
            self._pseudonym,
        )
        self.body.addWidget(self._case_card)
        folder = button("&Folder…", "Look through a folder; nothing is changed", picture="folder")
        folder.clicked.connect(self._choose_folder)
        file = button("F&ile…", "Look into a zip, a DICOMDIR or a file; nothing is changed")
        file.clicked.connect(self._choose_file)
        self._take = button(
            "&Import chosen", "Read the chosen series and add a visit for each", primary=True
        )
        self._take.clicked.connect(self._import)
        self.actions_row.addWidget(folder)
        self.actions_row.addWidget(file)
        self.actions_row.addStretch(1)
        self.actions_row.addWidget(self._take)
        self.session.done.connect(self._done)

    def refresh(self) -> None:
        """Show the visits of the case, what is in doubt of them, and what is chosen."""
        self._case_card.setVisible(not self.session.is_open)
        self._take.setText("&Import chosen" if self.session.is_open else "&Make a case")
        self._show_visits()
        self.browser.follow_dates(self._dates())
        self._show_choice()
        self._busy_changed(self.session.busy)
        self.pictures_changed.emit()

    def may(self, action: QWidget) -> bool:
        """Import only what can be, and make a case only with a pseudonym."""
        if action is not self._take:
            return True
        named = self.session.is_open or bool(self._pseudonym.text().strip())
        return named and not self._problem()

    def scan(self, path: str) -> None:
        """Look through a folder, zip, DICOMDIR or file."""
        self.browser.look(Path(path), self._dates())

    def import_chosen(self) -> None:
        """Add a visit for each chosen series."""
        chosen = [self.browser.series(key) for key in self.browser.chosen]
        asked = {
            "path": str(self.browser.path),
            "series": [series.key for series in chosen],
            "modality": chosen[0].modality,
        }
        if any(series.stated for series in chosen):
            asked["taken_as"] = chosen[0].modality
        self.session.do("import", asked)

    def _dates(self) -> tuple[str, ...]:
        visits = self.session.case.visits
        return tuple(v.acquired.isoformat() if v.acquired else "" for v in visits)

    def _problem(self) -> str:
        return problem(self.browser.listed, self.browser.chosen, self._dates())

    def _show_visits(self) -> None:
        rows, tips = [], []
        cleared(self._doubts)
        for number, visit in enumerate(self.session.case.visits):
            volume = self.session.get(visit.volume)
            grade = volume.geometry.grade
            spacing = " × ".join(f"{s:.2g}" for s in volume.spacing_mm)
            date = visit.acquired.isoformat() if visit.acquired else "none"
            rows.append((f"Day {visit.day:g}", date, f"{grade}, held" if visit.held else grade))
            size = " × ".join(map(str, volume.voxels.shape))
            tip = (f"{size} voxels of {spacing} mm", volume.geometry.consequence)
            tips.append("\n".join([*tip, *volume.geometry.findings]))
            if visit.held:
                self._doubts.addWidget(identity_card(self.session, number, visit))
            if grade == "withheld":
                made = geometry_card(self.session, number, visit, volume.geometry)
                self._doubts.addWidget(made)
        self._visits.fill(rows, tips)
        for thing in (self._visits, self._visits_title):
            thing.setVisible(bool(rows))

    def _show_choice(self) -> None:
        cleared(self._choice)
        if not self.browser.listed:
            return
        self._choice.addWidget(words("CHOSEN", "section"))
        by_key = {s.key: s for s in self.browser.listed}
        chosen = sorted((by_key[k] for k in self.browser.chosen), key=lambda s: s.acquired)
        lines = [words(f"{s.acquired or 'No date'}  {s.title}", wrap=True) for s in chosen]
        organ = self.session.case.organ
        said = [self.browser.notice, *dict.fromkeys(misfit(s, organ) for s in chosen)]
        said.append(self._problem() if chosen or not self.browser.notice else "")
        lines += [words(text, "warn", wrap=True) for text in said if text]
        self._choice.addWidget(card(*lines))
        self._choice.addWidget(words(RULE, "muted", wrap=True))

    def _found_changed(self) -> None:
        if self._built:
            self._show_choice()
            self._busy_changed(self.session.busy)
        self.pictures_changed.emit()

    def _choose_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "A folder of images")
        if chosen:
            self.scan(chosen)

    def _choose_file(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, "A zip, a DICOMDIR or an image", "", FILES)
        if chosen:
            self.scan(chosen)

    def _import(self) -> None:
        if self.session.is_open:
            self.import_chosen()
        else:
            self.make_asked.emit(self._pseudonym.text().strip())

    def _done(self, step: str, _: str) -> None:
        if step == "import" and self.browser.is_looking:
            self.browser.close_place()


PAGE = ImportPage
