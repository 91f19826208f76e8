"""Mesh the baseline of a case, or one file of labels without a case."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from organtwin import tables
from organtwin.casefolder import CaseFolder
from organtwin.cli import cutting
from organtwin.cli.verb import Verb
from organtwin.cli.written import add_replace, provenance, require_free, write_record
from organtwin.core.errors import BadArgument, BadInput
from organtwin.printing import Printer
from organtwin.recording import step
from organtwin.tables import Table

if TYPE_CHECKING:
    from organtwin.core.labelmap import LabelMap
    from organtwin.core.organmesh import MeshQuality, OrganMesh
    from organtwin.core.watch import Watch
    from organtwin.meshing import Sizes

COLUMNS: Final = (
    "structure", "region", "voxels mL", "mesh mL", "error %", "HD95 mm", "HD95 voxels", "pieces",
    "watertight", "median edge mm", "worst piece %",
)  # fmt: skip


def add(verb: Verb) -> None:
    """Add the verb."""
    made = verb("mesh", _mesh, "mesh the baseline's labels, or a file of labels")
    made.add_argument("path", help="case folder, or a file of labels")
    made.add_argument("--to", metavar="FILE", help="write the mesh; the ending says the format")
    add_replace(made)
    made.add_argument("--organ-edge-mm", type=float, metavar="MM", help="edges in organs")
    made.add_argument("--tumour-edge-mm", type=float, metavar="MM", help="edges on and in tumours")
    made.add_argument("--vessel-radius-mm", type=float, metavar="MM", help="narrower: not a region")
    made.add_argument("--smallest-edge-mm", type=float, metavar="MM",
                      help="edges are never aimed below this")  # fmt: skip
    made.add_argument("--target", type=int, metavar="N", help="about so many tetrahedra")
    files = made.add_argument_group("of a file of labels")
    files.add_argument(
        "--edge-mm", action="append", default=[], metavar="[NAME=]MM",
        help="edges everywhere, or on and in one structure; may be repeated",
    )  # fmt: skip
    files.add_argument("--margin-mm", type=float, metavar="MM",
                       help="edges as in tumours up to this distance around them")  # fmt: skip
    files.add_argument("--most", type=int, metavar="N",
                       help="thin pieces are resolved up to so many tetrahedra")  # fmt: skip
    files.add_argument("--organ", default="liver", help="whose names and codes are meant")
    add_reading(files)
    cutting.add_options(made)


def add_reading(made: Any) -> None:
    """Add the options that say how a file of labels is read."""
    made.add_argument("--name", action="append", default=[], metavar="NAME=STRUCTURE",
                      help="what a label is; may be repeated")  # fmt: skip
    made.add_argument("--image", "--beside", dest="beside", metavar="FOLDER",
                      help="images that SEG or RTSTRUCT were drawn on")  # fmt: skip


def _mesh(asked: argparse.Namespace, printer: Printer) -> None:
    if (Path(asked.path) / "journal.sqlite").is_file():
        _mesh_case(asked, printer)
    else:
        _mesh_file(asked, printer)


def _mesh_case(asked: argparse.Namespace, printer: Printer) -> None:
    from organtwin.exporting.meshes import Tagged, mesh_file, write_mesh

    if (
        asked.margin_mm is not None
        or asked.most is not None
        or asked.edge_mm
        or asked.name
        or asked.beside
        or cutting.asks_cut(asked)
    ):
        raise BadArgument(
            "--margin-mm, --most, --edge-mm, --name, --image, --cut-… are for a file of labels",
            where="mesh",
            advice="cut the mesh of a case by `organtwin cut`",
        )
    if asked.to:
        mesh_file(Path(asked.to))
        require_free(Path(asked.to), replace=asked.replace, inputs=[asked.path], record=True)
    with CaseFolder.open(Path(asked.path)) as folder:
        step(folder, "mesh", _given(asked), printer)
        printer.table(tables.mesh(folder.case, folder))
        tagged = Tagged(folder.get(folder.case.mesh))
        quality = folder.get(folder.case.mesh_quality)
        for sentence in quality.missed:
            printer.warn(f"promise missed: {sentence}")
        printer.result(**figures(tagged.mesh, quality, tagged.regions_by_name))
        if asked.to:
            written = write_mesh(Path(asked.to), tagged, replace=asked.replace)
            told = provenance(
                written[0],
                method="mesh",
                settings=folder.entries[-1].done.arguments,
                inputs={},
                objects={"labels": folder.case.visits[0].labels, "mesh": folder.case.mesh},
            )
            write_record(written[0], told)
            printer.result(provenance=told)
            printer.table(Table("Written", ("file",), tuple((str(p),) for p in written)))


def _given(asked: argparse.Namespace) -> dict[str, Any]:
    """Return the sizes that were asked for; the rest is as the mesher would have it."""
    told = {
        "organ_edge_mm": asked.organ_edge_mm,
        "tumour_edge_mm": asked.tumour_edge_mm,
        "vessel_radius_mm": asked.vessel_radius_mm,
        "smallest_edge_mm": asked.smallest_edge_mm,
        "target_tetrahedra": asked.target,
    }
    return {name: value for name, value in told.items() if value is not None}


def _mesh_file(asked: argparse.Namespace, printer: Printer) -> None:
    """Mesh one file of labels and write the mesh; nothing else is kept."""
    from organtwin.exporting.meshes import Tagged, mesh_file, write_mesh
    from organtwin.meshing import mesh_labels

    if not asked.to:
        raise BadArgument("--to FILE is missing", advice="say where the mesh shall go")
    format_note = mesh_file(Path(asked.to)).note
    sizes, cuts = _sizes(asked), cutting.asks_cut(asked)
    for place in (Path(asked.to), *(cutting.parts_of(Path(asked.to)).values() if cuts else ())):
        require_free(place, replace=asked.replace, inputs=[asked.path, asked.beside], record=True)
    values: dict[str, int] = {}
    with printer.progress("mesh") as watch:
        labels = labels_of(asked, printer, values, watch.part(0.0, 0.1))
        for name in (*sizes.edges_mm, *asked.cut_out):
            labels.structure(name)  # raises for one that is not there, before it takes time
        start, used = time.perf_counter(), time.process_time()
        mesh, quality = mesh_labels(labels, sizes, watch.part(0.1, 0.95))
        seconds = time.perf_counter() - start, time.process_time() - used
        tagged = Tagged(mesh, {s.name: values[s.name] for s in mesh.structures if s.name in values})
        watch.tell(0.95, "writing the mesh")
        written = write_mesh(Path(asked.to), tagged, replace=asked.replace)
        if cuts:
            parts = cutting.cut_and_written(asked, mesh, values, watch.part(0.95, 1.0))
            printer.result(cut=parts)
    told = provenance(
        written[0], method="mesh", settings=asdict(sizes), inputs={"labels": asked.path}
    )
    write_record(written[0], told)
    printer.result(
        provenance=told,
        file=str(written[0]),
        files=[str(path) for path in written],
        note=format_note,
        regions_by="values of the file" if values else "labels of the structures",
        seconds=round(seconds[0], 3),
        processor_seconds=round(seconds[1], 3),
        **figures(mesh, quality, tagged.regions_by_name),
    )
    _say(quality, tagged, printer)
    if cuts:
        cutting.say(parts, printer)


def labels_of(
    asked: argparse.Namespace, printer: Printer, values: dict[str, int], watch: Watch
) -> LabelMap:
    """Return the labels of the file `asked.path`; fills in the values that they have there.

    Raises:
        BadInput: it holds none that can be read, or the geometry of its images is in doubt.
    """
    from organtwin.importing import labels_at
    from organtwin.organs import organ

    labels, grid = labels_at(
        Path(asked.path), organ(asked.organ), beside=Path(asked.beside) if asked.beside else None,
        names=dict(map(_pair, asked.name)), watch=watch, notice=printer.warn,
        valued=values.__setitem__,
    )  # fmt: skip
    if grid.geometry.grade == "withheld":
        raise BadInput(
            "the geometry of the images is in doubt, no mesh is made of it: "
            + "; ".join(grid.geometry.findings),
            where=asked.path,
            advice="import them into a case, read the findings and acknowledge them",
        )
    if grid.geometry.grade != "good":
        printer.warn(f"geometry {grid.geometry.grade}: " + "; ".join(grid.geometry.findings))
    return labels


def _sizes(asked: argparse.Namespace) -> Sizes:
    from organtwin.meshing import Sizes

    given = _given(asked)
    edges: dict[str, float] = {}
    for text in asked.edge_mm:
        name, value = _pair(text) if "=" in text else ("", text)
        try:
            length = float(value)
        except ValueError as error:
            raise BadInput(f"{value!r} is no length", where="--edge-mm") from error
        if name:
            edges[name] = length
        else:
            given |= {"organ_edge_mm": length, "tumour_edge_mm": length}
    more = {"margin_mm": asked.margin_mm, "most_tetrahedra": asked.most}
    given |= {name: value for name, value in more.items() if value is not None}
    return Sizes(**given | ({"edges_mm": edges} if edges else {}))


def figures(
    mesh: OrganMesh, quality: MeshQuality, regions_by_name: Mapping[str, int]
) -> dict[str, Any]:
    """Return the figures of a mesh as JSON: degrees, mm, mL, %.

    Args:
        regions_by_name: as `Tagged.regions_by_name`: in the order of the mesh's structures.
    """
    written = {
        s.name: found for s, found in zip(mesh.structures, regions_by_name.items(), strict=True)
    }
    told = {one.name: asdict(one) for one in quality.regions}
    return {
        "points": quality.points,
        "tetrahedra": quality.tetrahedra,
        "inverted": int((mesh.volumes_mm3() <= 0).sum()),
        "min_dihedral_deg": quality.min_dihedral_deg,
        "from_15_deg_percent": quality.from_15_deg_percent,
        "median_edge_mm": quality.edge_median_mm,
        "mesh_ml": float(mesh.volumes_mm3().sum()) / 1000.0,
        "route": quality.route,
        "structures": [
            {
                "name": s.name,
                "kind": s.kind,
                "within": s.within,
                "written_as": written[s.name][0],
                "region": written[s.name][1],
                "tetrahedra": int((mesh.regions == s.label).sum()),
                **told.get(s.name, {}),
            }
            for s in mesh.structures
        ],
        "missed": list(quality.missed),
        "left_out": [asdict(one) for one in quality.left_out],
        "histogram_deg": {f"{5 * n}-{5 * n + 5}": c for n, c in enumerate(quality.histogram)},
        "worst": [asdict(one) for one in quality.worst],
    }


def _say(quality: MeshQuality, tagged: Any, printer: Printer) -> None:
    """Tell the same on a terminal."""
    if printer.as_json:
        return
    printer.table(tables.figures_of(quality))
    numbers = dict(
        zip((s.name for s in tagged.mesh.structures), tagged.regions_by_name.values(), strict=True)
    )
    rows = tuple(
        (
            one.name, numbers[one.name], one.voxels_ml, one.mesh_ml, one.error_percent,
            one.hausdorff95_mm, one.hausdorff95_voxels, one.pieces, one.watertight,
            one.edge_median_mm, one.worst_piece_percent,
        )
        for one in quality.regions
    )  # fmt: skip
    printer.table(Table("Regions", COLUMNS, rows))
    for sentence in quality.missed:
        printer.warn(f"promise missed: {sentence}")
    left = tuple((one.name, one.volume_ml, one.reason) for one in quality.left_out)
    printer.table(Table("Left out", ("structure", "mL", "why"), left))


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise BadInput(f"{text!r} is not NAME=VALUE")
    return name, value
