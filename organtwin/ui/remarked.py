"""What a person should look at of the labels shown, as the step that made them said."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from organtwin.core.case import Visit
from organtwin.core.journal import JournalEntry

REMARK: Final = re.compile(r"(?:^|; )look: ([^;]*)")
MOST: Final = 4
"""Lines that a page has room for; the journal has all."""


def remarks_of(visit: Visit | None, entries: Sequence[JournalEntry]) -> tuple[str, ...]:
    """Return the remarks on a visit's labels, none once they are others."""
    if visit is None or not visit.labels:
        return ()
    made = (entry.done for entry in reversed(entries) if visit.labels in entry.done.outputs)
    done = next(made, None)
    return tuple(REMARK.findall(done.summary)) if done is not None else ()


def look_at(remarks: Sequence[str]) -> str:
    """Return them as lines, the first few."""
    more = [f"and {len(remarks) - MOST} more in the journal"] * (len(remarks) > MOST)
    return "\n".join([*(f"Look: {said}" for said in remarks[:MOST]), *more])
