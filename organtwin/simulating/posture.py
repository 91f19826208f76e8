"""How the patient lies, and gas in the abdomen: what that does to an organ scanned in another way.

Everything is a change since the scan, which is taken to be without stress: gravity turns; the gas
presses on the whole surface (what lies behind a bare area is in the same compartment), which by
itself only squeezes blood out; it lifts the diaphragm by pressure / stiffness, with what hangs on
it and what follows from below; and it gathers above, between the organ and the wall that looks up,
which holds it the less the higher the pressure is. The wall that the organ lies on holds it still.
Sources and what is calibrated: docs/liver_mechanics.md.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import BadArgument
from organtwin.core.organmesh import OrganMesh
from organtwin.organs import Organ
from organtwin.simulating.deformation import GRAVITY_MM_PER_S2, Loads, turned_gravity
from organtwin.simulating.loads import NOWHERE, Springs, Vector
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
PARTED_AT_MMHG: Final = 8.0
"""Gas of this pressure parts the wall above the organ wholly, half of it by half: a choice. Surgery
of low pressure has room enough to work from about 8 mmHg on."""
LAIN_ON: Final = 0.5
"""Cosine: wall that looks along gravity within 60 degrees is not parted at all, wall at right
angles to gravity wholly; between them it rises with the cosine. A choice."""
SIDES: Final[Mapping[str, Vector]] = MappingProxyType(
    {
        "left": (1.0, 0.0, 0.0),
        "right": (-1.0, 0.0, 0.0),
        "back": (0.0, 1.0, 0.0),
        "front": (0.0, -1.0, 0.0),
        "top": (0.0, 0.0, 1.0),
        "bottom": (0.0, 0.0, -1.0),
    }
)
"""Where the parts of the wall look, LPS: the same for every position, so that a solver is kept."""


@dataclass(frozen=True)
class Posture:
    """How the patient lies now and lay in the scan.

    Args:
        position: one of `POSITIONS`.
        head_up_deg: tilt of the table, positive with the head up (reverse Trendelenburg).
        pneumoperitoneum_mmhg: pressure of the gas beyond that of the scan.
        scanned: position in the scan.
        turned_deg: about the long axis, from `position` in the sense supine → left side down →
            prone → right side down, -180 to 180: 90 from prone puts the right side down.
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
        BadArgument: a pneumoperitoneum, and the organ has no diaphragm, or one without stiffness.
    """
    times, lift = stiffness or {}, NOWHERE
    if posture.pneumoperitoneum_mmhg > 0.0:
        lift = (0.0, 0.0, posture.pressure_kpa / _diaphragm_kpa_per_mm(organ, times))
    springs: list[Springs] = []
    for one in supports_of(mesh, organ, times):
        springs += _sides(mesh, one, posture) if one.name == PARTED else [one]
    return Loads(
        gravity_mm_per_s2=turned_gravity(POSITIONS[posture.scanned], posture.down),
        pressure_kpa=posture.pressure_kpa,
        pressure_faces=mesh.surface(organ.name),
        acting=tuple(dataclasses.replace(one, rest_mm=lift) for one in springs),
    )


def _sides(mesh: OrganMesh, wall: Springs, posture: Posture) -> list[Springs]:
    """Return the wall by the side it looks to, each as stiff as gas leaves it."""
    corners = mesh.points[wall.faces]
    looks = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    nearest = (looks @ np.array(list(SIDES.values())).T).argmax(axis=1)
    found = []
    for number, side in enumerate(SIDES):
        chosen = nearest == number
        if chosen.any():
            mean = looks[chosen].sum(axis=0)
            down = float(mean @ np.array(posture.down) / np.linalg.norm(mean))
            found.append(_times(wall, f"{PARTED}-{side}", wall.faces[chosen], held(posture, down)))
    return found


def held(posture: Posture, looks_down: float) -> float:
    """Return the part of the wall's stiffness that gas leaves, 0 to 1; continuous in both.

    Args:
        looks_down: cosine between where the wall's face of the organ looks, and gravity.
    """
    parted = min(posture.pneumoperitoneum_mmhg / PARTED_AT_MMHG, 1.0)
    return 1.0 - parted * (1.0 - min(max(looks_down / LAIN_ON, 0.0), 1.0))


def _times(wall: Springs, name: str, faces: NDArray[np.int32], part: float) -> Springs:
    return dataclasses.replace(
        wall,
        name=name,
        faces=faces,
        normal_kpa_per_mm=part * wall.normal_kpa_per_mm,
        tangential_kpa_per_mm=part * wall.tangential_kpa_per_mm,
    )


def _diaphragm_kpa_per_mm(organ: Organ, times: Mapping[str, float]) -> float:
    for support in organ.supports:
        if support.place != LIFTED_BY:
            continue
        stiffness = support.normal_kpa_per_mm * times.get(LIFTED_BY, 1.0)
        if stiffness > 0.0:
            return stiffness
        raise BadArgument(
            f"gas would lift a {LIFTED_BY} without stiffness endlessly",
            where="pneumoperitoneum",
            advice=f"give the {LIFTED_BY} a stiffness above 0, or no pneumoperitoneum",
        )
    raise BadArgument(
        f"what a pneumoperitoneum does to the {organ.name} is not known",
        where="pneumoperitoneum",
        advice=f"name the support {LIFTED_BY!r} in the organ's file",
    )
