"""The river without a window: ``organtwin VERB …``.

Exit status 0 only when the verb did what it says, 2 for bad input, 1 for anything else. With
``--json`` the result is one JSON object on stdout and progress one JSON object a line on stderr.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from organtwin import __version__, tables
from organtwin.casefolder import CaseFolder
from organtwin.core.case import Case
from organtwin.core.errors import BadInput, Missing, OrganTwinError
from organtwin.places import keep_caches_there
from organtwin.printing import Printer
from organtwin.recording import step
from organtwin.tables import Table

RESEARCH_USE = "For research use only; not a medical device."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit status."""
    keep_caches_there()
    signal.signal(signal.SIGTERM, _stop)
    asked = _parser().parse_args(arguments)
    printer = Printer(as_json=asked.json)
    try:
        asked.run(asked, printer)
    except OrganTwinError as error:
        printer.error(error)
        return 2 if isinstance(error, BadInput | Missing) else 1
    except KeyboardInterrupt:
        printer.note("stopped; what was finished is saved")
        return 130
    finally:
        printer.finish()
    return 0


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


# -- verbs ----------------------------------------------------------------------------------------


def _import(asked: argparse.Namespace, printer: Printer) -> None:
    path = Path(asked.case)
    arguments = {
        "path": str(Path(asked.path).absolute()),
        "series": asked.series,
        "modality": asked.modality,
    }
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
    folder = CaseFolder.create(path, case)
    try:
        yield folder
    finally:
        folder.close()
        if len(folder.entries) == 1:
            shutil.rmtree(path)


def _segment(asked: argparse.Namespace, printer: Printer) -> None:
    with CaseFolder.open(Path(asked.case)) as folder:
        everything = range(len(folder.case.visits))
        for visit in everything if asked.visit == "all" else [_whole(asked.visit)]:
            step(folder, *_segment_step(asked, visit), printer)
        printer.table(tables.structures(folder.case, folder))


def _segment_step(asked: argparse.Namespace, visit: int) -> tuple[str, dict[str, Any]]:
    if asked.labels:
        path = str(Path(asked.labels).absolute())
        return "label", {"path": path, "visit": visit, "names": dict(map(_pair, asked.name))}
    seeds = json.loads(Path(asked.seeds).read_text()) if asked.seeds else {}
    return "segment", {"visit": visit, "method": asked.method, **seeds}


def _acknowledge(asked: argparse.Namespace, printer: Printer) -> None:
    with CaseFolder.open(Path(asked.case)) as folder:
        arguments = {"visit": asked.visit, "reason": asked.reason}
        step(folder, "acknowledge", arguments, printer)
        printer.table(tables.visits(folder.case, folder))


def _mesh(asked: argparse.Namespace, printer: Printer) -> None:
    sizes = {"organ_edge_mm": asked.organ_edge_mm, "tumour_edge_mm": asked.tumour_edge_mm}
    with CaseFolder.open(Path(asked.case)) as folder:
        step(folder, "mesh", sizes, printer)
        printer.table(tables.mesh(folder.case, folder))


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
    from organtwin.pipeline.handing_out import write_report

    with CaseFolder.open(Path(asked.case)) as folder, printer.progress("report") as watch:
        paths = write_report(folder.case, folder, folder.entries, to=Path(asked.to), watch=watch)
    printer.table(Table("Written", ("file",), tuple((str(p),) for p in paths)))


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
    with (
        CaseFolder.open(Path(asked.path), write=False) as folder,
        printer.progress("audit export") as watch,
    ):
        root = export_audit(folder.objects, folder.entries, [], to=Path(asked.to), watch=watch)
    printer.table(Table("Sealed", ("what", "value"), (("package", asked.to), ("root", root))))


def _demo(asked: argparse.Namespace, printer: Printer) -> None:
    from organtwin.demo import run_demo

    images = Path(asked.images) if asked.images else None
    run_demo(Path(asked.to), images, asked.members, printer)


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


# -- arguments ------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    parser = argparse.ArgumentParser("organtwin", description=f"OrganTwin. {RESEARCH_USE}")
    parser.add_argument("--version", action="version", version=f"organtwin {__version__}")
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    def verb(
        name: str, run: Callable[[argparse.Namespace, Printer], None], says: str
    ) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=says, description=says, parents=[common])
        made.set_defaults(run=run)
        return made

    for add in (_river_verbs, _other_verbs):
        add(verb)
    return parser


Verb = Callable[[str, Callable[[argparse.Namespace, Printer], None], str], argparse.ArgumentParser]


def _river_verbs(verb: Verb) -> None:
    made = verb("import", _import, "find the series in a folder and add a visit for each date")
    made.add_argument("path", help="folder or file with DICOM images")
    made.add_argument("--case", required=True, help="case folder; made when missing")
    made.add_argument("--patient", default="", help="pseudonym shown in the window and reports")
    made.add_argument("--organ", default="liver")
    made.add_argument("--modality", default="CT")
    made.add_argument("--series", action="append", default=[], metavar="UID")
    made = verb("acknowledge", _acknowledge, "accept a visit's geometry findings, with a reason")
    made.add_argument("case")
    made.add_argument("--visit", type=int, required=True)
    made.add_argument("--reason", required=True)
    made = verb("segment", _segment, "label the organ, its vessels and tumours")
    made.add_argument("case")
    made.add_argument("--visit", default="all", help="number of the visit, or all")
    made.add_argument("--method", default="liver-ct")
    made.add_argument("--seeds", help="JSON file: points by structure (LPS mm), diameters_mm")
    made.add_argument("--labels", help="take a DICOM SEG or RTSTRUCT file instead")
    made.add_argument("--name", action="append", default=[], metavar="NAME=STRUCTURE")
    made = verb("mesh", _mesh, "mesh the baseline's labels")
    made.add_argument("case")
    made.add_argument("--organ-edge-mm", type=float, default=8.0)
    made.add_argument("--tumour-edge-mm", type=float, default=3.0)
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


def _other_verbs(verb: Verb) -> None:
    made = verb("audit", _audit, "seal a case's record into a zip, or verify one")
    made.add_argument("what", choices=("export", "verify"))
    made.add_argument("path", help="case folder (export) or package (verify)")
    made.add_argument("--to", default="audit.zip", help="package to write")
    made = verb("demo", _demo, "run the whole river on the sample patient")
    made.add_argument("--to", default="out/demo", help="folder to write into")
    made.add_argument("--images", help="folder of images; the sample patient without")
    made.add_argument("--members", type=int, default=48, help="samples of each belief")
    verb("doctor", _doctor, "say what is missing on this machine and how to mend it")
    verb("window", _window, "open the window").add_argument("case", nargs="?")


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise BadInput(f"{text!r} is not the number of a visit") from error


def _pair(text: str) -> tuple[str, str]:
    name, separator, structure = text.partition("=")
    if not separator:
        raise BadInput(f"{text!r} is not NAME=STRUCTURE")
    return name, structure


if __name__ == "__main__":
    sys.exit(main())
