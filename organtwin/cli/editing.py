"""Labels by hand without a window: edit, structure, mark."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from organtwin import tables
from organtwin.casefolder import CaseFolder
from organtwin.cli.reading import json_file, json_object
from organtwin.cli.verb import Verb
from organtwin.core.errors import BadInput
from organtwin.printing import Printer
from organtwin.recording import step
from organtwin.tables import Table

STATES = ("not started", "in progress", "done", "reviewed")


def add(verb: Verb) -> None:
    """Add the verbs that change labels by hand."""
    made = verb("edit", _edit, "change a visit's labels by one gesture of a tool")
    made.add_argument("case", nargs="?", help="case folder; without it the tools are listed")
    made.add_argument("--visit", type=int, default=0)
    made.add_argument("--tool", default="", help="one of those listed")
    made.add_argument(
        "--arguments", default="{}", metavar="JSON", help="what the tool takes; @FILE reads a file"
    )
    made = verb("structure", _structure, "add, rename, recolour, reorder or remove a structure")
    made.add_argument("case")
    made.add_argument("do", choices=("add", "rename", "recolour", "reorder", "remove"))
    made.add_argument("structure", nargs="*", help="its name; every name in order to reorder")
    made.add_argument("--visit", type=int, default=0)
    made.add_argument("--to", default="", help="the new name")
    made.add_argument("--within", help="what contains a new one; '' for nothing")
    made.add_argument("--colour", type=float, nargs=3, metavar=("RED", "GREEN", "BLUE"))
    made = verb("mark", _mark, "say how far a structure is")
    made.add_argument("case")
    made.add_argument("--visit", type=int, default=0)
    made.add_argument("--structure", required=True)
    made.add_argument("--state", required=True, choices=STATES)
    made.add_argument("--who", default="", help="who reviewed it; the account is kept, too")


def _edit(asked: argparse.Namespace, printer: Printer) -> None:
    if not asked.case:
        printer.table(_tools())
        return
    arguments = {"visit": asked.visit, "tool": asked.tool, "arguments": _json(asked.arguments)}
    with CaseFolder.open(Path(asked.case)) as folder:
        step(folder, "edit", arguments, printer)
        printer.table(tables.structures(folder.case, folder))


def _structure(asked: argparse.Namespace, printer: Printer) -> None:
    arguments: dict[str, Any] = {"visit": asked.visit, "do": asked.do}
    if asked.do == "reorder":
        arguments["order"] = asked.structure
    elif len(asked.structure) != 1:
        raise BadInput("the name of one structure is needed", where=asked.do)
    else:
        arguments["structure"] = asked.structure[0]
    arguments |= {"to": asked.to, "within": asked.within, "colour": asked.colour}
    with CaseFolder.open(Path(asked.case)) as folder:
        step(folder, "structure", arguments, printer)
        printer.table(tables.structures(folder.case, folder))


def _mark(asked: argparse.Namespace, printer: Printer) -> None:
    with CaseFolder.open(Path(asked.case)) as folder:
        who = folder.who if asked.state == "reviewed" else ""
        if asked.who and asked.who != folder.who:
            who = f"{asked.who} (account {folder.who})"
        arguments = {"visit": asked.visit, "structure": asked.structure, "state": asked.state}
        step(folder, "mark", arguments | {"who": who}, printer)
        rows = [
            (number, w.structure, w.state, w.who)
            for number, visit in enumerate(folder.case.visits)
            for w in visit.work
        ]
    printer.table(Table("Work", ("visit", "structure", "state", "who"), tuple(rows)))


def _tools() -> Table:
    from organtwin.editing import edits

    rows = [
        (
            name,
            tool.title,
            tool.drawn,
            ", ".join(
                [f"{p.name} {p.low:g}..{p.high:g} {p.unit}" for p in tool.settings]
                + [f"{key}: {' | '.join(may)}" for key, may in tool.form.choices.items()]
                + ["other"] * tool.form.other
            ),
        )
        for name, tool in edits().items()
    ]
    return Table("Tools", ("tool", "what it does", "drawn", "takes"), tuple(rows))


def _json(said: str) -> Any:
    what = "the arguments"
    return (
        json_file(said[1:], what)
        if said.startswith("@")
        else json_object(said, what, where="--arguments")
    )
