"""Limits of strain asked for on a command line, and where a deformation passes them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from organtwin.core.errors import BadArgument, BadInput
from organtwin.printing import Printer
from organtwin.tables import Table

if TYPE_CHECKING:
    from organtwin.core.organmesh import OrganMesh
    from organtwin.core.simulation import Simulation
    from organtwin.simulating import StrainLimit

COLUMNS: Final = ("structure", "mL", "worst", "x mm", "y mm", "z mm", "limit", "source")


def add_limits(made: argparse.ArgumentParser) -> None:
    """Add the options."""
    made.add_argument("--strain-limit", action="append", default=[], metavar="STRUCTURE=STRAIN",
                      help="tell where tissue is beyond it; may be repeated")  # fmt: skip
    made.add_argument("--source", default="", help="where the limits come from")


def limits(asked: argparse.Namespace) -> list[StrainLimit]:
    """Return the limits asked for; raises BadArgument for what is none."""
    from organtwin.simulating import StrainLimit

    found = []
    for text in asked.strain_limit:
        name, _, number = text.rpartition("=")
        try:
            found.append(StrainLimit(name, float(number), asked.source))
        except ValueError as error:
            raise BadArgument(f"{text!r} is not STRUCTURE=STRAIN", "--strain-limit") from error
    return found


def tell_beyond(
    mesh: OrganMesh, simulation: Simulation, limits: Sequence[StrainLimit], printer: Printer
) -> None:
    """Print each place beyond the limits, if any were asked for.

    Raises:
        BadInput: the deformation tells no strains.
    """
    from organtwin.simulating import beyond_limits

    if not limits:
        return
    if "principal_strains" not in simulation.fields:
        raise BadInput("this deformation tells no strains", "result", "deform again, no preview")
    found = beyond_limits(mesh, simulation.fields["principal_strains"][0], limits)
    rows = tuple(
        (m.limit.structure, m.volume_ml, m.worst, *m.place_mm, m.limit.strain, m.limit.source)
        for m in found
    )
    printer.table(Table("Beyond the limits of strain", COLUMNS, rows))
    if not rows:
        printer.note("no tissue is beyond the limits of strain")
