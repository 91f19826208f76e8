"""JournalEntry: who did what, when, from which inputs to which outputs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Done:
    """What a step of the pipeline says of itself; the case folder makes a JournalEntry of it.

    Args:
        step: name of the step ("segment").
        arguments: what it was asked, JSON values only; enough to run it again.
        inputs: ids of the objects it read.
        outputs: ids of the objects it made.
        seed: of its random numbers, None when it used none.
        summary: one line for the timeline.
        versions: package → version of what did the work.
    """

    step: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    seed: int | None = None
    summary: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class JournalEntry:
    """One line of the journal, chained to the one before.

    Args:
        sequence: 1, 2, 3…
        time: UTC, ISO 8601.
        who: the account that did it.
        parent: sequence of the entry whose Case this step started from (undo goes back to one).
        case: id of the Case after the step.
        done: what was done.
        previous: `link` of the entry before, 64 zeros for the first.
        link: SHA-256 over previous and the canonical body.
    """

    sequence: int
    time: str
    who: str
    parent: int
    case: str
    done: Done
    previous: str
    link: str

    def body(self) -> str:
        """Return the canonical JSON of all but the link: what the link is computed over."""
        fields = asdict(self)
        del fields["link"]
        return json.dumps(
            fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        )
