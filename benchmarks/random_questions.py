"""Random questions to the tissue solver, about organs of three kinds, in physiological ranges."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.random_organs import patch, random_organ
from solvers.laws import laws
from solvers.refinement import Mesh, refined_near

G_MM_PER_S2: Final = 9806.65
KPA_PER_MMHG: Final = 0.133322
COMPARED: Final = ("linear_elastic", "saint_venant_kirchhoff")
CLEAR_MM: Final = 8.0
"""How far what is rigid stays from nodes that are held."""
Random = np.random.Generator
Reals = NDArray[np.float64]


@dataclass(frozen=True)
class Kind:
    """One kind of organ.

    Args:
        length_mm: shortest and longest.
        shear_kpa: of the organ; tumours are 0.5 to 6 times as stiff.
        weight: most of the change of gravity, in g: the brain floats.
        fixed: part of the surface that is held.
        lies: whether it always lies on springs: neighbours carry an abdominal organ's weight.
    """

    name: str
    length_mm: tuple[float, float]
    shear_kpa: tuple[float, float]
    weight: float
    fixed: tuple[float, float]
    lies: bool


KINDS: Final = (
    Kind("abdominal", (90.0, 200.0), (1.37, 6.0), 1.41, (0.12, 0.3), True),
    Kind("brain", (120.0, 170.0), (0.67, 1.58), 0.25, (0.25, 0.5), False),
    Kind("breast", (80.0, 130.0), (1.1, 2.9), 1.0, (0.35, 0.5), False),
)


@dataclass(frozen=True)
class Springs:
    """How springs are drawn.

    Args:
        chance: that there are any.
        part: of the surface, smallest and largest.
        normal, across: log10 of the softest, kPa/mm.
    """

    chance: float
    part: tuple[float, float]
    normal: float
    across: float


SPRINGS: Final = Springs(0.5, (0.4, 0.9), -2.0, -2.5)
SPRINGS_LYING: Final = Springs(1.0, (0.4, 0.9), -2.0, -2.5)
SPRINGS_WIDE: Final = Springs(0.6, (0.2, 0.8), -2.5, -3.0)
DRAWN: Final = {
    "second_invariant_share": (0.0, 0.5),
    "quadratic_ratio": (0.0, 2.0),
    "cubic_ratio": (0.0, 1.0),
    "stiffening": (0.3, 5.0),
    "stiffening_across": (0.5, 4.0),
    "fibre_ratio": (1.0, 5.0),
    "fibre_shear_ratio": (0.5, 2.5),
    "exponent_1": (-20.0, -4.0),
    "exponent_2": (1.0, 6.0),
    "exponent_3": (-4.0, -1.0),
    "share_2": (0.0, 0.5),
    "share_3": (0.0, 0.5),
    "fibre_modulus_kpa": (0.5, 20.0),
    "fibre_stiffening": (2.0, 16.0),
    "sheet_modulus_kpa": (0.2, 3.0),
    "sheet_stiffening": (2.0, 11.0),
    "fibre_sheet_modulus_kpa": (0.05, 0.5),
    "fibre_sheet_stiffening": (2.0, 11.0),
    "ground_stiffening": (2.0, 8.0),
}
"""Law parameter → smallest and largest that is drawn."""


@dataclass
class Question:
    """One problem, as `solvers.library.deform` takes it.

    Args:
        back: unit vector to where it is held, `part` of its surface.
        most_weight: most of the change of gravity, in g.
        told: what acts, for a person.
    """

    mesh: Mesh
    back: Reals
    part: float
    most_weight: float
    values: dict[str, float] = field(default_factory=dict)
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)

    def hold(self) -> None:
        """Fix this part of the surface at the back."""
        self.arrays["fixed_nodes"] = np.unique(patch(self.mesh, self.back, self.part))


def question(seed: int, number: int, *, wide: bool = False) -> Question:
    """Return one problem; the same for the same numbers.

    Args:
        wide: abdominal organs may hang by their attachments alone, springs are down to a third as
            stiff and half as large, and every law is drawn under every load.
    """
    rng = np.random.default_rng([seed, number])
    kind = KINDS[number % len(KINDS)]
    mesh = random_organ(rng, number, rng.uniform(*kind.length_mm))
    asked = Question(mesh, _unit(rng), rng.uniform(*kind.fixed), kind.weight)
    asked.told.append(kind.name)
    asked.hold()
    extra = str(rng.choice(["", *ADDED], p=[0.35, 0.15, 0.2, 0.1, 0.2]))
    if extra:
        asked.told.append(extra)
        ADDED[extra](asked, rng)
    _loads(asked, rng, SPRINGS_WIDE if wide else SPRINGS_LYING if kind.lies else SPRINGS)
    gentle = wide or (not extra and "pressure_kpa" not in asked.settings)
    _tissue(asked, kind, rng, [name for name in laws() if gentle or name not in COMPARED])
    return asked


def _tissue(asked: Question, kind: Kind, rng: Random, names: list[str]) -> None:
    """A law with its numbers for each region, and fibres that turn slowly through the organ."""
    organ = np.exp(rng.uniform(*np.log(kind.shear_kpa)))
    for label in np.unique(asked.mesh.regions).tolist():
        name = str(rng.choice(sorted(names)))
        shear = organ * (1.0 if label == 1 else np.exp(rng.uniform(np.log(0.5), np.log(6.0))))
        asked.settings[f"law@{label}"] = name
        asked.told.append(f"{name} {shear:.2f} kPa")
        for parameter in laws()[name].parameters:
            if parameter.name in DRAWN:
                low, high = DRAWN[parameter.name]
                asked.values[f"{parameter.name}@{label}"] = rng.uniform(low, high)
        asked.values[f"shear_modulus_kpa@{label}"] = float(shear)
        # ν from 0.45 to 0.4999
        asked.values[f"poisson_ratio@{label}"] = 0.5 - 10.0 ** rng.uniform(-4.0, -1.3)
    middles = asked.mesh.points_mm[asked.mesh.cells].mean(axis=1)
    axes, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    turn = middles @ axes[2] / np.ptp(middles @ axes[2]) * np.pi / 2.0
    sine, cosine = np.sin(turn)[:, None], np.cos(turn)[:, None]
    asked.arrays["fibre"] = cosine * axes[0] + sine * axes[1]
    asked.arrays["sheet"] = cosine * axes[1] - sine * axes[0]


def _loads(asked: Question, rng: Random, springs: Springs) -> None:
    weight = asked.most_weight * G_MM_PER_S2 * rng.uniform(0.2, 1.0) * _unit(rng)
    asked.settings["gravity_mm_per_s2"] = tuple(weight.tolist())
    asked.settings["density_g_per_ml"] = rng.uniform(1.0, 1.07)
    if springs.chance == 1.0 or rng.random() < springs.chance:
        asked.arrays["spring_faces"] = patch(asked.mesh, _unit(rng), rng.uniform(*springs.part))
        asked.settings["spring_normal_kpa_per_mm"] = 10.0 ** rng.uniform(springs.normal, -0.5)
        asked.settings["spring_tangential_kpa_per_mm"] = 10.0 ** rng.uniform(springs.across, -1.0)
        asked.told.append("springs")
    if rng.random() < 0.5:
        asked.arrays["pressure_faces"] = patch(asked.mesh, -asked.back, rng.uniform(0.2, 0.6))
        asked.settings["pressure_kpa"] = KPA_PER_MMHG * rng.uniform(1.0, 15.0)
        asked.told.append(f"pressure {asked.settings['pressure_kpa']:.2f} kPa")


def _plane(asked: Question, rng: Random) -> None:
    """A plate that comes 2 to 12 mm from the front or aside."""
    travel = rng.uniform(3.0, 13.0)
    points, held = asked.mesh.points_mm, asked.arrays["fixed_nodes"]
    for towards in _away_from(asked.back, rng):
        highest = (points @ towards).max()
        if (points[held] @ towards).max() < highest - travel - CLEAR_MM:
            break
    _touches(asked, "plane", patch(asked.mesh, towards, 0.5))
    asked.settings["plane_point_mm"] = tuple((towards * (highest + 1.0)).tolist())
    asked.settings["plane_normal"] = tuple((-towards).tolist())
    asked.settings["plane_travel_mm"] = tuple((-towards * travel).tolist())


def _tool(asked: Question, rng: Random) -> None:
    """A ball of 8 to 20 mm pressed 3 to 12 mm in, where the mesh is made fine enough for it."""
    radius, travel = rng.uniform(8.0, 20.0), rng.uniform(4.0, 13.0)
    start, towards = _ball(asked, rng, radius, travel)
    asked.settings["tool_radius_mm"] = radius
    asked.settings["tool_start_mm"] = tuple(start.tolist())
    asked.settings["tool_travel_mm"] = tuple((-towards * travel).tolist())
    _touches(asked, "tool", patch(asked.mesh, towards, 0.4))


def _surface(asked: Question, rng: Random) -> None:
    """A blunt body, such as the spine, given by its distance, that comes 2 to 8 mm."""
    radius, travel, spacing = rng.uniform(25.0, 60.0), rng.uniform(3.0, 9.0), 4.0
    start, towards = _ball(asked, rng, radius, travel)
    reach = np.abs(asked.mesh.points_mm).max() + 40.0
    axis = np.arange(-reach, reach + spacing, spacing)
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)
    affine = np.diag([spacing] * 3 + [1.0])
    affine[:3, 3] = axis[0]
    distance = np.linalg.norm(grid - start, axis=-1) - radius
    asked.arrays["surface_distance_mm"] = distance.astype(np.float32)
    asked.arrays["surface_distance_affine"] = affine
    asked.settings["surface_travel_mm"] = tuple((-towards * travel).tolist())
    _touches(asked, "surface", patch(asked.mesh, towards, 0.4))


def _ball(asked: Question, rng: Random, radius: float, travel: float) -> tuple[Reals, Reals]:
    """Centre of a ball 1 mm outside, and where it comes from; edges there are half its radius."""
    points, held = asked.mesh.points_mm, asked.arrays["fixed_nodes"]
    for towards in _away_from(asked.back, rng):
        tip = points[(points @ towards).argmax()]
        end = tip + towards * (radius + 1.0 - travel)
        if np.linalg.norm(points[held] - end, axis=1).min() > radius + CLEAR_MM:
            break
    asked.mesh = refined_near(
        asked.mesh,
        lambda x: np.linalg.norm(x - tip, axis=1),
        edge_mm=max(0.6 * radius, 6.0),
        radius_mm=0.8 * radius,
        most_nodes=20_000,
    )
    asked.hold()
    return tip + towards * (radius + 1.0), towards


def _touches(asked: Question, name: str, faces: NDArray[np.int32]) -> None:
    free = ~np.isin(faces, asked.arrays["fixed_nodes"]).any(axis=1)
    asked.arrays[f"{name}_faces"] = faces[free]


def _moved(asked: Question, rng: Random) -> None:
    """A patch that goes 3 to 12 mm and turns up to 10°, as a registration found it."""
    held = asked.arrays["fixed_nodes"]
    nodes = np.setdiff1d(patch(asked.mesh, -asked.back, rng.uniform(0.03, 0.2)), held)
    places = asked.mesh.points_mm[nodes]
    turn = np.cross(rng.uniform(0.0, np.radians(10.0)) * _unit(rng), places - places.mean(axis=0))
    asked.arrays["prescribed_nodes"] = nodes
    asked.arrays["prescribed_mm"] = rng.uniform(3.0, 12.0) * _unit(rng) + turn


ADDED: Final = {"plane": _plane, "tool": _tool, "surface": _surface, "moved": _moved}


def _unit(rng: Random) -> Reals:
    direction = rng.normal(size=3)
    return np.asarray(direction / np.linalg.norm(direction))


def _away_from(back: Reals, rng: Random) -> Iterator[Reals]:
    """Directions at 60 to 180° from the support's, at last the opposite one."""
    for _ in range(50):
        towards = _unit(rng)
        if towards @ back < 0.5:
            yield towards
    yield -back
