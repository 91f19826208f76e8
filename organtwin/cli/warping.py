"""What a deformation leaves: its fields as a file, and images, labels and landmarks after it."""

from __future__ import annotations

import argparse
import csv
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from organtwin.casefolder import CaseFolder
from organtwin.cli import straining
from organtwin.cli.verb import Verb
from organtwin.cli.written import add_replace, provenance, require_free, write_record
from organtwin.core.errors import BadArgument, BadInput
from organtwin.core.private import whole_file
from organtwin.printing import Printer
from organtwin.tables import Table

if TYPE_CHECKING:
    from organtwin.core.watch import Watch
    from organtwin.simulating import Warped

COLUMNS: Final = ("name", "x_mm", "y_mm", "z_mm")
MORE: Final = ("off_mm", "moved")
MOST_LANDMARKS: Final = 1_000_000
ENDINGS: Final = (".nii", ".nii.gz")


def add(verb: Verb) -> None:
    """Add the verbs."""
    made = verb("warp", _warp, "an image, labels or landmarks after a deformation; plain files")
    made.add_argument("mesh", help="mesh at rest with its displacement (.vtu), LPS mm")
    what = made.add_mutually_exclusive_group(required=True)
    what.add_argument("--image", metavar="FILE")
    what.add_argument("--labels", metavar="FILE", help="NIfTI; numbers as the mesh's regions")
    what.add_argument("--landmarks", metavar="CSV", help=f"columns {', '.join(COLUMNS)}, LPS")
    made.add_argument("--to", required=True, metavar="FILE", help=".nii.gz (or .nii), or .csv; "
                      "beside voxels FILE-shown says what each shows")  # fmt: skip
    made.add_argument("--field", default="displacement_mm", metavar="NAME",
                      help="point data of the mesh: displacement_mm")  # fmt: skip
    made.add_argument("--modality", default="", help="of a file that says none; CT makes HU")
    made.add_argument("--fill", type=float, metavar="VALUE",
                      help="of what the organ leaves: air in HU, else the least")  # fmt: skip
    made.add_argument("--blend-mm", type=float, default=0.0, metavar="MM",
                      help="surroundings follow as far, without mechanics: 0, not")  # fmt: skip
    made.add_argument("--inner", type=int, action="append", default=[], metavar="NUMBER",
                      help="labels in the organ that are no regions; may be repeated")  # fmt: skip
    made.add_argument("--near-mm", type=float, default=2.0, metavar="MM",
                      help="landmarks as near to the mesh go along: 2")  # fmt: skip
    add_replace(made)
    made = verb("result", _result, "a case's last deformation: figures, and its mesh with fields")
    made.add_argument("case", help="case folder")
    made.add_argument("--to", metavar="FILE", help="write the mesh at rest with all fields (.vtu)")
    straining.add_limits(made)
    add_replace(made)


def _warp(asked: argparse.Namespace, printer: Printer) -> None:
    to = Path(asked.to)
    source = asked.image or asked.labels or asked.landmarks
    if not asked.to.lower().endswith((".csv",) if asked.landmarks else ENDINGS):
        wanted = ".csv" if asked.landmarks else ".nii.gz"
        raise BadArgument(f"the result goes into a file that ends in {wanted}", where="--to")
    for place in [to] if asked.landmarks else [to, _beside(to)]:
        require_free(place, replace=asked.replace, inputs=[asked.mesh, source], record=place == to)
    with printer.progress("warp") as watch:
        told = _moved(asked, to) if asked.landmarks else _voxels(asked, to, watch)
    settings = {
        name: getattr(asked, name) for name in ("field", "fill", "blend_mm", "inner", "near_mm")
    }
    record = provenance(
        to, method="warp", settings=settings | told, inputs={"mesh": asked.mesh, "source": source}
    )
    write_record(to, record)
    printer.result(**told, file=str(to), provenance=record)
    if not printer.as_json:
        printer.table(Table("Warp", ("figure", "value"), tuple(told.items())))
    if told.get("folded_ml"):
        printer.warn(f"{told['folded_ml']:.2f} mL are covered twice: the organ runs into itself")


def _beside(to: Path) -> Path:
    """Where it is written what each voxel shows."""
    ending = next(e for e in reversed(ENDINGS) if to.name.lower().endswith(e))
    return to.with_name(f"{to.name[: -len(ending)]}-shown{ending}")


def _voxels(asked: argparse.Namespace, to: Path, watch: Watch) -> dict[str, Any]:
    from organtwin.exporting.nifti import write_voxels
    from organtwin.importing import image_at
    from organtwin.importing.nifti_labels import label_grid
    from organtwin.importing.vtu import moved_mesh
    from organtwin.simulating import warped_image, warped_labels

    mesh, numbers, displacement = moved_mesh(Path(asked.mesh), asked.field)
    names = None
    if asked.image:
        volume = image_at(Path(asked.image), None, asked.modality, watch.part(0, 0.3))
        affine = volume.affine
        watch.tell(0.3, "warping")
        found = warped_image(volume, mesh, displacement, fill=asked.fill, blend_mm=asked.blend_mm)
    else:
        grid = label_grid(Path(asked.labels), watch.part(0, 0.3))
        affine, named = grid.affine, {s.value: s.name for s in grid.segments}
        names = named | {number: name for name, number in numbers.items()}
        labels = _fitting(grid.layers[0], max(numbers.values()))
        of_label = np.array([0, *numbers.values()], labels.dtype)
        watch.tell(0.3, "warping")
        found = warped_labels(
            labels, affine, mesh, displacement, values=of_label[mesh.regions], inner=asked.inner
        )
    write_voxels(to, found.voxels, affine, names=names, watch=watch.part(0.6, 0.9))
    shown = {0: "surroundings", 1: "tissue", 2: "vacated", 3: "blended"}
    write_voxels(_beside(to), found.shown, affine, names=shown, watch=watch.part(0.9, 1.0))
    return _figures(found)


def _fitting(labels: np.ndarray[Any, Any], largest: int) -> np.ndarray[Any, Any]:
    """Return labels in numbers that a file can hold, `largest` too; raises BadInput."""
    most = max(int(labels.max()), largest)
    if most > np.iinfo(np.int16).max:
        raise BadInput(f"labels go up to {np.iinfo(np.int16).max}, not {most}", where="--labels")
    return labels.astype(np.uint8 if most <= np.iinfo(np.uint8).max else np.int16)


def _figures(found: Warped) -> dict[str, Any]:
    told = asdict(found)
    return {name: value for name, value in told.items() if isinstance(value, float)}


def _moved(asked: argparse.Namespace, to: Path) -> dict[str, Any]:
    from organtwin.importing.vtu import moved_mesh
    from organtwin.simulating import moved_landmarks

    names, points = _landmarks(Path(asked.landmarks))
    mesh, _, displacement = moved_mesh(Path(asked.mesh), asked.field)
    found = moved_landmarks(points, mesh, displacement, near_mm=asked.near_mm)
    lines = [",".join((*COLUMNS, *MORE))]
    for name, place, off, moved in zip(
        names, found.points_mm.tolist(), found.off_mm.tolist(), found.moved.tolist(), strict=True
    ):
        quoted = '"' + name.replace('"', '""') + '"'
        numbers = [f"{value:.4f}" for value in (*place, off)]
        lines.append(",".join([quoted, *numbers, str(int(moved))]))
    with whole_file(to) as file:
        file.write(("\n".join(lines) + "\n").encode())
    shift = np.linalg.norm(found.points_mm - points, axis=1)
    return {
        "landmarks": len(names),
        "stayed": int((~found.moved).sum()),
        "moved_most_mm": float(shift.max(initial=0.0)),
    }


def _landmarks(path: Path) -> tuple[list[str], np.ndarray[Any, Any]]:
    """Return names and (k, 3) LPS mm of a file; raises BadInput."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file, strict=True)
            if not rows.fieldnames or not set(COLUMNS) <= set(rows.fieldnames):
                raise BadInput(
                    f"landmarks have columns {', '.join(COLUMNS)}",
                    where=str(path),
                    advice="places are LPS mm",
                )
            names, places = [], []
            for row in rows:
                names.append(row["name"] or "")
                places.append([float(row[axis]) for axis in COLUMNS[1:]])
                if len(names) > MOST_LANDMARKS or not all(map(math.isfinite, places[-1])):
                    raise ValueError(f"line {rows.line_num}")
    except (OSError, ValueError, TypeError, csv.Error) as error:
        raise BadInput(f"landmarks cannot be read ({error})", where=str(path)) from error
    return names, np.array(places).reshape(-1, 3)


def _result(asked: argparse.Namespace, printer: Printer) -> None:
    from organtwin.exporting.meshes import Tagged, write_mesh
    from organtwin.pipeline.results import fields_on, last_deformation, told_of

    limits = straining.limits(asked)
    if asked.to:
        if Path(asked.to).suffix.lower() != ".vtu":
            raise BadArgument("a mesh with fields goes into a file that ends in .vtu", where="--to")
        require_free(Path(asked.to), replace=asked.replace, inputs=[asked.case])
    with CaseFolder.open(Path(asked.case), write=False) as folder:
        simulation, mesh = last_deformation(folder.case, folder)
    points, cells = fields_on(mesh, simulation)
    printer.table(
        Table("Deformation", ("figure", "value", "unit"), tuple(told_of(simulation, mesh)))
    )
    straining.tell_beyond(mesh, simulation, limits, printer)
    if asked.to:
        write_mesh(Path(asked.to), Tagged(mesh, fields=points, cell_fields=cells))
        printer.result(file=asked.to, points=sorted(points), cells=sorted(cells))
