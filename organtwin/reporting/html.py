"""The report as one HTML page that needs nothing beside it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from organtwin.core.errors import Missing
from organtwin.reporting import look
from organtwin.reporting.content import BANNER, Block, Cell, Picture, Report
from organtwin.reporting.numbers import short_id

TEMPLATES: Final = Path(__file__).resolve().parents[2] / "resources" / "report"


@dataclass(frozen=True, eq=False)
class Run:
    """Neighbouring blocks of one kind, so that pictures can stand side by side."""

    kind: str
    blocks: tuple[Block, ...]


def html_page(report: Report) -> str:
    """Return the whole page; everything a person typed is escaped.

    Raises:
        Missing: the template is not where the program was installed.
    """
    if not (TEMPLATES / "report.html.j2").is_file():
        raise Missing("the report's template is missing", where=str(TEMPLATES), advice="reinstall")
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    notes = report.notes()
    return environment.get_template("report.html.j2").render(
        report=report,
        banner=BANNER,
        look=look,
        notes=notes,
        numbers={note: number for number, note in enumerate(notes, start=1)},
        runs=_runs,
        source=_source,
        width=_width_percent,
        is_group=is_group,
        short_id=short_id,
    )


def is_group(row: Sequence[Cell]) -> bool:
    """Return whether a row only names what the rows below speak of."""
    return len(row) > 1 and bool(row[0].text) and not any(cell.text for cell in row[1:])


def _runs(blocks: Sequence[Block]) -> list[Run]:
    return [Run(kind, tuple(group)) for kind, group in groupby(blocks, lambda b: type(b).__name__)]


def _source(picture: Picture) -> str:
    return "data:image/png;base64," + base64.b64encode(picture.png).decode("ascii")


def _width_percent(picture: Picture) -> str:
    return f"{100 * picture.share - (2.0 if picture.share < 1 else 0.0):.1f}"
