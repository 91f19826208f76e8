"""Label the images of a case, or one image without a case."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from organtwin import tables
from organtwin.casefolder import CaseFolder
from organtwin.cli.propagating import PROPAGATE, propagate_image
from organtwin.cli.verb import Verb
from organtwin.core.errors import BadArgument, BadInput
from organtwin.printing import Printer
from organtwin.recording import step
from organtwin.tables import Table

if TYPE_CHECKING:
    from organtwin.core.case import Case
    from organtwin.core.labelmap import LabelMap
    from organtwin.core.volume import Volume

MOST_SEED_BYTES: Final = 32 * 2**20


def add(verb: Verb) -> None:
    """Add the verbs of segmentation."""
    made = verb("segment", _segment, "label the organ, its vessels and tumours")
    made.add_argument("path", help="case folder, or an image: folder, file, DICOMDIR or zip")
    made.add_argument("--method", default="liver-ct", help="see `organtwin methods`")
    made.add_argument("--seeds", help="JSON file: points, scribbles, diameters (see the manual)")
    made.add_argument("--setting", action="append", default=[], metavar="NAME=VALUE")
    made.add_argument("--labels", help="of a case: take them from a file; of an image: start here")
    made.add_argument("--name", action="append", default=[], metavar="NAME=STRUCTURE")
    case = made.add_argument_group("of a case")
    case.add_argument("--visit", default="all", help="number of the visit, or all")
    case.add_argument("--start", type=int, default=0, help="propagate: the visit to carry from")
    case.add_argument("--replace", action="store_true", help="propagate: over labels there are")
    image = made.add_argument_group("of an image")
    image.add_argument("--to", metavar="FILE", help="NIfTI file to write the labels to")
    image.add_argument("--earlier", metavar="IMAGE", help="propagate: that --labels are of")
    image.add_argument("--series", type=int, metavar="N", help="as `organtwin inspect` counts")
    image.add_argument("--modality", default="", help="of a file that says none, such as NIfTI")
    image.add_argument("--organ", default="liver", help="whose names and codes are meant")
    verb("methods", _methods, "list the methods of segmentation and their settings")


def _segment(asked: argparse.Namespace, printer: Printer) -> None:
    is_case = (Path(asked.path) / "journal.sqlite").is_file()
    if is_case:
        _segment_case(asked, printer)
    elif asked.method == PROPAGATE:
        _say(asked, *propagate_image(asked, _names(asked.name), printer), printer)
    else:
        _segment_image(asked, printer)


def _segment_case(asked: argparse.Namespace, printer: Printer) -> None:
    if asked.to or asked.series is not None:
        raise BadArgument("--to and --series are for an image without a case", where=asked.path)
    with CaseFolder.open(Path(asked.path)) as folder:
        for visit in _visits(asked, folder.case):
            step(folder, *_step(asked, visit), printer)
        printer.table(tables.structures(folder.case, folder))


def _visits(asked: argparse.Namespace, case: Case) -> Sequence[int]:
    """Return the visits meant; all that labels are carried to are those that have none."""
    if asked.visit != "all":
        return [_whole(asked.visit)]
    everything = range(len(case.visits))
    if asked.method != PROPAGATE:
        return everything
    return [n for n in everything if n != asked.start and not case.visits[n].labels]


def _step(asked: argparse.Namespace, visit: int) -> tuple[str, dict[str, Any]]:
    if asked.method == PROPAGATE:
        return "propagate", {"visit": visit, "start": asked.start, "replace": asked.replace}
    if asked.labels:
        path = str(Path(asked.labels).absolute())
        return "label", {"path": path, "visit": visit, "names": _names(asked.name)}
    settings = {"settings": _settings(asked.setting)} if asked.setting else {}
    seeds = _read_seeds(asked.seeds) if asked.seeds else {}
    return "segment", {"visit": visit, "method": asked.method, **settings, **seeds}


def _segment_image(asked: argparse.Namespace, printer: Printer) -> None:
    """Label one image and write the labels; nothing else is kept."""
    from organtwin.exporting.nifti import write_voxels
    from organtwin.importing import image_at, labels_at
    from organtwin.organs import organ as organ_named
    from organtwin.segmenting import Request, method
    from organtwin.segmenting.seeds import seeds_of

    if not asked.to:
        raise BadArgument("--to FILE is missing", advice="say where the labels shall go")
    organ, chosen = organ_named(asked.organ), method(asked.method)
    told, path = _read_seeds(asked.seeds) if asked.seeds else {}, Path(asked.path)
    with printer.progress("segment") as watch:
        modality = asked.modality or chosen.modality
        volume = image_at(path, asked.series, modality, watch.part(0.0, 0.2))
        so_far = None
        if asked.labels:
            so_far, _ = labels_at(
                Path(asked.labels), organ, on=volume, names=_names(asked.name),
                watch=watch.part(0.2, 0.3), notice=printer.warn,
            )  # fmt: skip
        seeds = seeds_of(told, volume.affine)
        settings = _settings(asked.setting)
        request = Request(volume, organ, seeds, so_far, settings, printer.note)
        labels = chosen.labelled(request, watch.part(0.3, 0.95))
        names = {s.label: s.name for s in labels.structures}
        write_voxels(
            Path(asked.to), labels.labels, labels.affine, names=names, watch=watch.part(0.95, 1.0)
        )
    _say(asked, labels, volume, printer)


def _say(asked: argparse.Namespace, labels: LabelMap, volume: Volume, printer: Printer) -> None:
    """Tell what was found; a geometry that is in doubt withholds volumes."""
    withheld = volume.geometry.grade == "withheld"
    if volume.geometry.grade != "good":
        printer.warn(f"geometry {volume.geometry.grade}: " + "; ".join(volume.geometry.findings))
    found: list[dict[str, Any]] = []
    for structure in labels.structures:
        inside = [s.label for s in labels.inside(structure.name)]
        found.append(
            {
                "name": structure.name,
                "kind": structure.kind,
                "within": structure.within,
                "code": [structure.code.value, structure.code.scheme, structure.code.meaning],
                "values": inside,
                "volume_ml": None if withheld else labels.volume_ml(structure.name),
            }
        )
    printer.result(
        file=asked.to,
        method=asked.method,
        modality=volume.modality,
        geometry=volume.geometry.grade,
        structures=found,
    )
    rows = tuple(
        (s["name"], ", ".join(map(str, s["values"])), "withheld" if withheld else s["volume_ml"])
        for s in found
    )
    printer.table(Table("Labels", ("structure", "values", "volume mL"), rows))


def _methods(asked: argparse.Namespace, printer: Printer) -> None:
    """List every method with its settings, and the models that cannot be used, with reasons."""
    from organtwin.segmenting import methods
    from organtwin.segmenting.model_page import pages

    del asked
    found = methods().values()
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
    refused = tuple((str(folder), error.what, error.where) for folder, error in pages()[1])
    printer.table(Table("Models that cannot be used", ("folder", "why", "where"), refused))


def _read_seeds(path: str) -> dict[str, Any]:
    """Return the JSON object of a file of seeds; raises BadInput."""
    try:
        if Path(path).stat().st_size > MOST_SEED_BYTES:
            raise BadInput(f"seeds of more than {MOST_SEED_BYTES >> 20} MiB", where=path)
        told = json.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(
            f"these seeds cannot be read ({error})", where=path, advice="write a JSON object"
        ) from error
    if not isinstance(told, dict):
        raise BadInput("seeds are one JSON object", where=path)
    return told


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
