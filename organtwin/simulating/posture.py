"""How the patient lies, and gas in the abdomen: what that does to an organ scanned in another way.

Everything is a change since the scan, which is taken to be without stress: gravity turns; the gas
presses on the whole surface (what lies behind a bare area is in the same compartment), which by
itself only squeezes blood out; it lifts the diaphragm by pressure / stiffness, with what hangs on
it and what follows from below; and it comes between the organ and the wall, which then holds it no
more. Sources and what is calibrated: docs/liver_mechanics.md.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from organtwin.core.errors import BadArgument
from organtwin.core.organmesh import OrganMesh
from organtwin.organs import Organ
from organtwin.simulating.deformation import GRAVITY_MM_PER_S2, Loads, turned_gravity
from organtwin.simulating.loads import NOWHERE, Vector
from organtwin.simulating.supports import supports_of

KPA_PER_MMHG: Final = 0.133322
"""Conventional millimetre of mercury (ISO 80000-4:2019)."""
MOST_MMHG: Final = 25.0
"""Intra-abdominal hypertension of grade IV begins above it (Kirkpatrick 2013,
10.1007/s00134-013-2906-z); no pneumoperitoneum is meant to."""

POSITIONS: Final[Mapping[str, Vector]] = MappingProxyType(
    {
        "supine": (0.0, 1.0, 0.0),
        "prone": (0.0, -1.0, 0.0),
        "left-lateral": (1.0, 0.0, 0.0),
        "right-lateral": (-1.0, 0.0, 0.0),
    }
)
"""Down in LPS: the patient lies on the back, the belly, the left side, the right side."""
LIFTED_BY: Final = "diaphragm"
PARTED: Final = "wall"
"""The support that gas lifts, and the one it comes in front of."""


@dataclass(frozen=True)
class Posture:
    """How the patient lies now and lay in the scan.

    Args:
        position: one of `POSITIONS`.
        head_up_deg: tilt of the table, positive with the head up (reverse Trendelenburg).
        pneumoperitoneum_mmhg: pressure of the gas beyond that of the scan.
        scanned: position in the scan.
        turned_deg: about the long axis from `position` towards the left side, -180 to 180.
    """

    position: str = "supine"
    head_up_deg: float = 0.0
    pneumoperitoneum_mmhg: float = 0.0
    scanned: str = "supine"
    turned_deg: float = 0.0

    def __post_init__(self) -> None:
        """Raise BadArgument for a position that is not known, or numbers out of bounds."""
        for name in (self.position, self.scanned):
            if name not in POSITIONS:
                raise BadArgument(
                    f"no position {name!r}",
                    where="position",
                    advice="there are: " + ", ".join(POSITIONS),
                )
        if not 0.0 <= self.pneumoperitoneum_mmhg <= MOST_MMHG:
            raise BadArgument(
                f"a pneumoperitoneum of {self.pneumoperitoneum_mmhg:g} mmHg is not possible",
                where="pneumoperitoneum",
                advice=f"give 0 to {MOST_MMHG:g} mmHg; usual are 10 to 15",
            )
        if not -180.0 <= self.turned_deg <= 180.0:
            raise BadArgument("a patient is turned by -180 to 180 degrees", where="turned")
        if not -45.0 <= self.head_up_deg <= 90.0:
            raise BadArgument(
                f"a table is not tilted by {self.head_up_deg:g} degrees",
                where="head up",
                advice="give -45 (head down) to 90 (upright)",
            )

    @property
    def down(self) -> Vector:
        """The direction of gravity now, LPS, of length one."""
        x, y, z = POSITIONS[self.position]
        cosine, sine = np.cos(np.radians(self.turned_deg)), np.sin(np.radians(self.turned_deg))
        x, y = x * cosine + y * sine, y * cosine - x * sine
        level, feet = np.cos(np.radians(self.head_up_deg)), np.sin(np.radians(self.head_up_deg))
        return float(x * level), float(y * level), float(z * level - feet)

    @property
    def in_the_scan(self) -> Posture:
        """The posture that the scan was taken in."""
        return Posture(self.scanned, scanned=self.scanned)

    @property
    def pressure_kpa(self) -> float:
        """The pressure of the gas."""
        return KPA_PER_MMHG * self.pneumoperitoneum_mmhg


def whole_gravity(down: Vector) -> Vector:
    """Return gravity in mm/s² that points `down`, LPS of length one."""
    x, y, z = (GRAVITY_MM_PER_S2 * part for part in down)
    return x, y, z


def posture_loads(
    mesh: OrganMesh,
    organ: Organ,
    posture: Posture,
    stiffness: Mapping[str, float] | None = None,
) -> Loads:
    """Return the loads of a posture; all have the same arrays, so that a solver kept is quick.

    Args:
        stiffness: place → how many times as stiff as the organ's file says (`supports_of`).

    Raises:
        BadArgument: a pneumoperitoneum, and the organ's file names no diaphragm.
    """
    times, lift = dict(stiffness or {}), NOWHERE
    if posture.pneumoperitoneum_mmhg > 0.0:
        lift = (0.0, 0.0, posture.pressure_kpa / (_diaphragm(organ) * times.get(LIFTED_BY, 1.0)))
        times[PARTED] = 0.0
    held = (dataclasses.replace(one, rest_mm=lift) for one in supports_of(mesh, organ, times))
    return Loads(
        gravity_mm_per_s2=turned_gravity(POSITIONS[posture.scanned], posture.down),
        pressure_kpa=posture.pressure_kpa,
        pressure_faces=mesh.surface(organ.name),
        acting=tuple(held),
    )


def _diaphragm(organ: Organ) -> float:
    """How stiff the diaphragm is in kPa/mm."""
    for support in organ.supports:
        if support.place == LIFTED_BY:
            return support.normal_kpa_per_mm
    raise BadArgument(
        f"what a pneumoperitoneum does to the {organ.name} is not known",
        where="pneumoperitoneum",
        advice=f"name the support {LIFTED_BY!r} in the organ's file",
    )
