"""DICOM files without their patient: deidentify."""

from __future__ import annotations

import argparse
from pathlib import Path

from organtwin.cli.verb import Verb
from organtwin.core.errors import BadInput
from organtwin.printing import Printer
from organtwin.tables import Table


def add(verb: Verb) -> None:
    """Add the verb."""
    made = verb("deidentify", _deidentify, "copy DICOM files without their patient")
    made.add_argument("path", help="file, folder, DICOMDIR or zip")
    made.add_argument("--to", required=True, help="new folder to write into")
    add_options(made)


def add_options(to: argparse.ArgumentParser) -> None:
    """Add what steers a de-identification."""
    to.add_argument(
        "--with",
        dest="options",
        action="append",
        default=[],
        metavar="OPTION",
        help="of the de-identification: no-dates, shifted-dates (usual), full-dates, uids, device, "
        "institution, patient, private, descriptors, content, graphics, pixels-checked; may be "
        "repeated",
    )
    to.add_argument(
        "--secret", help="file with a secret shared in a project; this installation's own without"
    )


def _deidentify(asked: argparse.Namespace, printer: Printer) -> None:
    from organtwin.pipeline.deidentifying import deidentify

    secret = Path(asked.secret) if asked.secret else None
    to = Path(asked.to)
    with printer.progress("deidentify") as watch:
        written, refused = deidentify(
            Path(asked.path), to, asked.options, secret=secret, watch=watch
        )
    rows = (("files written", written), ("files refused", len(refused)), ("folder", str(to)))
    printer.table(Table("De-identified", ("what", "value"), rows))
    printer.table(Table("Refused", ("file", "reason"), refused))
    if refused:
        raise BadInput(
            f"{len(refused)} of {len(refused) + written} files were not copied",
            where=asked.path,
            advice="see the reasons; the others are complete",
        )
