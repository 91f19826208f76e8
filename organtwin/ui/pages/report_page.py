"""Report: pages to read, a package to verify, and the journal of everything done."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, override

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QVBoxLayout, QWidget

from organtwin.core.case import Case
from organtwin.ui.handing import Handing
from organtwin.ui.pages.page import Page
from organtwin.ui.pieces import Table, button, card, cleared, side_by_side, words
from organtwin.ui.rail import State
from organtwin.ui.wording import called, summary_of


class ReportPage(Page):
    """Write the report, export and verify the audit package, read the journal."""

    name: ClassVar[str] = "report"
    title: ClassVar[str] = "Report"
    picture: ClassVar[str] = "report"
    order: ClassVar[int] = 8
    lead: ClassVar[str] = "What was found, from what, and proof that nothing was changed."

    @classmethod
    def state(cls, case: Case) -> tuple[State, str]:
        """Ready once there is something to report."""
        return ("ready", "") if case.visits else ("waiting", "import images first")

    def build(self) -> None:
        """Make the controls."""
        self._folder = ""
        write = button("&Write the report", "HTML and PDF, with pictures", primary=True)
        write.clicked.connect(self._write)
        self._open = button("&Open the report", "Show the report in the browser")
        self._open.clicked.connect(self._open_report)
        self._open_folder = button("Open &folder", "Show where the files lie", picture="folder")
        self._open_folder.clicked.connect(lambda: self._show_file(self._where()))
        self._written = QVBoxLayout()
        self.body.addWidget(words("REPORT", "section"))
        self.body.addWidget(
            card(
                words(
                    "One page with pictures, numbers with units and intervals, and the "
                    "provenance of each. HTML and PDF.",
                    "muted",
                    wrap=True,
                ),
                self._written,
                side_by_side(self._open, self._open_folder),
            )
        )
        self._handing = Handing(self.session)
        self.body.addWidget(words("FOR OTHER SYSTEMS", "section"))
        self.body.addWidget(self._handing)
        export = button("&Export…", "Seal objects, journal and report in one zip", picture="save")
        export.clicked.connect(self._export)
        verify = button("&Verify a package…", "Check every byte of an audit package")
        verify.clicked.connect(self._verify)
        self._verified = QVBoxLayout()
        self.body.addWidget(words("AUDIT PACKAGE", "section"))
        self.body.addWidget(
            card(
                words(
                    "A zip that shows one changed, removed or reordered byte, with its place.",
                    "muted",
                    wrap=True,
                ),
                self._verified,
                side_by_side(export, verify),
            )
        )
        self.body.addWidget(words("JOURNAL", "section"))
        self._journal = Table("Journal of the case", ("Step", "Time"), limit_rows=12)
        self.body.addWidget(self._journal)
        self.actions_row.addStretch(1)
        self.actions_row.addWidget(write)

    def refresh(self) -> None:
        """Show the journal."""
        entries = list(reversed(self.session.entries))
        said = [summary_of(self.session, entry) for entry in entries]
        pairs = list(zip(entries, said, strict=True))
        rows = [
            (f"{e.sequence}  {called(e.done.step)}  {text}", _when(e.time)) for e, text in pairs
        ]
        self._journal.fill(rows, [f"{e.who}: {text}\n{e.link}" for e, text in pairs])
        self._handing.refresh()
        there = (self._where() / "report.html").is_file()
        self._open.setEnabled(there)
        self._open_folder.setEnabled(self._where().is_dir())
        self._busy_changed(self.session.busy)

    @override
    def may(self, action: QWidget) -> bool:
        """With images."""
        return bool(self.session.case.visits)

    def _where(self) -> Path:
        return self.session.folder.path / "report" if self.session.is_open else Path()

    def _write(self) -> None:
        self._say(self._written, "Writing…", "muted")
        asked = {"case": str(self.session.folder.path), "to": str(self._where())}
        self.session.ask("report", asked, self._wrote)

    def _wrote(self, answer: Mapping[str, Any]) -> None:
        names = ", ".join(Path(path).name for path in answer["written"])
        self._say(self._written, f"Written: {names}", "good")
        self.refresh()

    def _export(self) -> None:
        suggested = str(self.session.folder.path.parent / f"{self.session.case.patient}-audit.zip")
        to, _ = QFileDialog.getSaveFileName(self, "Audit package", suggested, "Zip (*.zip)")
        if to:
            self._say(self._verified, "Sealing…", "muted")
            asked = {"case": str(self.session.folder.path), "to": to, "report": str(self._where())}
            self.session.ask("export", asked, self._exported)

    def _exported(self, answer: Mapping[str, Any]) -> None:
        self._say(self._verified, f"Sealed; root {str(answer['root'])[:16]}…", "good")

    def _verify(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Audit package", "", "Zip (*.zip)")
        if path:
            self._say(self._verified, "Verifying…", "muted")
            self.session.ask("verify", {"path": path}, self._told_verified)

    def _told_verified(self, answer: Mapping[str, Any]) -> None:
        self._say(self._verified, f"Nothing was changed: {answer['said']}", "good")

    def _open_report(self) -> None:
        self._show_file(self._where() / "report.html")

    def _show_file(self, path: Path) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))

    def _say(self, where: QVBoxLayout, text: str, role: str) -> None:
        cleared(where)
        where.addWidget(words(text, role, wrap=True))


def _when(time: str) -> str:
    return f"{datetime.fromisoformat(time).astimezone():%d %b %H:%M}"


PAGE = ReportPage
