"""The density a tumour starts from: by the labels on a mesh, or by an ADC map; plain files."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from organtwin.cli.verb import Verb
from organtwin.cli.written import add_replace, provenance, require_free, write_record
from organtwin.core.errors import BadArgument
from organtwin.printing import Printer
from organtwin.tables import Table

if TYPE_CHECKING:
    from organtwin.core.watch import Watch

MESH: Final = ".vtu"
FIELD: Final = "density"


def add(verb: Verb) -> None:
    """Add the verb."""
    made = verb("density", _density, "the density a tumour starts from, of labels or an ADC map")
    made.add_argument("source", help="a mesh (.vtu, LPS mm) that resolves the front, or an ADC map")
    made.add_argument("--labels", required=True, metavar="FILE", help="where the tumour is")
    made.add_argument("--structure", required=True, nargs="+", metavar="NAME", help="foci")
    made.add_argument("--to", required=True, metavar="FILE", help="a mesh with the point data "
                      "density (.vtu), or voxels (.nii.gz)")  # fmt: skip
    made.add_argument("--names", nargs="+", default=[], metavar="NAME=STRUCTURE",
                      help="what a segment, or a voxel value (1=liver), stands for")  # fmt: skip
    made.add_argument("--organ", default="liver", help="whose names and codes are meant")
    add_replace(made)
    front = made.add_argument_group(
        "on a mesh: the front of Fisher-KPP through the labels' surface"
    )
    front.add_argument("--width-mm", type=float, metavar="MM", help="√(D/ρ)")
    front.add_argument("--visible", type=float, metavar="DENSITY",
                       help="seen as tumour; as the organ has it")  # fmt: skip
    adc = made.add_argument_group("of an ADC map")
    adc.add_argument("--series", type=int, metavar="N", help="as `organtwin inspect` counts")
    adc.add_argument("--unit", default="", help="of the map, where it does not say so: mm2/s, "
                     "1e-3 mm2/s, um2/ms, 1e-6 mm2/s, um2/s")  # fmt: skip
    adc.add_argument("--least", metavar="MM2/S", help="ADC_min in mm2/s, or: patient")
    adc.add_argument("--water", type=float, metavar="MM2/S", help="ADC_w in mm2/s: 3.0e-3")
    adc.add_argument("--unmeasured", type=float, metavar="DENSITY", help="of voxels without an ADC")


def _density(asked: argparse.Namespace, printer: Printer) -> None:
    on_mesh, to = Path(asked.source).suffix.lower() == MESH, Path(asked.to)
    _require_options(asked, on_mesh=on_mesh)
    require_free(to, replace=asked.replace, inputs=[asked.source, asked.labels], record=True)
    with printer.progress("density") as watch:
        told = (_of_labels if on_mesh else _of_adc)(asked, printer, watch)
    names = ("structure", "names", "width_mm", "visible", "unit", "least", "water", "unmeasured")
    settings = {name: getattr(asked, name) for name in names}
    inputs = {"source": asked.source, "labels": asked.labels}
    made = provenance(to, method="density", settings=settings, inputs=inputs)
    write_record(to, made)
    printer.result(provenance=made, file=asked.to, **told)
    if not printer.as_json:
        printer.table(Table("Density", ("figure", "value"), tuple(told.items())))


def _require_options(asked: argparse.Namespace, *, on_mesh: bool) -> None:
    of_mesh = {"--width-mm": asked.width_mm, "--visible": asked.visible}
    of_adc = {"--unit": asked.unit or None, "--least": asked.least, "--water": asked.water,
              "--unmeasured": asked.unmeasured, "--series": asked.series}  # fmt: skip
    odd = [name for name, given in (of_adc if on_mesh else of_mesh).items() if given is not None]
    if odd:
        kind = "a mesh" if on_mesh else "an ADC map"
        raise BadArgument(f"{', '.join(odd)} is not for {kind}", where="density")
    if on_mesh and asked.width_mm is None:
        raise BadArgument("a front needs --width-mm, √(D/ρ) of the growth", where="density")
    if not on_mesh and asked.least is None:
        raise BadArgument(
            "an ADC map needs --least, its ADC_min", where="density",
            advice="a number in mm2/s, or patient: the smallest measured in this tumour",
        )  # fmt: skip
    ending = (MESH,) if on_mesh else (".nii", ".nii.gz")
    if not asked.to.lower().endswith(ending):
        raise BadArgument(f"the result goes into a file that ends in {ending[-1]}", where="--to")


def _of_labels(asked: argparse.Namespace, printer: Printer, watch: Watch) -> dict[str, Any]:
    from organtwin.exporting.meshes import Tagged, write_mesh
    from organtwin.importing import labels_at
    from organtwin.importing.vtu import mesh_fields
    from organtwin.organs import organ
    from organtwin.simulating import fisher_front, starting_density

    mesh, regions, fields = mesh_fields(Path(asked.source))
    kind = organ(asked.organ)
    labels, _ = labels_at(
        Path(asked.labels), kind, names=_names(asked.names), watch=watch.part(0.0, 0.3),
        notice=printer.warn,
    )  # fmt: skip
    visible = kind.visible_density if asked.visible is None else asked.visible
    watch.tell(0.3, "fitting the front to the mesh")
    found = starting_density(
        mesh, labels, asked.structure, front=fisher_front(asked.width_mm, visible),
        visible_density=visible,
    )  # fmt: skip
    if found.cut_by_image:
        printer.warn("the label reaches the image's border: the tumour may go on beyond it")
    write_mesh(Path(asked.to), Tagged(mesh, regions, fields=fields | {FIELD: found.density}))
    return {
        "visible_density": found.visible_density,
        "labelled_ml": found.labelled_ml,
        "covered_percent": 100.0 * found.covered,
        "visible_ml": found.visible_ml,
        "visible_error": found.visible_error,
        "mass_ml": found.mass_ml,
        "mass_error": found.mass_error,
        "shift_mm": found.shift_mm,
        "stretch": found.stretch,
    }


def _of_adc(asked: argparse.Namespace, printer: Printer, watch: Watch) -> dict[str, Any]:
    from organtwin.exporting.nifti import write_voxels
    from organtwin.importing import image_at, labels_at
    from organtwin.organs import organ
    from organtwin.simulating import density_from_adc
    from organtwin.simulating.adc import FREE_WATER_MM2_PER_S

    adc = image_at(Path(asked.source), asked.series, "", watch.part(0.0, 0.3))
    labels, _ = labels_at(
        Path(asked.labels), organ(asked.organ), on=adc, beside=Path(asked.source),
        names=_names(asked.names), watch=watch.part(0.3, 0.6), notice=printer.warn,
    )  # fmt: skip
    found = density_from_adc(
        adc, np.any([labels.mask(name) for name in asked.structure], axis=0),
        least_mm2_per_s=_least(asked.least), unit=asked.unit, unmeasured=asked.unmeasured,
        free_water_mm2_per_s=FREE_WATER_MM2_PER_S if asked.water is None else asked.water,
    )  # fmt: skip
    voxels = np.asfortranarray(found.density, dtype=np.float32)
    write_voxels(Path(asked.to), voxels, adc.affine, watch=watch.part(0.7, 1.0))
    return {
        "how": found.told,
        "mass_ml": float(found.density.sum()) * adc.voxel_ml,
        "above_water_percent": 100.0 * found.above_water,
        "below_least_percent": 100.0 * found.below_least,
        "unmeasured_percent": 100.0 * found.unmeasured,
    }


def _least(text: str) -> float | Literal["patient"]:
    if text == "patient":
        return "patient"
    try:
        return float(text)
    except ValueError as error:
        raise BadArgument(
            f"{text!r} is no number in mm2/s, nor: patient", where="--least"
        ) from error


def _names(given: list[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in given]
    if any(not (name and stands) for name, _, stands in pairs):
        raise BadArgument("a name is NAME=STRUCTURE, such as 2=tumour-1", where="--names")
    return {name: structure for name, _, structure in pairs}
