"""The solver process that is kept between the jobs of this program, so that they start at once.

It is started when first asked for and ends with this program, after a while without work, or when
it has grown too large (`solvers.serving`); whoever asks next gets a new one. A job that is stopped,
takes too long or crashes ends it, too.
"""

from __future__ import annotations

import atexit
import json
import threading
from pathlib import Path
from typing import Final

from organtwin.core import children
from organtwin.core.errors import OrganTwinError
from organtwin.core.watch import Watch
from organtwin.simulating.process import SolverProcess

COMMAND: Final = tuple(children.command("solvers", "serve"))


class KeptSolver:
    """At most one process, for one job at a time."""

    def __init__(self) -> None:
        self._process: SolverProcess | None = None
        self._busy = threading.Lock()

    @property
    def pid(self) -> int | None:
        """The process's id, None when there is none."""
        return self._process.pid if self._process is not None and self._process.runs else None

    def run(
        self, folder: Path, watch: Watch, seconds: float | None
    ) -> tuple[int, list[str]] | None:
        """Run the job in a folder; None when it is at work for another thread.

        Returns:
            The status the job ended with (negative: the signal that ended the process), and the
            last lines of the process's stderr if it has ended.

        Raises:
            Stopped, SolverFailed: as `SolverProcess.follow`; the process is gone.
        """
        if not self._busy.acquire(blocking=False):
            return None
        try:
            return self._run(folder, watch, seconds)
        except OrganTwinError:
            self.end()
            self._process = SolverProcess(COMMAND, children.safe_folder())
            raise
        except BaseException:
            self.end()
            raise
        finally:
            self._busy.release()

    def end(self) -> None:
        """End the process now."""
        if self._process is not None:
            self._process.end(0.0)
            self._process = None

    def _run(self, folder: Path, watch: Watch, seconds: float | None) -> tuple[int, list[str]]:
        asked = json.dumps({"job": folder.name, "folder": str(folder)})
        was_there = self.pid is not None
        while True:
            if self.pid is None:
                self.end()
                self._process = SolverProcess(COMMAND, children.safe_folder())
            process = self._process
            assert process is not None
            try:
                process.say(asked)
                status, told = process.follow(watch, seconds)
            except (BrokenPipeError, ConnectionResetError):
                status, told = None, False
            if status is not None:
                return status, []
            status, errors = process.wait(), process.errors()
            self.end()
            if told or not was_there:  # else it ended itself before it took the job
                return status, errors
            was_there = False


KEPT: Final = KeptSolver()
atexit.register(KEPT.end)
