"""Tables and progress on a terminal, or the same as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table as RichTable

from organtwin.core.errors import OrganTwinError
from organtwin.core.visible import visible
from organtwin.core.watch import Watch
from organtwin.tables import Table

WIDTH = 132
"""Columns where there is no terminal to ask."""


class Printer:
    """What a verb says.

    Args:
        as_json: collect everything into one JSON object, printed by `finish`.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._said: dict[str, Any] = {"steps": [], "tables": {}, "notes": []}
        width = None if sys.stdout.isatty() else WIDTH
        self._out = Console(highlight=False, emoji=False, width=width)
        self._err = Console(stderr=True, highlight=False, emoji=False)

    @contextmanager
    def progress(self, title: str) -> Iterator[Watch]:
        """Yield a Watch whose progress is shown on stderr while the block runs."""
        if self.as_json:
            yield Watch(lambda f, m: _json(sys.stderr, {"progress": f, "message": m}))
        elif not self._err.is_terminal:
            yield Watch()
        else:
            with self._bar() as bar:
                task = bar.add_task(_plain(title), total=1.0, message="")
                yield Watch(lambda f, m: bar.update(task, completed=f, message=_plain(m)))

    def _bar(self) -> Progress:
        columns = ("{task.description:<10}", BarColumn(), "{task.percentage:>3.0f} %")
        message = TextColumn("{task.fields[message]}")
        return Progress(*columns, TimeElapsedColumn(), message, console=self._err, transient=True)

    def step(self, name: str, summary: str, seconds: float) -> None:
        """Say that a step is done."""
        if self.as_json:
            done = {"step": name, "summary": summary, "seconds": round(seconds, 3)}
            self._said["steps"].append(done)
        else:
            self._out.print(f"[bold]{_plain(name)}[/] {_plain(summary)} [dim]({seconds:.1f} s)[/]")

    def table(self, table: Table, *, quiet: bool = False) -> None:
        """Print a table; a quiet one only as JSON."""
        if self.as_json:
            self._said["tables"][table.title] = table.as_json()
            return
        if quiet or not table.rows:
            return
        shown = RichTable(title=_plain(table.title), title_justify="left", title_style="bold")
        for column in table.columns:
            shown.add_column(_plain(column), overflow="fold")
        for row in table.rows:
            shown.add_row(*(_plain(cell(value)) for value in row))
        self._out.print(shown)

    def note(self, text: str) -> None:
        """Say one line."""
        if self.as_json:
            self._said["notes"].append(text)
        else:
            self._out.print(_plain(text))

    def warn(self, text: str) -> None:
        """Say one line on stderr that must not be missed, and in the JSON object."""
        if self.as_json:
            self._said["warnings"] = [*self._said.get("warnings", ()), text]
            _json(sys.stderr, {"warning": text})
        else:
            self._err.print(f"[bold yellow]Note[/] {_plain(text)}")

    def result(self, **parts: Any) -> None:
        """Add parts to the JSON object; says nothing on a terminal."""
        self._said |= parts

    def error(self, error: OrganTwinError) -> None:
        """Say what, where and what to do, on stderr."""
        if self.as_json:
            fields = {"what": error.what, "where": error.where, "advice": error.advice}
            self._said["error"] = {"class": type(error).__name__, **fields}
        else:
            self._err.print(f"[bold red]{type(error).__name__}[/] {_plain(str(error))}")

    def finish(self) -> None:
        """Print the JSON object, when that was asked for."""
        if self.as_json:
            _json(sys.stdout, self._said)


def cell(value: Any) -> str:
    """Text of one cell: numbers to four figures, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _plain(text: str) -> str:
    """Return foreign text as it may be printed: no markup, nothing that steers the terminal."""
    return escape(visible(text))


def _json(stream: Any, value: dict[str, Any]) -> None:
    """Print a line of ASCII, which any byte of a file's name and any terminal survives."""
    line = json.dumps(value, default=str).replace("\x7f", "\\u007f")
    print(line, file=stream, flush=True)
