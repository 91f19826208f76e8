"""The parent's side of a worker: starts it, asks, listens, ends it, and says what it died of."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from organtwin.core import errors
from organtwin.core.children import command, environment
from organtwin.core.errors import BadInput, Stopped, UnreadableFile
from organtwin.core.watch import Watch
from organtwin.importing.region import Region
from organtwin.importing.whereabouts import BOARD_BYTES, on_board

MODULE: Final = "organtwin.importing.worker"
POLL_SECONDS: Final = 0.04
LINE_LIMIT: Final = 512 * 2**20
PIPE_BYTES: Final = 2**20
MESSAGE_LIMIT: Final = 200
ANSWER: Final = b'{"answer":'
PASSED_ON: Final = (
    "PYTHONPATH", "PYTHONSAFEPATH",
    "PATH", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT",
)  # fmt: skip
"""Variables a worker gets to see: our code, how names are spelled, where temporary files go."""
OF_MACHINE: Final = 0.9
ADVICE: Final = "look at the rest without this file; if it should be good, please report it"


@dataclass(frozen=True)
class Limits:
    """What one request may use.

    Args:
        memory_bytes: address space beyond what the worker has already.
        seconds: processor time.
        silence_s: wall time without a sign of life.
    """

    memory_bytes: int
    seconds: float
    silence_s: float = 30.0


def within_machine(size_bytes: int) -> int:
    """Return `size_bytes`, at most what this machine's memory allows."""
    if not hasattr(os, "sysconf"):
        return size_bytes
    return min(
        size_bytes, int(OF_MACHINE * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    )


class Died(Exception):
    """A worker ended, or was ended, in the middle of a request.

    Args:
        how: for a person.
        files: those it was reading.
    """

    def __init__(self, how: str, files: tuple[str, ...]) -> None:
        super().__init__(how)
        self.how, self.files = how, files

    def error(self, where: str) -> UnreadableFile:
        """Return what to tell a person; `where` unless the files are known."""
        return UnreadableFile(self.how, " or ".join(self.files) or where, ADVICE)


class Asked:
    """One worker process; it answers one request at a time."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                command(MODULE, str(theirs.fileno())),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=_environment(),
                start_new_session=True,
                bufsize=0,
            )
        self._memory, self._board = ours, Region(BOARD_BYTES)
        socket.send_fds(ours, [b"!"], [self._board.file])
        self._rest, self._over = bytearray(), False
        self._watch = Watch()
        self._silence_s = self._heard = 0.0

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def fileno(self) -> int:
        """Return what `select` waits on."""
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    def ask(self, what: str, limits: Limits, watch: Watch, **arguments: Any) -> bytes:
        """Return the answer's JSON; raises as `begin` and `heard`."""
        self.begin(what, limits, watch, **arguments)
        while True:
            select.select([self], [], [], POLL_SECONDS)
            answer = self.heard()
            if answer is not None:
                return answer

    def begin(
        self,
        what: str,
        limits: Limits,
        watch: Watch,
        *,
        region: Region | None = None,
        likely_bytes: int = 0,
        written: Mapping[str, str | bytes] | None = None,
        **arguments: Any,
    ) -> None:
        """Send a request; `written` are arguments that are JSON already.

        Args:
            region: memory to be filled, of which `likely_bytes` will be needed.

        Raises:
            Died: there is nobody to ask any more.
        """
        self._watch, self._silence_s, self._heard = watch, limits.silence_s, time.monotonic()
        request = {
            "ask": what, "memory": limits.memory_bytes, "seconds": limits.seconds, **arguments
        }  # fmt: skip
        if region is not None:
            request |= {"size": region.size, "likely": likely_bytes}
        line = json.dumps(request).encode()[:-1]
        for name, text in (written or {}).items():
            line += f',"{name}":'.encode() + (text if isinstance(text, bytes) else text.encode())
        assert self._process.stdin is not None
        try:
            if region is not None:
                socket.send_fds(self._memory, [b"!"], [region.file])
            rest = memoryview(line + b"}\n")
            while rest:
                rest = rest[self._process.stdin.write(rest) :]
        except OSError:
            raise self._died() from None

    def heard(self) -> bytes | None:
        """Take what came since; returns the answer's JSON once it is there.

        Raises:
            Died: it ended, was silent for too long, or talks nonsense.
            BadInput: what it says is wrong.
            Stopped: somebody asked to stop; it was ended.
        """
        try:
            if self._watch.asked_to_stop():
                raise Stopped("stopped on request", where="reading images")
            return self._listened()
        except BadInput:
            raise
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """End it at once."""
        if self._over:
            return
        self._over = True
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for end in (self._process.stdin, self._process.stdout, self._memory):
            if end is not None:
                end.close()
        self._board.close()

    def _reading(self) -> tuple[str, ...]:
        return on_board(self._board.file)

    def _listened(self) -> bytes | None:
        while select.select([self], [], [], 0)[0]:
            piece = os.read(self.fileno(), PIPE_BYTES)
            if not piece:
                raise self._died()
            self._heard = time.monotonic()
            start = len(self._rest)
            self._rest += piece
            if len(self._rest) > LINE_LIMIT:
                raise Died("its reader answers without end", self._reading())
            if (at := self._rest.rfind(b"\n", start)) >= 0:
                lines, self._rest = self._rest[:at], self._rest[at + 1 :]
                for line in lines.split(b"\n"):
                    if line.startswith(ANSWER):
                        return bytes(line[len(ANSWER) : -1])
                    self._take(line)
        if time.monotonic() - self._heard > self._silence_s:
            how = f"reading it took longer than {self._silence_s:g} s"
            raise Died(how, self._reading())
        return None

    def _take(self, line: bytearray) -> None:
        """Take a line that is no answer: progress, or an error to raise."""
        try:
            said = json.loads(line)
            if "error" in said:
                raise _named(said, self._reading())
            fraction, message = float(said["progress"]), str(said["message"])[:MESSAGE_LIMIT]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise Died("its reader talks nonsense", self._reading()) from error
        self._watch.tell(fraction, message)

    def _died(self) -> Died:
        """Return how the process ended."""
        files = self._reading()
        self.end()
        code = -(self._process.returncode or 0)
        if code == getattr(signal, "SIGXCPU", 0):
            how = "reading it took more processor time than allowed"
        else:
            name = signal.Signals(code).name if code > 0 else f"status {-code}"
            how = f"it ended the program that read it ({name})"
        return Died(how, files)


def _named(said: dict[str, Any], files: tuple[str, ...]) -> Exception:
    """Return the error that a worker tells of."""
    kind = getattr(errors, str(said["error"]), None)
    where = str(said["where"])
    if isinstance(kind, type) and issubclass(kind, BadInput):
        return kind(str(said["what"]), where, str(said["advice"]))
    if said["error"] == "OutOfMemory":
        return Died("reading it needs more memory than allowed", files)
    return Died(f"its reader failed ({str(said['what'])[:80]})", files)


def _environment() -> dict[str, str]:
    """Return the environment of a worker: our code, one thread for each library, nothing secret."""
    known = environment()
    return {
        **{name: known[name] for name in PASSED_ON if name in known},
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
