"""Deform the organ of a case or file (mesh or labels): the patient turned, tilted, insufflated."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from organtwin.casefolder import CaseFolder
from organtwin.cli import meshing, straining
from organtwin.cli.verb import Verb
from organtwin.cli.written import add_replace, provenance, require_free, write_record
from organtwin.core.errors import BadArgument
from organtwin.core.parameter import Ensemble
from organtwin.printing import Printer
from organtwin.recording import step
from organtwin.tables import Table

if TYPE_CHECKING:
    from organtwin.core.organmesh import OrganMesh
    from organtwin.core.simulation import Simulation
    from organtwin.simulating import StrainLimit

COLUMNS: Final = (
    "figure",
    "unit",
    "value",
    "low 90 %",
    "high 90 %",
    "depends most on (rank)",
)
POSITIONS: Final = ("supine", "prone", "left-lateral", "right-lateral")
POSED: Final = (
    "position", "turned_deg", "head_up_deg", "pneumoperitoneum_mmhg", "scanned", "members", "seed",
    "preview", "unload",
)  # fmt: skip


def add(verb: Verb) -> None:
    """Add the verb."""
    made = verb("deform", _deform, "where the organ lies in another position, with gas or without")
    made.add_argument("path", help="case folder with a mesh, a mesh (.vtu), or a file of labels")
    made.add_argument("--position", choices=POSITIONS, default="supine", help="of the patient now")
    made.add_argument("--turned-deg", type=float, default=0.0, metavar="DEG",
                      help="from there about the long axis, in the sense supine, left side down, "
                      "prone, right side down")  # fmt: skip
    made.add_argument("--head-up-deg", type=float, default=0.0, metavar="DEG",
                      help="tilt of the table; negative: head down (with =)")  # fmt: skip
    made.add_argument("--pneumoperitoneum-mmhg", type=float, default=0.0, metavar="MMHG",
                      help="pressure of the gas beyond that of the scan")  # fmt: skip
    made.add_argument("--scanned", choices=POSITIONS, default="supine", help="position in the scan")
    made.add_argument("--target", action="append", default=[], metavar="X,Y,Z",
                      help="tell the shift of this point, LPS mm (write it with =); may be "
                      "repeated; the tumours' centroids without")  # fmt: skip
    made.add_argument("--members", type=int, default=16,
                      help="of the ensemble that gives the intervals; 0: none")  # fmt: skip
    made.add_argument("--seed", type=int, default=1, help="of the ensemble")
    made.add_argument("--preview", action="store_true", help="by the quick element alone")
    made.add_argument("--unload", action="store_true", help="find first the shape without weight")
    made.add_argument("--plane", action="append", default=[], metavar="NAME=9 NUMBERS",
                      help="rigid plane that the organ slides on, beside its springs: a point, the "
                      "normal towards the organ, how far it moves; LPS mm, with commas; may be "
                      "repeated")  # fmt: skip
    straining.add_limits(made)
    made.add_argument("--to", metavar="FILE", help="write the mesh at rest with all fields (.vtu)")
    add_replace(made)
    files = made.add_argument_group("of a file")
    files.add_argument("--organ", default="liver", help="whose tissue and supports")
    meshing.add_reading(files)


def _deform(asked: argparse.Namespace, printer: Printer) -> None:
    if asked.to:
        if Path(asked.to).suffix.lower() != ".vtu":
            raise BadArgument("a mesh with fields goes into a file that ends in .vtu", where="--to")
        require_free(Path(asked.to), replace=asked.replace, inputs=[asked.path], record=True)
    arguments: dict[str, Any] = {name: getattr(asked, name) for name in POSED}
    arguments["targets_mm"] = [_numbers(text, 3, "--target") for text in asked.target]
    arguments["planes"] = dict(map(_plane, asked.plane))
    limits = straining.limits(asked)
    if (Path(asked.path) / "journal.sqlite").is_file():
        _deform_case(asked, arguments, limits, printer)
    else:
        _deform_file(asked, arguments, limits, printer)


def _deform_case(
    asked: argparse.Namespace,
    arguments: Mapping[str, Any],
    limits: Sequence[StrainLimit],
    printer: Printer,
) -> None:
    more = {"strain_limits": {one.structure: one.strain for one in limits}}
    with CaseFolder.open(Path(asked.path)) as folder:
        step(folder, "pose", {**arguments, **more, "limits_from": asked.source}, printer)
        made = [folder.get(one) for one in folder.entries[-1].done.outputs]
        mesh, simulation = folder.get(folder.case.mesh), folder.get(folder.case.simulations[-1])
    draws = next(one for one in made if isinstance(one, Ensemble))
    _tell(simulation, draws, printer)
    straining.tell_beyond(mesh, simulation, limits, printer)
    if asked.to:
        _write(asked, arguments, mesh, simulation, printer=printer)


def _deform_file(
    asked: argparse.Namespace,
    arguments: Mapping[str, Any],
    limits: Sequence[StrainLimit],
    printer: Printer,
) -> None:
    from organtwin.organs import organ
    from organtwin.pipeline.posing import limits_of, posed_mesh, said, with_kinds

    which = organ(asked.organ)
    mesh = with_kinds(_mesh_of(asked, printer), which)
    strains = {one.structure: one.strain for one in limits}
    limits_of(mesh, strains, asked.source, preview=asked.preview)
    with tempfile.TemporaryDirectory() as jobs, printer.progress("deform") as watch:
        posed = posed_mesh(mesh, which, jobs=Path(jobs), watch=watch, **arguments)
    printer.note(said(posed.simulation, posed.failed))
    _tell(posed.simulation, posed.ensemble, printer)
    straining.tell_beyond(mesh, posed.simulation, limits, printer)
    if asked.to:
        _write(asked, arguments, mesh, posed.simulation, printer=printer)


def _mesh_of(asked: argparse.Namespace, printer: Printer) -> OrganMesh:
    """Return the mesh of a file, or one made of its labels with the sizes of `organtwin mesh`."""
    from organtwin.importing.vtu import mesh_fields
    from organtwin.meshing import Sizes, mesh_labels

    if Path(asked.path).suffix.lower() == ".vtu":
        return mesh_fields(Path(asked.path))[0]
    with printer.progress("mesh") as watch:
        labels = meshing.labels_of(asked, printer, {}, watch.part(0.0, 0.1))
        mesh, quality = mesh_labels(labels, Sizes(), watch.part(0.1, 1.0))
    for sentence in quality.missed:
        printer.warn(f"promise missed: {sentence}")
    return mesh


def _tell(simulation: Simulation, draws: Ensemble, printer: Printer) -> None:
    from organtwin.pipeline.posing import figures_of

    printer.table(Table("Deformation", COLUMNS, tuple(figures_of(simulation, draws))))
    printer.result(job=simulation.job, members=len(draws.members) - 1)


def _write(
    asked: argparse.Namespace,
    arguments: Mapping[str, Any],
    mesh: OrganMesh,
    simulation: Simulation,
    *,
    printer: Printer,
) -> None:
    from organtwin.exporting.meshes import Tagged, write_mesh
    from organtwin.pipeline.results import fields_on

    points, cells = fields_on(mesh, simulation)
    to, of_case = Path(asked.to), Path(asked.path).is_dir()
    write_mesh(to, Tagged(mesh, fields=points, cell_fields=cells), replace=asked.replace)
    told = provenance(
        to,
        method="deform",
        settings={**arguments, "job": simulation.job},
        inputs={} if of_case else {"file": asked.path},
        objects={"mesh": simulation.mesh} if of_case else None,
    )
    write_record(to, told)
    printer.result(file=str(to), points=sorted(points), cells=sorted(cells), provenance=told)


def _plane(text: str) -> tuple[str, list[float]]:
    name, _, numbers = text.partition("=")
    return name, _numbers(numbers, 9, "--plane")


def _numbers(text: str, count: int, option: str) -> list[float]:
    shown = "X,Y,Z" if count == 3 else f"{count} numbers with commas,"
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise BadArgument(f"{text!r} is not {shown} in mm", where=option) from error
    if len(found) != count or not np.isfinite(found).all():
        raise BadArgument(f"{text!r} is not {shown} in mm", where=option)
    return found
