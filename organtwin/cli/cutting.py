"""Options of `mesh` that cut the mesh in two and write both parts beside it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from organtwin.core.errors import BadArgument

if TYPE_CHECKING:
    from organtwin.core.organmesh import OrganMesh
    from organtwin.core.watch import Watch

NUMBERS = 6


def add(made: argparse.ArgumentParser) -> None:
    """Add the options."""
    cutting = made.add_argument_group("cutting a mesh of a file of labels; writes both parts, too")
    cutting.add_argument(
        "--cut-plane", metavar="X,Y,Z,NX,NY,NZ",
        help="a point of the plane and its normal, into the specimen, LPS mm (write it with =)",
    )  # fmt: skip
    cutting.add_argument(
        "--cut-out", action="append", default=[], metavar="STRUCTURE",
        help="the specimen is this structure with all inside it; may be repeated",
    )  # fmt: skip


def asked_plane(asked: argparse.Namespace) -> np.ndarray[Any, Any] | None:
    """Return the six numbers of the plane, None when none is asked for; raises BadArgument."""
    if not asked.cut_plane:
        return None
    if asked.cut_out:
        raise BadArgument("--cut-plane and --cut-out are two cuts", advice="ask for one")
    try:
        numbers = np.array([float(text) for text in asked.cut_plane.split(",")])
    except ValueError as error:
        raise BadArgument(f"{asked.cut_plane!r} is no plane", where="--cut-plane") from error
    if len(numbers) != NUMBERS or not np.isfinite(numbers).all() or not numbers[3:].any():
        raise BadArgument(
            "a plane is six numbers: a point and a normal of some length", where="--cut-plane"
        )
    return numbers


def cut_and_written(
    asked: argparse.Namespace, mesh: OrganMesh, values: Mapping[str, int], watch: Watch
) -> dict[str, Any]:
    """Cut the mesh as asked and write both parts; returns what is told of them.

    Raises:
        BadArgument: no such structure, or nothing is left of one part.
    """
    from organtwin.exporting.meshes import Tagged, write_mesh
    from organtwin.meshing.cutting import cut, cut_regions
    from organtwin.meshing.knives import plane

    numbers = asked_plane(asked)
    if numbers is None:
        found = cut_regions(mesh, asked.cut_out)
    else:
        found = cut(mesh, plane(numbers[:3], numbers[3:]), watch)
    to = Path(asked.to)
    told: dict[str, Any] = {
        "min_dihedral_deg": found.min_dihedral_deg,
        "volume_error_percent": found.volume_error_percent,
        "off_mm": found.off_mm,
        "faces": len(found.remnant_faces),
    }
    for name, part, faces in (
        ("remnant", found.remnant, found.remnant_faces),
        ("specimen", found.specimen, found.specimen_faces),
    ):
        numbers_left = {s.name: values[s.name] for s in part.structures if s.name in values}
        written = write_mesh(
            to.with_name(f"{to.stem}-{name}{to.suffix}"), Tagged(part, numbers_left, faces)
        )
        told[name] = {
            "files": [str(path) for path in written],
            "tetrahedra": len(part.tetrahedra),
            "volume_ml": float(part.volumes_mm3().sum()) / 1000.0,
            "structures": {s.name: part.volume_ml(s.name) for s in part.structures},
        }
    return told
