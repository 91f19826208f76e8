"""Label the images of a case, or one image without a case."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from organtwin import tables
from organtwin.casefolder import CaseFolder
from organtwin.cli.propagating import PROPAGATE
from organtwin.cli.reading import json_file
from organtwin.cli.segmenting_image import segment_image
from organtwin.cli.verb import Verb
from organtwin.cli.written import add_replace
from organtwin.core.errors import BadArgument, BadInput, WouldReplace
from organtwin.printing import Printer
from organtwin.recording import step
from organtwin.tables import Table

if TYPE_CHECKING:
    from organtwin.core.case import Case


def add(verb: Verb) -> None:
    """Add the verbs of segmentation."""
    made = verb("segment", _segment, "label the organ, its vessels and tumours")
    made.add_argument("path", help="case folder, or an image: folder, file, DICOMDIR or zip")
    made.add_argument("--method", default="liver-ct", help="see `organtwin methods`")
    made.add_argument("--seeds", help="JSON file: points, scribbles, diameters (see the manual)")
    made.add_argument("--setting", action="append", default=[], metavar="NAME=VALUE")
    made.add_argument("--labels", help="of a case: take them from a file; of an image: start here")
    made.add_argument("--name", action="append", default=[], metavar="NAME=STRUCTURE")
    add_replace(made, ", labels that are there, and work that is done or reviewed")
    case = made.add_argument_group("of a case")
    says = "number of the visit; all: those without labels, with --replace every one"
    case.add_argument("--visit", default="all", help=says)
    case.add_argument("--start", type=int, default=0, help="propagate: the visit to carry from")
    image = made.add_argument_group("of an image")
    image.add_argument("--to", metavar="FILE", help="NIfTI file to write the labels to")
    image.add_argument("--earlier", metavar="IMAGE", help="propagate: that --labels are of")
    image.add_argument("--series", type=int, metavar="N", help="as `organtwin inspect` counts")
    image.add_argument("--modality", default="", help="of a file that says none, such as NIfTI")
    image.add_argument("--organ", default="liver", help="whose names and codes are meant")
    verb("methods", _methods, "list the methods of segmentation and their settings")


def _segment(asked: argparse.Namespace, printer: Printer) -> None:
    if (Path(asked.path) / "journal.sqlite").is_file():
        _segment_case(asked, printer)
    else:
        segment_image(asked, _names(asked.name), _settings(asked.setting), printer)


def _segment_case(asked: argparse.Namespace, printer: Printer) -> None:
    if asked.to or asked.series is not None:
        raise BadArgument("--to and --series are for an image without a case", where=asked.path)
    with CaseFolder.open(Path(asked.path)) as folder:
        for visit in _visits(asked, folder.case):
            step(folder, *_step(asked, visit), printer)
        printer.table(tables.structures(folder.case, folder))


def _visits(asked: argparse.Namespace, case: Case) -> Sequence[int]:
    """Return the visits meant: the one said, else all without labels, or all there are.

    Seeds and labels of a file lie in the frame of one visit.
    """
    if asked.visit != "all":
        return [_whole(asked.visit)]
    everything = list(range(len(case.visits)))
    for given in (asked.seeds, asked.labels):
        if given and (asked.seeds or len(everything) > 1):
            raise BadArgument(
                "seeds and labels are of one visit: each has its own frame",
                where=given,
                advice="say which with --visit N",
            )
    if asked.method == PROPAGATE:
        everything = [n for n in everything if n != asked.start]
    wanted = [n for n in everything if asked.replace or asked.labels or not case.visits[n].labels]
    if everything and not wanted:
        raise WouldReplace(
            "every visit has labels already",
            where=asked.path,
            advice="say which is meant with --visit N, or --replace for all",
        )
    return wanted


def _step(asked: argparse.Namespace, visit: int) -> tuple[str, dict[str, Any]]:
    replace = {"replace": True} if asked.replace else {}
    if asked.method == PROPAGATE:
        return "propagate", {"visit": visit, "start": asked.start, **replace}
    if asked.labels:
        path = str(Path(asked.labels).absolute())
        return "label", {"path": path, "visit": visit, "names": _names(asked.name), **replace}
    settings = {"settings": _settings(asked.setting)} if asked.setting else {}
    seeds = _seeds(asked.seeds) if asked.seeds else {}
    return "segment", {"visit": visit, "method": asked.method, **settings, **seeds, **replace}


def _seeds(path: str) -> dict[str, Any]:
    from organtwin.segmenting.seeds import require_fields

    told = json_file(path, "seeds")
    require_fields(told)
    return told


def _methods(asked: argparse.Namespace, printer: Printer) -> None:
    """List every method with its settings, and the models that cannot be used, with reasons."""
    from organtwin.segmenting import methods
    from organtwin.segmenting.model_page import whole_pages

    del asked
    found = methods(whole=True).values()
    rows = (
        *((m.name, m.kind, m.modality or "any", m.title) for m in found),
        (PROPAGATE, "automatic", "that of the earlier", "Labels of an earlier image carried"),
    )
    printer.table(Table("Methods", ("name", "kind", "modality", "what it does"), rows))
    settings = tuple(
        (m.name, p.name, p.unit, p.low, p.high, p.default, p.meaning, p.source)
        for m in found
        for p in m.settings
    )
    columns = ("method", "setting", "unit", "least", "most", "default", "meaning", "source")
    printer.table(Table("Settings", columns, settings))
    refused = tuple((str(folder), error.what, error.where) for folder, error in whole_pages()[1])
    printer.table(Table("Models that cannot be used", ("folder", "why", "where"), refused))


def _settings(pairs: Sequence[str]) -> Mapping[str, float]:
    found = {}
    for name, value in map(_pair, pairs):
        try:
            found[name] = float(value)
        except ValueError as error:
            raise BadInput(f"{value!r} is no number", where=f"--setting {name}") from error
    return found


def _names(pairs: Sequence[str]) -> dict[str, str]:
    return dict(map(_pair, pairs))


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise BadInput(f"{text!r} is not NAME=VALUE")
    return name, value


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise BadInput(f"{text!r} is not the number of a visit") from error
