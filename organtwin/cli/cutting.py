"""Cut the mesh of a case in two; and options of `mesh` that cut the mesh of a file of labels."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from organtwin.casefolder import CaseFolder
from organtwin.cli.verb import Verb
from organtwin.cli.written import add_replace, provenance, require_free, write_record
from organtwin.core.errors import BadArgument
from organtwin.printing import Printer
from organtwin.recording import step
from organtwin.tables import Table

if TYPE_CHECKING:
    from organtwin.core.cut import Cut
    from organtwin.core.organmesh import OrganMesh
    from organtwin.core.watch import Watch
    from organtwin.meshing.drawn import Drawing

NUMBERS = 6
MOST_BYTES = 4_000_000
LINES_HELP = (
    'JSON of lines drawn by hand, LPS mm: {"lines_mm": [[[x, y, z], ...], ...], "along": [x, y, z]'
    ', "eye_mm": [x, y, z], "other_side": false}; along: the direction in which one looks at them; '
    "eye_mm: from where, else from far away; the specimen lies to their right, or on the other side"
)


def add(verb: Verb) -> None:
    """Add the verb."""
    made = verb("cut", _cut_case, "cut a case's mesh in two, remnant and specimen")
    made.add_argument("case", help="case folder")
    ways = made.add_mutually_exclusive_group(required=True)
    ways.add_argument(
        "--plane", metavar="X,Y,Z,NX,NY,NZ",
        help="a point of the plane and its normal, into the specimen, LPS mm (write it with =)",
    )  # fmt: skip
    ways.add_argument("--lines", metavar="FILE", help=LINES_HELP)
    ways.add_argument("--out", metavar="STRUCTURE", help="the specimen is this structure")
    ways.add_argument("--plan", metavar="SCENARIO", help="the specimen is what a plan resects")
    ways.add_argument("--remove", action="store_true", help="forget the cut")
    made.add_argument("--to", metavar="FILE", help="write FILE-remnant and FILE-specimen")
    add_replace(made)


def _cut_case(asked: argparse.Namespace, printer: Printer) -> None:
    from organtwin.exporting.meshes import mesh_file

    if asked.to:
        mesh_file(Path(asked.to))
        for place in parts_of(Path(asked.to)).values():
            require_free(place, replace=asked.replace, inputs=[asked.case], record=True)
    numbers = plane_of(asked.plane, "--plane").tolist() if asked.plane else []
    given = {"point_mm": numbers[:3], "normal": numbers[3:]} if numbers else {}
    given |= lines_of(Path(asked.lines)) if asked.lines else {}
    ways = {"structure": asked.out, "scenario": asked.plan, "remove": asked.remove}
    with CaseFolder.open(Path(asked.case)) as folder:
        step(folder, "cut", given | {name: way for name, way in ways.items() if way}, printer)
        if asked.remove:
            return
        found: Cut = folder.get(folder.case.cut)
        objects = {"mesh": folder.case.mesh, "cut": folder.case.cut}
        settings = folder.entries[-1].done.arguments
    told = figures(found, Path(asked.to) if asked.to else None, {})
    for place in parts_of(Path(asked.to)).values() if asked.to else ():
        made = provenance(place, method="cut", settings=settings, inputs={}, objects=objects)
        write_record(place, made)
    printer.result(**told)
    say(told, printer)


def add_options(made: argparse.ArgumentParser) -> None:
    """Add the options of a mesh that is made of a file of labels."""
    cutting = made.add_argument_group("cutting a mesh of a file of labels; writes both parts, too")
    cutting.add_argument(
        "--cut-plane", metavar="X,Y,Z,NX,NY,NZ",
        help="a point of the plane and its normal, into the specimen, LPS mm (write it with =)",
    )  # fmt: skip
    cutting.add_argument("--cut-lines", metavar="FILE", help=LINES_HELP)
    cutting.add_argument(
        "--cut-out", action="append", default=[], metavar="STRUCTURE",
        help="the specimen is this structure with all inside it; may be repeated",
    )  # fmt: skip


def asks_cut(asked: argparse.Namespace) -> bool:
    """Return whether a cut is asked for; raises BadArgument for two, or for what is none."""
    ways = [asked.cut_plane, asked.cut_lines, asked.cut_out]
    if sum(map(bool, ways)) > 1:
        raise BadArgument(
            "--cut-plane, --cut-lines and --cut-out are different cuts", advice="ask for one"
        )
    if asked.cut_plane:
        plane_of(asked.cut_plane, "--cut-plane")
    if asked.cut_lines:
        _drawing(asked)
    return any(map(bool, ways))


def _drawing(asked: argparse.Namespace) -> Drawing:
    from organtwin.meshing.drawn import Drawing

    return Drawing.of(**lines_of(Path(asked.cut_lines)))


def lines_of(path: Path) -> dict[str, Any]:
    """Return what a file of lines says: lines_mm, along, eye_mm, other_side; raises BadArgument."""
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(MOST_BYTES))
    except (OSError, ValueError) as error:
        raise BadArgument("this file of lines cannot be read", where=str(path)) from error
    known = {"lines_mm", "along", "eye_mm", "other_side"}
    if not isinstance(found, dict) or not {"lines_mm", "along"} <= set(found) <= known:
        raise BadArgument(
            "a file of lines names lines_mm and along", where=str(path), advice=LINES_HELP
        )
    if not isinstance(found.get("other_side", False), bool):
        raise BadArgument("other_side is true or false", where=str(path))
    return found


def plane_of(text: str, where: str) -> np.ndarray[Any, Any]:
    """Return the six numbers of a plane; raises BadArgument."""
    try:
        numbers = np.array([float(number) for number in text.split(",")])
    except ValueError as error:
        raise BadArgument(f"{text!r} is no plane", where=where) from error
    if len(numbers) != NUMBERS or not np.isfinite(numbers).all() or not numbers[3:].any():
        raise BadArgument("a plane is six numbers: a point and a normal of some length", where)
    return numbers


def cut_and_written(
    asked: argparse.Namespace, mesh: OrganMesh, values: Mapping[str, int], watch: Watch
) -> dict[str, Any]:
    """Cut the mesh as asked and write both parts; returns what is told of them.

    Raises:
        BadArgument: no such structure, or nothing is left of one part.
    """
    from organtwin.meshing.cutting import cut, cut_regions
    from organtwin.meshing.drawn import drawn
    from organtwin.meshing.knives import plane

    if asked.cut_plane:
        numbers = plane_of(asked.cut_plane, "--cut-plane")
        found = cut(mesh, plane(numbers[:3], numbers[3:]), watch)
    elif asked.cut_lines:
        drawing = _drawing(asked)
        found = cut(mesh, drawn(drawing, mesh.points).knife(mesh.points), watch)
    else:
        found = cut_regions(mesh, asked.cut_out)
    return figures(found, Path(asked.to), values)


def parts_of(to: Path) -> dict[str, Path]:
    """Return where both parts are written."""
    return {part: to.with_name(f"{to.stem}-{part}{to.suffix}") for part in ("remnant", "specimen")}


def figures(found: Cut, to: Path | None, values: Mapping[str, int]) -> dict[str, Any]:
    """Return what is told of a cut, degrees, mm, mL, %; writes both parts where `to` says so."""
    from organtwin.exporting.meshes import Tagged, write_mesh

    told: dict[str, Any] = {
        "min_dihedral_deg": found.min_dihedral_deg,
        "from_15_deg_percent": found.from_15_deg_percent,
        "volume_error_percent": found.volume_error_percent,
        "off_mm": found.off_mm,
        "faces": len(found.remnant_faces),
        "pieces": {"remnant": found.remnant_pieces, "specimen": found.specimen_pieces},
        "touching": found.touching,
        "remarks": list(found.remarks),
    }
    for name, (part, faces) in found.parts.items():
        left = {s.name: values[s.name] for s in part.structures if s.name in values}
        path = parts_of(to)[name] if to else None
        written = write_mesh(path, Tagged(part, left, faces)) if path else ()
        told[name] = {
            "files": [str(one) for one in written],
            "tetrahedra": len(part.tetrahedra),
            "volume_ml": float(part.volumes_mm3().sum()) / 1000.0,
            "structures": {s.name: part.volume_ml(s.name) for s in part.structures},
        }
    return told


def say(told: Mapping[str, Any], printer: Printer) -> None:
    """Tell both volumes and what is doubtful."""
    rows = tuple(
        (name, told[name]["volume_ml"], told["pieces"][name]) for name in ("remnant", "specimen")
    )
    printer.table(Table("Cut", ("part", "mL", "pieces"), rows))
    for remark in told["remarks"]:
        printer.warn(remark)
