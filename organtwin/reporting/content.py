"""What a report says, as nouns; `html` and `pdf` only set it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from organtwin.core.scenario import Quantity
from organtwin.reporting.look import RESEARCH_USE
from organtwin.reporting.numbers import formatted, short_id

BANNER: Final = RESEARCH_USE


@dataclass(frozen=True)
class Note:
    """Where a number comes from: how it was computed and the ids of what it was computed from."""

    basis: str
    inputs: tuple[str, ...] = ()

    def line(self) -> str:
        """Return it as one line, ids shortened."""
        if not self.inputs:
            return self.basis
        return f"{self.basis} [from {', '.join(map(short_id, self.inputs))}]"


@dataclass(frozen=True)
class Cell:
    """One field of a table: words, and where its number comes from."""

    text: str
    note: Note | None = None
    strong: bool = False

    @classmethod
    def of(cls, quantity: Quantity) -> Cell:
        """Return the cell of a quantity, with its provenance."""
        return cls(formatted(quantity), Note(quantity.basis, quantity.inputs))


@dataclass(frozen=True)
class Text:
    """Paragraphs."""

    paragraphs: tuple[str, ...]


@dataclass(frozen=True)
class Warnings:
    """What a reader should not overlook, one line each."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table: `widths` are shares of the page's width, one for each column."""

    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    widths: tuple[float, ...] = ()
    caption: str = ""
    colours: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Picture:
    """A PNG image with its size in pixels; `share` of the page's width."""

    png: bytes
    caption: str
    share: float = 1.0


Block = Text | Warnings | Table | Picture


@dataclass(frozen=True, eq=False)
class Section:
    """A heading and what stands under it."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, eq=False)
class Report:
    """A whole report.

    Args:
        title, patient: shown on every page.
        created: when, as printed (UTC).
        facts: (name, value) pairs at the head.
        sections: in order.
        versions: package → version of what computed it.
    """

    title: str
    patient: str
    created: str
    facts: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
    versions: tuple[tuple[str, str], ...] = ()

    def notes(self) -> tuple[Note, ...]:
        """Return every note once, by first mention; footnote 1 is the first of them."""
        found: dict[Note, None] = {}
        for section in self.sections:
            for block in section.blocks:
                if isinstance(block, Table):
                    for row in block.rows:
                        found.update((cell.note, None) for cell in row if cell.note is not None)
        return tuple(found)
