"""Preview: what a method makes of the seeds so far, found beside the window and not kept."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from PySide6.QtCore import QObject, QTimer, Signal

from organtwin.core.content import decode
from organtwin.core.errors import OrganTwinError
from organtwin.core.labelmap import LabelMap
from organtwin.ui.child import Child
from organtwin.ui.showing import Showing
from organtwin.ui.trouble import Trouble

REST_MS: Final = 6000


class Preview(QObject):
    """One conversation with a process that keeps the image at hand (see `aside.preview`).

    Signals:
        told: one line about the preview.
    """

    told = Signal(str)

    def __init__(self, showing: Showing, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._showing = showing
        self._child: Child | None = None
        self._about: Mapping[str, Any] = {}
        self._next: Mapping[str, Any] | None = None
        self._last: Mapping[str, Any] = {}
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self._settle)
        self.shown = False
        self._asked = self._settling = False

    def prepare(self, method: str, settings: Mapping[str, float]) -> None:
        """Show the labels as they are, and have a process read the image before the first seed."""
        if self._asked:
            self.end()
        self._put_back()
        self._rest.stop()
        self._begin(method, settings)

    def ask(self, method: str, settings: Mapping[str, float], seeds: Mapping[str, Any]) -> None:
        """Ask for what a method makes of some seeds; while it works only the last is kept."""
        self._begin(method, settings)
        if self._child is None:
            return
        self._next = self._last = {"seeds": seeds}
        self._rest.stop()
        if not self._asked or self._settling:
            self._go_on()

    def _begin(self, method: str, settings: Mapping[str, float]) -> None:
        """Have a process for a method on the visit shown, unless there is one."""
        showing, visit = self._showing, self._showing.shown_visit
        if visit is None:
            return
        folder = showing.session.folder
        about = {
            "objects": str(folder.objects.root),
            "volume": visit.volume,
            "labels": visit.labels,
            "organ": showing.session.case.organ,
            "method": method,
            "settings": dict(settings),
            "out": str(folder.jobs / "preview.labels"),
        }
        if about != self._about:
            self.end()
        if self._child is None:
            self._about = about
            self._child = showing.session.ask("preview", about, told=self._take)
            self._child.ended.connect(self._ended)
            self._child.progress.connect(self._tell_progress)

    def end(self) -> None:
        """Show the labels as they are again, and let the process go."""
        child, self._child = self._child, None
        if self._asked or self.shown:
            self.told.emit("")
        self._about, self._next, self._asked = {}, None, False
        self._rest.stop()
        if child is not None:
            child.ended.disconnect(self._ended)
            child.stop()
        self._put_back()

    def _put_back(self) -> None:
        if self.shown:
            self.shown = False
            self._showing.show_preview(None)

    def _go_on(self) -> None:
        said, self._next = self._next, None
        self._asked = said is not None
        if said is not None and self._child is not None:
            self._settling = "afresh" in said
            self.told.emit("Looking…")
            self._child.say(said)

    def _tell_progress(self, fraction: float, message: str) -> None:
        """Say how far it is, also once it was left for other seeds and began anew."""
        del message
        if self._asked:
            self.told.emit(f"Looking… {100.0 * fraction:.0f} %")

    def _take(self, part: Mapping[str, Any]) -> None:
        if self._child is None:
            return
        if part["part"] == "refused":
            self.told.emit(str(part["what"]))
        elif part["part"] == "found":
            self._show(Path(part["out"]), part)
        elif part["part"] == "idle":
            self._showing.session.whispered.emit(0.0, "Ready")
            self._go_on()

    def _show(self, path: Path, part: Mapping[str, Any]) -> None:
        try:
            labels: LabelMap = decode(path.read_bytes())
        except (OSError, OrganTwinError) as error:
            self._showing.session.failed.emit(Trouble.of(error, "preview"))
            return
        self.shown = True
        self._showing.show_preview(labels)
        if part["grown_on"]:
            self._rest.start()
        names = ", ".join(f"{name} {ml:.1f} mL" for name, ml in part["volumes_ml"].items())
        self.told.emit(f"Preview, not kept: {names} ({part['took_s']:.1f} s)")

    def _settle(self) -> None:
        """Have it found afresh, as the step will find it: growing on may differ a little."""
        if self._child is not None and not self._asked:
            self._next = {**self._last, "afresh": True}
            self._go_on()

    def _ended(self, *_: object) -> None:
        self._child = None
        self._about, self._asked = {}, False
