"""From belief to report: the river's later steps, one verb each."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from organtwin import tables
from organtwin.casefolder import CaseFolder
from organtwin.cli.verb import Verb
from organtwin.cli.written import add_replace, require_free
from organtwin.core.case import Case
from organtwin.printing import Printer
from organtwin.recording import step
from organtwin.tables import Table


def add(verb: Verb) -> None:
    """Add the verbs from belief to report."""
    made = verb("update", _update, "register a visit, score its forecast, update the belief")
    made.add_argument("case")
    made.add_argument("--visit", type=int, required=True, help="0 makes the prior")
    made.add_argument("--members", type=int, default=64)
    made.add_argument("--seed", type=int, default=1)
    made = verb("simulate", _simulate, "deform the organ or grow its tumours")
    made.add_argument("case")
    made.add_argument("kind", choices=("deform", "grow"))
    made.add_argument("--arguments", default="{}", help="the step's arguments as JSON")
    made = verb("compare", _compare, "compare scenarios on the twin as it stands")
    made.add_argument("case")
    made.add_argument("--plan", help="JSON file with scenarios; suggested ones without")
    made = verb("decide", _decide, "record which scenario was chosen, and why")
    made.add_argument("case")
    made.add_argument("scenario")
    made.add_argument("--reason", required=True)
    made = verb("report", _report, "write the report as HTML and PDF")
    made.add_argument("case")
    made.add_argument("--to", required=True, help="folder to write into")
    add_replace(made)


def _update(asked: argparse.Namespace, printer: Printer) -> None:
    with CaseFolder.open(Path(asked.case)) as folder:
        for name, arguments in update_steps(folder.case, asked.visit, asked.members, asked.seed):
            step(folder, name, arguments, printer)
        printer.table(tables.beliefs(folder.case, folder))
        printer.table(tables.scores(folder.case, folder))


def update_steps(
    case: Case, visit: int, members: int, seed: int
) -> list[tuple[str, dict[str, Any]]]:
    """Return the steps that bring one visit into the twin (the prior first where it is missing)."""
    steps: list[tuple[str, dict[str, Any]]] = []
    if not case.twins:
        steps.append(("believe", {"members": members, "seed": seed}))
    if visit > 0:
        steps += [("register", {"visit": visit}), ("score", {"visit": visit})]
        steps.append(("update", {"visit": visit, "seed": seed}))
    return steps


def _simulate(asked: argparse.Namespace, printer: Printer) -> None:
    arguments = json.loads(asked.arguments)
    with CaseFolder.open(Path(asked.case)) as folder:
        step(folder, asked.kind, arguments, printer)
        printer.table(tables.simulation(folder.case, folder))


def _compare(asked: argparse.Namespace, printer: Printer) -> None:
    with CaseFolder.open(Path(asked.case)) as folder:
        plan = json.loads(Path(asked.plan).read_text()) if asked.plan else []
        step(folder, "plan", {"scenarios": plan}, printer)
        step(folder, "compare", {}, printer)
        printer.table(tables.side_by_side(folder.case, folder))
        printer.table(tables.outcomes(folder.case, folder), quiet=True)


def _decide(asked: argparse.Namespace, printer: Printer) -> None:
    with CaseFolder.open(Path(asked.case)) as folder:
        step(folder, "decide", {"scenario": asked.scenario, "reason": asked.reason}, printer)


def _report(asked: argparse.Namespace, printer: Printer) -> None:
    from organtwin.pipeline.handing_out import REPORT_FILES, write_report

    for name in REPORT_FILES:
        require_free(Path(asked.to) / name, replace=asked.replace)
    with CaseFolder.open(Path(asked.case)) as folder, printer.progress("report") as watch:
        paths = write_report(folder.case, folder, folder.entries, to=Path(asked.to), watch=watch)
    printer.table(Table("Written", ("file",), tuple((str(p),) for p in paths)))
