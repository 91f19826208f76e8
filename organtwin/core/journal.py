"""JournalEntry: who did what, when, from which inputs to which outputs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Self

from organtwin.core.errors import CaseDamaged

FIRST_LINK: Final = "0" * 64


OPTIONAL: Final = ("remarks", "changed")
"""Fields of Done that stand in an entry only where there is something in them."""


class Summary(str):
    """One line for the timeline, with what of it programs go on with.

    Args:
        remarks: what a person should look at: "structure" ("" for the whole image), "what" in
            words, "place_mm" (3 numbers, LPS, or None); more as the method says.
        changed: names of structures that are not as they were.
    """

    remarks: tuple[Mapping[str, Any], ...]
    changed: tuple[str, ...]

    def __new__(
        cls,
        line: str,
        remarks: Sequence[Mapping[str, Any]] = (),
        changed: Sequence[str] = (),
    ) -> Self:
        """Return the line."""
        made = super().__new__(cls, line)
        made.remarks, made.changed = tuple(remarks), tuple(changed)
        return made


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
        remarks, changed: see Summary.
    """

    step: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    seed: int | None = None
    summary: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[Mapping[str, Any], ...] = ()
    changed: tuple[str, ...] = ()


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
        for name in OPTIONAL:
            if not fields["done"][name]:
                del fields["done"][name]
        return json.dumps(
            fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        )


def link_of(body: str) -> str:
    """SHA-256 of an entry's canonical body (which holds the link before it), hexadecimal."""
    return hashlib.sha256(body.encode()).hexdigest()


def read_entry(body: str, link: str) -> JournalEntry:
    """Return the entry of a body; raises CaseDamaged when body and link do not belong together."""
    if link_of(body) != link:
        raise CaseDamaged("a journal entry was changed after it was written", where=body[:60])
    try:
        fields = json.loads(body)
        done = fields.pop("done")
        done |= {"inputs": tuple(done["inputs"]), "outputs": tuple(done["outputs"])}
        done |= {name: tuple(done[name]) for name in OPTIONAL if name in done}
        return JournalEntry(done=Done(**done), link=link, **fields)
    except (ValueError, TypeError, KeyError) as error:
        raise CaseDamaged(f"a journal entry cannot be read ({error})", where=body[:60]) from error
