"""Child: one process that works while the window stays awake; JSON lines in and out."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, QTimer, Signal

from organtwin.core import children

GRACE_MS: Final = 2500
"""How long a process may take to end itself before it is killed."""
LOG_LIMIT: Final = 40_000


class Child(QObject):
    """Runs ``python -P -m MODULE ARGUMENTS``, writes one request, reads its lines.

    Every line that tells progress becomes `progress`, every object with "part" becomes `told`; the
    last other JSON object is the answer. `working` is False while it says that it is idle. `ended`
    comes exactly once: (answer or {}, end of the log, whether it was stopped on request).
    """

    progress = Signal(float, str)
    told = Signal(object)
    ended = Signal(object, str, bool)

    def __init__(
        self, module: str, arguments: Sequence[str], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._answer: Mapping[str, Any] = {}
        self._rest = b""
        self._log = ""
        self._stopped = self._over = False
        self.working = True
        self._process = QProcess(self)
        program, *options = children.command(module, *arguments)
        self._process.setProgram(program)
        self._process.setArguments(options)
        self._process.setProcessEnvironment(_environment())
        self._process.readyReadStandardOutput.connect(self._read)
        self._process.readyReadStandardError.connect(self._read_log)
        self._process.finished.connect(self._finish)
        self._process.errorOccurred.connect(self._not_started)
        self._grace = QTimer(self, singleShot=True, interval=GRACE_MS)
        self._grace.timeout.connect(self._process.kill)

    @property
    def pid(self) -> int:
        """The process's id, 0 when it does not run."""
        return int(self._process.processId())

    def start(self, request: Mapping[str, Any], *, talk: bool = False) -> None:
        """Start and hand it the request; with `talk` more can be said to it later."""
        self._process.start()
        self.say(request)
        if not talk:
            self._process.closeWriteChannel()

    def say(self, request: Mapping[str, Any]) -> None:
        """Hand it one request more."""
        self.working = True
        self._process.write(json.dumps(request).encode() + b"\n")

    def stop(self) -> None:
        """End it: politely, then for good."""
        self._stopped = True
        self._process.terminate()
        self._grace.start()

    def end_now(self) -> None:
        """Kill it and wait: the window is closing."""
        self._stopped = True
        self._process.terminate()
        if not self._process.waitForFinished(GRACE_MS):
            self._process.kill()
            self._process.waitForFinished(GRACE_MS)

    def _read(self) -> None:
        self._rest += bytes(self._process.readAllStandardOutput().data())
        *lines, self._rest = self._rest.split(b"\n")
        for line in lines:
            self._take(line.decode("utf-8", "replace"))

    def _take(self, line: str) -> None:
        try:
            said = json.loads(line)
        except ValueError:
            said = None
        if not isinstance(said, dict):
            self._log = (self._log + line + "\n")[-LOG_LIMIT:]
        elif "progress" in said:
            self.progress.emit(float(said["progress"]), str(said.get("message", "")))
        elif "part" in said:
            self.working = said["part"] != "idle"
            self.told.emit(said)
        else:
            self._answer = said

    def _read_log(self) -> None:
        text = bytes(self._process.readAllStandardError().data()).decode("utf-8", "replace")
        self._log = (self._log + text)[-LOG_LIMIT:]

    def _finish(self, code: int, status: QProcess.ExitStatus) -> None:
        self._grace.stop()
        self._read()
        self._read_log()
        if self._rest:
            self._take(self._rest.decode("utf-8", "replace"))
        crashed = status == QProcess.ExitStatus.CrashExit
        if not self._answer and not self._stopped:
            self._answer = {
                "error": "SolverFailed" if crashed else "Crash",
                "what": f"the step's process ended without an answer ({_how(code, crashed)})",
                "where": "the process that ran the step",
                "advice": "nothing was changed in the case; try again, with less if memory is "
                "short",
            }
        self._end()

    def _not_started(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self._answer = {
                "error": "Crash",
                "what": f"the step's process did not start: {self._process.errorString()}",
                "where": sys.executable,
                "advice": "run `organtwin doctor`",
            }
            self._end()

    def _end(self) -> None:
        if not self._over:
            self._over = True
            self.ended.emit(self._answer, self._log, self._stopped)


def _how(code: int, crashed: bool) -> str:
    return f"killed by signal {code}" if crashed else f"exit status {code}"


def _environment() -> QProcessEnvironment:
    environment = QProcessEnvironment.systemEnvironment()
    for name, value in children.environment().items():
        environment.insert(name, value)
    environment.insert("PYTHONUNBUFFERED", "1")
    environment.insert("OMP_NUM_THREADS", environment.value("OMP_NUM_THREADS", "2"))
    return environment
