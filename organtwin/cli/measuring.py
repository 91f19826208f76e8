"""Numbers of labels: measure, targets, agreement; of a case or of plain files."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from organtwin.casefolder import CaseFolder
from organtwin.cli.verb import Verb
from organtwin.cli.written import add_replace, provenance, require_free, write_record
from organtwin.core.errors import BadArgument, BadInput
from organtwin.numbers import NOTICE
from organtwin.printing import Printer
from organtwin.recording import step
from organtwin.tables import Table

if TYPE_CHECKING:
    from organtwin.core.watch import Watch
    from organtwin.pipeline.agreeing import Side
    from organtwin.pipeline.measuring import Measured


VOLUMES: Final = (
    "structure", "kind", "voxels", "mL by voxels", "mL by surface", "differs %", "geometry ± mL",
    "geometry",
)  # fmt: skip
DIAMETERS: Final = (
    "structure", "long axis mm", "short axis mm", "longest in 3D mm", "across", "slice",
    "RECIST 1.1",
)  # fmt: skip
VALUES: Final = (
    "structure", "unit", "voxels", "mean", "sd", "median", "5 %", "95 %", "least", "most",
    "inset mm", "no number",
)  # fmt: skip
TARGETS: Final = (
    "day", "sizes mm", "sum mm", "to baseline %", "to smallest before %", "targets' response",
)  # fmt: skip
AGREEMENT: Final = (
    "structure", "Dice", "first mL", "second mL", "differs %", "HD95 mm", "Hausdorff mm", "mean mm",
    "outwards mm", "outside second's images mL", "outside first's images mL",
)  # fmt: skip


def add(verb: Verb) -> None:
    """Add the verbs."""
    made = verb("measure", _measure, "volumes, RECIST diameters and values of every structure")
    made.add_argument("path", help="case folder, or a file of labels")
    made.add_argument("--inset-mm", type=float, default=0.0, help="values only this far inside")
    case = made.add_argument_group("of a case")
    case.add_argument("--visit", type=int, default=0)
    files = made.add_argument_group("of a file of labels")
    files.add_argument("--image", help="image whose values are summed up")
    files.add_argument("--series", type=int, metavar="N", help="as `organtwin inspect` counts")
    files.add_argument("--modality", default="", help="of an image that says none, such as NIfTI")
    _add_names(files)
    made = verb("targets", _targets, "sum of target diameters over the visits, by RECIST 1.1")
    made.add_argument("path", help="case folder")
    rule = "tumours of the baseline, kept in the case; until some are, its two largest measurable"
    made.add_argument("--targets", nargs="+", default=[], metavar="STRUCTURE", help=rule)
    nodes = "lymph nodes: followed by their short axis"
    made.add_argument("--nodes", nargs="+", default=[], metavar="STRUCTURE", help=nodes)
    made.add_argument("--by-rule", action="store_true", help="forget which were chosen")
    made = verb("agreement", _agreement, "how a second label map agrees with a first")
    made.add_argument("first", help="file of labels, or a case, that the second is held against")
    made.add_argument("second", help="file of labels, or a case")
    made.add_argument("--visit", type=int, default=0, help="of the first, where it is a case")
    made.add_argument("--second-visit", type=int, default=0, help="of the second")
    made.add_argument("--to", metavar="FILE", help="write the surface distances as .vtp")
    add_replace(made)
    made.add_argument("--images", help="what a DICOM SEG or RTSTRUCT was drawn on")
    made.add_argument("--second-names", nargs="+", default=[], metavar="NAME=STRUCTURE")
    _add_names(made)


def _add_names(to: argparse._ActionsContainer) -> None:
    to.add_argument(
        "--names",
        nargs="+",
        default=[],
        metavar="NAME=STRUCTURE",
        help="what a segment, or a voxel value (1=liver), stands for",
    )
    to.add_argument("--organ", default="liver", help="whose names and codes are meant")


def _measure(asked: argparse.Namespace, printer: Printer) -> None:
    from organtwin.pipeline.measuring import as_json

    with printer.progress("measure") as watch:
        if (Path(asked.path) / "journal.sqlite").is_file():
            found = _of_case(asked, watch)
        else:
            found = _of_file(asked, printer, watch)
    told = [as_json(one) for one in found]
    printer.result(notice=NOTICE, structures=told)
    if not printer.as_json:
        for table in _measured(told):
            printer.table(table)


def _targets(asked: argparse.Namespace, printer: Printer) -> None:
    from organtwin.pipeline.recist import as_json, course_of, sizes_text

    chosen = {"targets": asked.targets, "nodes": asked.nodes}
    choice = bool(asked.targets or asked.nodes or asked.by_rule)
    with CaseFolder.open(Path(asked.path), write=choice) as it:
        if choice:
            step(it, "targets", chosen, printer)
        with printer.progress("targets") as watch:
            told = as_json(course_of(it.case, it, watch))
    printer.result(notice=NOTICE, **told)
    if not printer.as_json:
        rows = tuple(
            (one["day"], sizes_text(one["sizes_mm"]), *[*one.values()][2:])
            for one in told["visits"]
        )
        printer.table(Table(f"Targets: {', '.join(told['targets'])}", TARGETS, rows))
        printer.table(Table("To know", ("what",), tuple((note,) for note in told["notes"])))


def _of_case(asked: argparse.Namespace, watch: Watch) -> tuple[Measured, ...]:
    from organtwin.pipeline.measuring import measured_visit

    if asked.image or asked.names:
        raise BadArgument("--image and --names are for a file of labels", where=asked.path)
    with CaseFolder.open(Path(asked.path), write=False) as folder:
        return measured_visit(
            folder.case, folder, watch, visit=asked.visit, inset_mm=asked.inset_mm
        )


def _of_file(asked: argparse.Namespace, printer: Printer, watch: Watch) -> tuple[Measured, ...]:
    from organtwin.importing import image_at, labels_at
    from organtwin.importing.grids import says_nothing
    from organtwin.organs import organ
    from organtwin.pipeline.measuring import measured

    image, beside = None, None
    if asked.image:
        beside = Path(asked.image)
        image = image_at(beside, asked.series, asked.modality, watch.part(0.0, 0.3))
    labels, grid = labels_at(
        Path(asked.path), organ(asked.organ), beside=beside, names=_names(asked.names),
        watch=watch.part(0.3, 0.5), notice=printer.warn,
    )  # fmt: skip
    for doubt in says_nothing(labels.affine):
        printer.warn(doubt)
    if grid.geometry.grade != "good":
        printer.warn(f"geometry {grid.geometry.grade}: " + "; ".join(grid.geometry.findings))
    return measured(
        labels, grid.geometry, watch.part(0.5, 1.0), image=image, inset_mm=asked.inset_mm
    )


def _agreement(asked: argparse.Namespace, printer: Printer) -> None:
    from organtwin.exporting.vtp import write_vtp
    from organtwin.pipeline.agreeing import agreements, as_json, surface_map

    if asked.to:
        read = [asked.first, asked.second, asked.images]
        require_free(Path(asked.to), replace=asked.replace, inputs=read, record=True)
    with printer.progress("agreement") as watch:
        first = _side(asked.first, asked, asked.names, visit=asked.visit, watch=watch)
        names = asked.second_names or asked.names
        second = _side(asked.second, asked, names, visit=asked.second_visit, watch=watch)
        found, notes = agreements(first, second, watch.part(0.4, 1.0))
        withheld = "withheld" in (first.grade, second.grade)
        if asked.to and withheld:
            raise BadInput("no map of distances: a geometry is in doubt", where="agreement")
        if asked.to:
            arrays = surface_map(found)
            points, triangles = arrays.pop("points"), arrays.pop("triangles")
            write_vtp(Path(asked.to), points, triangles, arrays)
    told = [as_json(one, withheld=withheld) for one in found]
    printer.result(notice=NOTICE, structures=told)
    for note in notes:
        printer.warn(note)
    if asked.to:
        sides = {"first": (asked.first, asked.visit), "second": (asked.second, asked.second_visit)}
        ids = {name: _labels_id(path, visit) for name, (path, visit) in sides.items()}
        made = provenance(
            Path(asked.to),
            method="agreement",
            settings={"names": asked.names, "second_names": asked.second_names},
            inputs={name: path for name, (path, _) in sides.items() if not ids[name]},
            objects={name: one for name, one in ids.items() if one},
        )
        write_record(Path(asked.to), made)
        printer.result(file=asked.to, provenance=made)
    if not printer.as_json:
        printer.table(Table("Agreement", AGREEMENT, tuple(tuple(one.values()) for one in told)))


def _side(
    path: str, asked: argparse.Namespace, names: Sequence[str], *, visit: int, watch: Watch
) -> Side:
    from organtwin.pipeline.agreeing import side_of_file, side_of_visit

    if (Path(path) / "journal.sqlite").is_file():
        with CaseFolder.open(Path(path), write=False) as folder:
            return side_of_visit(folder.case, folder, visit)
    images, part = Path(asked.images) if asked.images else None, watch.part(0.0, 0.3)
    return side_of_file(Path(path), asked.organ, part, names=_names(names), images=images)


def _labels_id(path: str, visit: int) -> str:
    """Return the id of a visit's labels, "" for a file of labels."""
    if not (Path(path) / "journal.sqlite").is_file():
        return ""
    with CaseFolder.open(Path(path), write=False) as folder:
        return folder.case.visit(visit).labels


def _measured(told: Sequence[Mapping[str, Any]]) -> Iterator[Table]:
    """Yield what was measured as tables, those without a number left out."""
    yield Table("Volumes", VOLUMES, tuple(map(_volume, told)))
    yield Table("Diameters", DIAMETERS, tuple(_lengths(one) for one in told if one["diameters"]))
    values = tuple((one["structure"], *one["values"].values()) for one in told if one["values"])
    yield Table("Values", VALUES, values)
    notes = tuple((one["structure"], note) for one in told for note in one["notes"])
    yield Table("To know", ("structure", "what"), notes)


def _volume(one: Mapping[str, Any]) -> tuple[Any, ...]:
    found = one["volume"] or {"voxels_ml": "withheld" if one["voxels"] else 0.0}
    names = ("voxels_ml", "surface_ml", "difference_percent", "geometry_ml")
    numbers = [found.get(name) for name in names]
    return one["structure"], one["kind"], one["voxels"], *numbers, one["geometry"]


def _lengths(one: Mapping[str, Any]) -> tuple[Any, ...]:
    found = one["diameters"]
    lengths = [found[name]["mm"] for name in ("long_axis", "short_axis", "longest")]
    said = found["recist"]["lesion"] if one["kind"] == "tumour" else ""
    return one["structure"], *lengths, "ijk"[found["across"]], found["slice"], said


def _names(pairs: Sequence[str]) -> dict[str, str]:
    found = {}
    for text in pairs:
        name, separator, structure = text.partition("=")
        if not separator:
            raise BadInput(f"{text!r} is not NAME=STRUCTURE")
        found[name] = structure
    return found
