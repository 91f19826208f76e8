"""Bring a field from a mesh to voxels, or from voxels to a mesh; plain files, no case."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from organtwin.cli.verb import Verb
from organtwin.cli.written import add_replace, provenance, require_free, write_record
from organtwin.core.errors import BadArgument
from organtwin.printing import Printer
from organtwin.tables import Table

if TYPE_CHECKING:
    from organtwin.core.watch import Watch
    from organtwin.meshing.transfer import Transferred

MESH: Final = ".vtu"


def add(verb: Verb) -> None:
    """Add the verb."""
    made = verb("transfer", _transfer, "bring a field from a mesh to voxels, or back")
    made.add_argument("source", help="a mesh (.vtu) or an image")
    made.add_argument("--onto", required=True, metavar="FILE", help="an image, or a mesh (.vtu)")
    made.add_argument("--to", required=True, metavar="FILE", help="where the result goes: .nii.gz "
                      "(or .nii) for voxels, .vtu for a mesh")  # fmt: skip
    made.add_argument("--field", default="", metavar="NAME",
                      help="point data of the mesh, read or written (then: field)")  # fmt: skip
    made.add_argument("--density", action="store_true",
                      help="an amount per mm³: the amount is kept, not the values")  # fmt: skip
    made.add_argument("--confined", action="store_true",
                      help="a density known to be nowhere but in the mesh: voxels that the mesh "
                      "fills in part give all they have")  # fmt: skip
    add_replace(made)


def _transfer(asked: argparse.Namespace, printer: Printer) -> None:
    from_mesh = Path(asked.source).suffix.lower() == MESH
    if from_mesh == (Path(asked.onto).suffix.lower() == MESH):
        raise BadArgument(
            "one of both is a mesh (.vtu), the other an image",
            where="transfer",
            advice="organtwin transfer MESH --onto IMAGE, or IMAGE --onto MESH",
        )
    require_free(
        Path(asked.to), replace=asked.replace, inputs=[asked.source, asked.onto], record=True
    )
    if asked.confined and (from_mesh or not asked.density):
        raise BadArgument("--confined is for a density on voxels", where="transfer")
    with printer.progress("transfer") as watch:
        found = _to_voxels(asked, watch) if from_mesh else _to_mesh(asked, watch)
    told = figures(found, density=asked.density) | {"file": asked.to, "density": asked.density}
    made = provenance(
        Path(asked.to),
        method="transfer",
        settings={name: getattr(asked, name) for name in ("field", "density", "confined")},
        inputs={"source": asked.source, "onto": asked.onto},
    )
    write_record(Path(asked.to), made)
    printer.result(provenance=made, **told)
    if not printer.as_json:
        printer.table(Table("Transfer", ("figure", "value"), tuple(told.items())))


def _to_voxels(asked: argparse.Namespace, watch: Watch) -> Transferred:
    from organtwin.exporting.nifti import write_voxels
    from organtwin.importing import image_at
    from organtwin.importing.vtu import mesh_fields
    from organtwin.meshing.transfer import density_to_grid, to_grid

    if not asked.to.endswith((".nii", ".nii.gz")):
        raise BadArgument("voxels go into a file that ends in .nii.gz", where="--to")
    mesh, _, fields = mesh_fields(Path(asked.source))
    if asked.field not in fields:
        raise BadArgument(
            f"the mesh has no field {asked.field!r} of one number a point",
            where="--field",
            advice="there are: " + (", ".join(fields) or "none"),
        )
    image = image_at(Path(asked.onto), None, "", watch.part(0.0, 0.4))
    i, j, k = image.voxels.shape
    watch.tell(0.4, "bringing the field to voxels")
    transfer = density_to_grid if asked.density else to_grid
    found = transfer(mesh, fields[asked.field], (i, j, k), image.affine)
    values = np.asfortranarray(found.values, dtype=np.float32)
    write_voxels(Path(asked.to), values, image.affine, watch=watch.part(0.7, 1.0))
    return found


def _to_mesh(asked: argparse.Namespace, watch: Watch) -> Transferred:
    from organtwin.exporting.meshes import Tagged, write_mesh
    from organtwin.importing import image_at
    from organtwin.importing.vtu import mesh_fields
    from organtwin.meshing.transfer import density_to_mesh, to_mesh

    if Path(asked.to).suffix.lower() != MESH:
        raise BadArgument("a mesh with a field goes into a file that ends in .vtu", where="--to")
    mesh, regions, fields = mesh_fields(Path(asked.onto))
    image = image_at(Path(asked.source), None, "", watch.part(0.0, 0.5))
    watch.tell(0.5, "bringing the field to the mesh")
    voxels = np.asarray(image.voxels, dtype=np.float64)
    if asked.density:
        found = density_to_mesh(mesh, voxels, image.affine, confined=asked.confined)
    else:
        found = to_mesh(mesh, voxels, image.affine)
    kept = fields | {asked.field or "field": found.values}
    write_mesh(Path(asked.to), Tagged(mesh, regions, fields=kept))
    return found


def figures(found: Transferred, *, density: bool) -> dict[str, Any]:
    """Return what the transfer cost; integrals in the field's unit times mm³."""
    told = {
        "before": found.before,
        "after": found.after,
        "relative_error": found.relative_error,
        "outside_percent": 100.0 * found.outside,
        "without_value": found.unset,
        "targets": int(found.values.size),
    }
    if density:
        told |= {"in_partial_voxels": found.partial, "off_a_constant": found.off_constant}
    return told
