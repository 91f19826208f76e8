"""Beside the river: audit, demo, doctor, window."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from organtwin.casefolder import CaseFolder
from organtwin.cli.verb import Verb
from organtwin.cli.written import add_replace, require_free
from organtwin.core.errors import Missing
from organtwin.printing import Printer
from organtwin.tables import Table


def add(verb: Verb) -> None:
    """Add the verbs beside the river."""
    made = verb("audit", _audit, "seal a case's record into a zip, or verify one")
    made.add_argument("what", choices=("export", "verify"))
    made.add_argument("path", help="case folder (export) or package (verify)")
    made.add_argument("--to", default="audit.zip", help="package to write")
    add_replace(made)
    made.add_argument(
        "--with-identity",
        action="store_true",
        help="put in whom the images say they show, their identifiers and local paths too",
    )
    made = verb("demo", _demo, "run the whole river on the sample patient")
    made.add_argument("--to", default="out/demo", help="folder to write into")
    made.add_argument("--images", help="folder of images; the sample patient without")
    made.add_argument("--members", type=int, default=48, help="samples of each belief")
    made.add_argument("--replace", action="store_true", help="empty the folder of an earlier demo")
    verb("doctor", _doctor, "say what is missing on this machine and how to mend it")
    verb("window", _window, "open the window").add_argument("case", nargs="?")


def _audit(asked: argparse.Namespace, printer: Printer) -> None:
    from organtwin.pipeline.handing_out import export_audit
    from organtwin.reporting.audit_check import verify_audit

    if asked.what == "verify":
        with printer.progress("audit verify") as watch:
            verified = verify_audit(Path(asked.path), watch)
        figures = dataclasses.asdict(verified)
        steps = figures.pop("steps")
        printer.table(
            Table("Verified: nothing was changed", ("what", "value"), tuple(figures.items()))
        )
        printer.table(Table("Steps", ("time", "who", "what"), steps))
        return
    require_free(Path(asked.to), replace=asked.replace, inputs=[asked.path])
    with (
        CaseFolder.open(Path(asked.path), write=False) as folder,
        printer.progress("audit export") as watch,
    ):
        root = export_audit(
            folder.objects,
            folder.entries,
            [],
            to=Path(asked.to),
            watch=watch,
            with_identity=asked.with_identity,
        )
    printer.table(Table("Sealed", ("what", "value"), (("package", asked.to), ("root", root))))


def _demo(asked: argparse.Namespace, printer: Printer) -> None:
    from organtwin.demo import run_demo

    images = Path(asked.images) if asked.images else None
    run_demo(Path(asked.to), images, asked.members, printer, replace=asked.replace)


def _doctor(_: argparse.Namespace, printer: Printer) -> None:
    from organtwin.doctor import examine

    findings = list(examine())
    rows = tuple(
        (f.name, "ok" if f.ok else "MISSING", f.found, "" if f.ok else f.mend) for f in findings
    )
    printer.table(Table("This machine", ("what", "state", "found", "how to mend it"), rows))
    if not all(f.ok for f in findings):
        raise Missing("something is missing on this machine", advice="see the last column")


def _window(asked: argparse.Namespace, _: Printer) -> None:
    from organtwin.__main__ import main as open_window

    raise SystemExit(open_window([asked.case] if asked.case else []))
