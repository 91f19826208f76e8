"""Session: the one door to work; no page starts a process, opens a file of a case or undoes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QThreadPool, Signal

from organtwin.casefolder import CaseFolder
from organtwin.core.case import Case
from organtwin.core.errors import Missing, OrganTwinError
from organtwin.core.journal import Done, JournalEntry
from organtwin.core.watch import Watch
from organtwin.pipeline import is_quick, run_step
from organtwin.ui.child import Child
from organtwin.ui.fetch import Kept, slow
from organtwin.ui.leftovers import Objects, objects_in, remove_since
from organtwin.ui.trouble import Trouble
from organtwin.ui.wording import called

Request = tuple[str, Mapping[str, Any]]


class Session(QObject):
    """A case open in the window, and at most one step under way.

    Signals:
        case_changed: the Case is another one (a step, undo, redo, open, close).
        progress: fraction 0..1 and one line of the step under way.
        whispered: the same of what changes no case, "Ready" at its end.
        said: one line for the person at work.
        busy_changed: a step began or the last one ended.
        done: name of the step that ended well, and its summary.
        failed: a Trouble.
    """

    case_changed = Signal()
    progress = Signal(float, str)
    whispered = Signal(float, str)
    said = Signal(str)
    busy_changed = Signal(bool)
    done = Signal(str, str)
    failed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._folder: CaseFolder | None = None
        self._child: Child | None = None
        self._recording = False
        self._questions: list[Child] = []
        self.foresee: Callable[[Case], Sequence[str]] = lambda _: ()
        self._waiting: list[Request] = []
        self._kept = Kept()
        self._before: Objects = frozenset()
        self.step = ""

    # -- the case -------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether a case is open."""
        return self._folder is not None

    @property
    def folder(self) -> CaseFolder:
        """The case folder; raises Missing when none is open."""
        if self._folder is None:
            raise Missing("no case is open", advice="open or make one first")
        return self._folder

    @property
    def case(self) -> Case:
        """The Case as it stands; an empty one when none is open."""
        return self._folder.case if self._folder is not None else Case("")

    @property
    def entries(self) -> Sequence[JournalEntry]:
        """The journal, oldest first."""
        return self._folder.entries if self._folder is not None else ()

    def get(self, object_id: str) -> Any:
        """Return an object of the case; the last few stay in memory."""
        return self._kept.get(self.folder.get, object_id)

    def fetch(self, ids: Sequence[str], then: Callable[[], None]) -> None:
        """Bring objects into memory without holding up the window, then call `then`."""
        folder = self._folder
        if folder is None:
            then()
            return
        self._kept.fetch(folder.get, ids, lambda: then() if self._folder is folder else None)

    def open(self, path: Path) -> bool:
        """Open a case; returns whether it could, else `failed` says why."""
        return self._take(lambda: CaseFolder.open(path))

    def create(self, path: Path, patient: str) -> bool:
        """Make a case in an empty folder; returns whether it could."""
        return self._take(lambda: CaseFolder.create(path, Case(patient)))

    def close(self) -> None:
        """End what runs and let the case go."""
        self._waiting.clear()
        for child in (*self._questions, *([self._child] if self._child else [])):
            child.end_now()
        QThreadPool.globalInstance().waitForDone()
        if self._folder is not None:
            self._folder.close()
        self._folder = None
        self._recording = False
        self._kept.clear()

    # -- steps ----------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether a step is under way."""
        return self._child is not None or self._recording

    def do(self, step: str, arguments: Mapping[str, Any] | None = None) -> bool:
        """Run a step of the pipeline; returns False (and says why) when it cannot begin."""
        return self.do_all([(step, arguments or {})])

    def do_all(self, requests: Sequence[Request]) -> bool:
        """Run steps one after another; the first that fails ends the row."""
        if self.busy or not self.is_open:
            what = f"{self.step} is still under way" if self.busy else "no case is open"
            advice = "wait for it or stop it" if self.busy else "open or make one first"
            self.failed.emit(Trouble("Missing", what, advice=advice))
            return False
        self._waiting = list(requests)
        self._next()
        return True

    def cancel(self) -> None:
        """Stop the step under way; the case stays as it is."""
        self._waiting.clear()
        if self._child is not None:
            self.progress.emit(0.0, "Stopping…")
            self._child.stop()

    def ask(
        self,
        question: str,
        arguments: Mapping[str, Any],
        answered: Callable[[Any], None] = lambda _: None,
        *,
        told: Callable[[Any], None] | None = None,
    ) -> Child:
        """Ask what changes no case (see `organtwin.ui.aside`), in a process of its own.

        With `told` it is a conversation: `told` gets its parts, `Child.say` asks for more.
        """
        child = Child("organtwin.ui.aside", [], self)
        self._questions.append(child)

        def over(answer: Mapping[str, Any], log: str, stopped: bool) -> None:
            self._questions.remove(child)
            child.deleteLater()
            self._whisper(0.0, "Ready")
            if "error" in answer and not stopped:
                self.failed.emit(Trouble.from_child(answer, question, log))
            elif not stopped:
                answered(answer)

        child.progress.connect(self._whisper)
        child.ended.connect(over)
        if told is not None:
            child.told.connect(told)
        child.start({"question": question, **arguments}, talk=told is not None)
        return child

    def record(self, done: Mapping[str, Any]) -> None:
        """Journal what was done beside the steps and changes nothing in the Case: an export."""
        self._travel(lambda: self._append(self.case, done))

    # -- undo -----------------------------------------------------------------------------------

    @property
    def can_undo(self) -> bool:
        """Whether there is an earlier Case to go back to."""
        return self._folder is not None and not self.busy and self._folder.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether something was undone last."""
        return self._folder is not None and not self.busy and self._folder.can_redo

    def undo(self) -> None:
        """Go back by one step."""
        self._travel(lambda: self.folder.undo())

    def redo(self) -> None:
        """Go forward by one step."""
        self._travel(lambda: self.folder.redo())

    # -- inside ---------------------------------------------------------------------------------

    def _take(self, opened: Callable[[], CaseFolder]) -> bool:
        if self.busy:
            self.cancel()
        before = self._folder
        try:
            folder = opened()
        except (OrganTwinError, OSError) as error:
            self.failed.emit(Trouble.of(error, "open"))
            return False
        if before is not None:
            before.close()
        self._folder = folder
        self._kept.clear()
        self.fetch(slow(folder.objects, self.foresee(folder.case)), self.case_changed.emit)
        return True

    def _travel(self, move: Callable[[], JournalEntry]) -> None:
        try:
            entry = move()
        except OrganTwinError as error:
            self.failed.emit(Trouble.of(error))
            return
        self.case_changed.emit()
        self.done.emit(entry.done.step, entry.done.summary)

    def _whisper(self, fraction: float, message: str) -> None:
        """Tell how far a question is, unless a step has the word."""
        if not self.busy:
            self.whispered.emit(fraction, message)

    def _next(self) -> None:
        step, arguments = self._waiting.pop(0)
        self.step = step
        if is_quick(step, arguments):
            self._do_here(step, arguments)
            return
        self._child = child = Child("organtwin.step", [str(self.folder.path)], self)
        child.progress.connect(self.progress)
        child.ended.connect(self._step_over)
        self.busy_changed.emit(True)
        self.progress.emit(0.0, f"{called(step)}: starting")
        case_id = self.folder.put(self.case)
        self._before = objects_in(self.folder.objects.root)
        child.start({"step": step, "arguments": dict(arguments), "case": case_id})

    def _do_here(self, step: str, arguments: Mapping[str, Any]) -> None:
        """Run a step of milliseconds in this process."""
        try:
            case, done = run_step(
                step, self.case, self.folder, arguments=dict(arguments), watch=Watch()
            )
            self.folder.append(case, done)
        except Exception as error:  # what a child would have said of it
            self._waiting.clear()
            self.busy_changed.emit(False)
            self.failed.emit(Trouble.of(error, step))
            return
        self.case_changed.emit()
        self.done.emit(step, done.summary)
        if self._waiting:
            self._next()

    def _step_over(self, answer: Mapping[str, Any], log: str, stopped: bool) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.deleteLater()
        trouble: Trouble | None = None
        if stopped or "error" in answer:
            remove_since(self.folder.objects.root, self._before)
        if stopped:
            self.said.emit(f"{called(self.step)}: stopped, nothing was changed")
        elif "error" in answer:
            trouble = Trouble.from_child(answer, self.step, log)
        else:
            try:
                case = self.folder.get(str(answer["case"]))
            except (OrganTwinError, KeyError) as error:
                trouble = Trouble.of(error, self.step)
            else:
                self._recording = True  # under way until its result can be shown at once
                self.fetch(self.foresee(case), lambda: self._record(case, answer))
                return
        self._end_step(trouble, go_on=not stopped)

    def _record(self, case: Case, answer: Mapping[str, Any]) -> None:
        """Journal a step that ended well and show the Case it led to."""
        self._recording = False
        try:
            summary = self._append(case, answer["done"]).done.summary
        except (OrganTwinError, KeyError, TypeError) as error:
            self._end_step(Trouble.of(error, self.step), go_on=False)
            return
        self.case_changed.emit()
        self.done.emit(self.step, summary)
        self._end_step(None, go_on=True)

    def _end_step(self, trouble: Trouble | None, *, go_on: bool) -> None:
        if trouble is None and go_on and self._waiting:
            self._next()
            return
        self._waiting.clear()
        self.busy_changed.emit(False)
        if trouble is not None:
            self.failed.emit(trouble)

    def _append(self, case: Case, fields: Mapping[str, Any]) -> JournalEntry:
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()
        }
        return self.folder.append(case, Done(**values))
