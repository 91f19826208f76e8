"""Images into a case: import, identify, acknowledge."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from organtwin import tables
from organtwin.casefolder import CaseFolder
from organtwin.cli.verb import Verb
from organtwin.core.case import Case
from organtwin.printing import Printer
from organtwin.recording import step


def add(verb: Verb) -> None:
    """Add the verbs of images."""
    made = verb("import", _import, "find the series in a folder and add a visit for each date")
    made.add_argument("path", help="folder or file with DICOM images")
    made.add_argument("--case", required=True, help="case folder; made when missing")
    made.add_argument("--patient", default="", help="pseudonym shown in the window and reports")
    made.add_argument("--organ", default="liver")
    made.add_argument("--modality", default="CT")
    made.add_argument(
        "--taken-as", default="", metavar="MODALITY", help="of files that say none, such as NIfTI"
    )
    made.add_argument("--series", action="append", default=[], metavar="UID or NUMBER")
    made = verb("identify", _identify, "look whose images a visit holds, and decide")
    made.add_argument("case")
    made.add_argument("--visit", type=int, required=True)
    decision = made.add_mutually_exclusive_group()
    decision.add_argument("--same", action="store_true", help="it is the case's patient")
    decision.add_argument("--other", action="store_true", help="it is not: the visit leaves")
    made.add_argument("--reason", default="", help="goes to the journal; name nobody in it")
    made = verb("acknowledge", _acknowledge, "accept a visit's geometry findings, with a reason")
    made.add_argument("case")
    made.add_argument("--visit", type=int, required=True)
    made.add_argument("--reason", required=True)


def _import(asked: argparse.Namespace, printer: Printer) -> None:
    path = Path(asked.case)
    arguments = {
        "path": str(Path(asked.path).absolute()),
        "series": asked.series,
        "modality": asked.modality,
    } | ({"taken_as": asked.taken_as} if asked.taken_as else {})
    with _opened_or_made(path, Case(asked.patient or path.name, asked.organ)) as folder:
        step(folder, "import", arguments, printer)
        printer.table(tables.visits(folder.case, folder))


@contextmanager
def _opened_or_made(path: Path, case: Case) -> Iterator[CaseFolder]:
    """Yield a case folder; one made here is removed again when its first import fails."""
    if (path / "journal.sqlite").is_file():
        with CaseFolder.open(path) as folder:
            yield folder
        return
    ours, imported = not path.exists() or not any(path.iterdir()), False
    try:
        with CaseFolder.create(path, case) as folder:
            try:
                yield folder
            finally:
                imported = len(folder.entries) > 1
    finally:
        if ours and not imported:
            shutil.rmtree(path, ignore_errors=True)


def _acknowledge(asked: argparse.Namespace, printer: Printer) -> None:
    with CaseFolder.open(Path(asked.case)) as folder:
        arguments = {"visit": asked.visit, "reason": asked.reason}
        step(folder, "acknowledge", arguments, printer)
        printer.table(tables.visits(folder.case, folder))


def _identify(asked: argparse.Namespace, printer: Printer) -> None:
    decided = asked.same or asked.other
    with CaseFolder.open(Path(asked.case), write=decided) as folder:
        if not decided:
            printer.table(tables.identities(folder.case, folder, asked.visit))
            return
        arguments = {"visit": asked.visit, "same_patient": asked.same, "reason": asked.reason}
        step(folder, "identify", arguments, printer)
        printer.table(tables.visits(folder.case, folder))
