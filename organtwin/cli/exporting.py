"""A visit as files for other systems: export."""

from __future__ import annotations

import argparse
from pathlib import Path

from organtwin.casefolder import CaseFolder
from organtwin.cli.deidentifying import add_options
from organtwin.cli.verb import Verb
from organtwin.cli.written import add_replace
from organtwin.core.errors import BadInput
from organtwin.printing import Printer
from organtwin.tables import Table


def add(verb: Verb) -> None:
    """Add the verb."""
    made = verb("export", _export, "write a visit as DICOM objects and other files")
    made.add_argument("case")
    made.add_argument(
        "--what",
        action="append",
        required=True,
        metavar="FORMAT",
        help="seg, labelmap, rtstruct, stl, obj, sr, pdf, sc, nifti, or all; may be repeated",
    )
    made.add_argument("--visit", type=int, default=0)
    made.add_argument("--to", required=True, help="folder to write into")
    add_replace(made)
    made.add_argument("--deidentify", action="store_true", help="take the patient out of DICOM")
    add_options(made)
    made.add_argument("--plain", action="store_true", help="meshes as .stl and .obj, not in DICOM")


def _export(asked: argparse.Namespace, printer: Printer) -> None:
    from organtwin.pipeline.exporting import export

    if asked.options and not asked.deidentify:
        raise BadInput("--with is for --deidentify", where="export")
    with CaseFolder.open(Path(asked.case)) as folder:
        with printer.progress("export") as watch:
            paths, done = export(
                folder.case,
                folder,
                folder.entries,
                what=asked.what,
                visit=asked.visit,
                to=Path(asked.to),
                watch=watch,
                plain=asked.plain,
                deidentify=asked.options if asked.deidentify else None,
                secret=Path(asked.secret) if asked.secret else None,
                replace=asked.replace,
            )
        folder.append(folder.case, done)
    digests = done.arguments["files"]
    rows = tuple((str(path), digests[path.name]) for path in paths)
    printer.table(Table("Written", ("file", "SHA-256"), rows))
