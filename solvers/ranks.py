"""One job on several processes (MPI): who writes, and how an error on one of them ends all.

Errors mostly come on every rank at once, since each has the whole job. Where one rank alone fails,
the others may wait in a communication that it will never join: after a while it writes the result
itself and ends them all.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final

PATIENCE_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.005


@dataclass(frozen=True)
class Trouble:
    """Why a rank failed.

    Args:
        error: class, as `Result.error`.
        message: for a person.
        trace: for the log.
    """

    error: str
    message: str
    trace: str


class Ranks:
    """The processes of one job.

    Attributes:
        first: whether this one writes progress, log, output and result.
    """

    def __init__(self, comm: Any = None) -> None:
        """Take an MPI communicator, on every rank of it; None: this process is alone."""
        several = comm is not None and comm.size > 1
        self._comm = comm.Dup() if several else None
        self.first = not several or comm.rank == 0

    def meet(self) -> None:
        """Wait for all."""
        if self._comm is not None:
            self._comm.barrier()

    def first_trouble(self, own: Trouble | None) -> tuple[Trouble | None, bool]:
        """Return the trouble of the first rank that has any, and whether all ranks came to tell.

        Without an `own` trouble it waits for all; with one, for `PATIENCE_SECONDS`.
        """
        if self._comm is None:
            return own, True
        came = self._comm.Ibarrier()
        end = time.monotonic() + PATIENCE_SECONDS
        while not came.Test():
            if own is not None and time.monotonic() > end:
                return own, False
            time.sleep(_POLL_SECONDS)
        troubles = self._comm.allgather(own)
        return next((trouble for trouble in troubles if trouble is not None), None), True

    def end_all(self) -> None:
        """End every rank of the job, this one too, with status 1."""
        if self._comm is not None:
            self._comm.Abort(1)
