"""Portal and hepatic venous trees that fill the liver by recursive bifurcation.

Each vessel drains (or feeds) a cloud of liver points. It runs toward the cloud's centre, forks
where the cloud splits across its widest direction, and so on. Radii follow Murray's law: the cube
of the radius goes with the volume that the vessel serves (Murray 1926), so r0^3 = r1^3 + r2^3.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.spatial import cKDTree

from sample_dicom.grid import Floats

SMALLEST_RADIUS_MM = 1.25


@dataclass(frozen=True)
class Branch:
    """One vessel between two forks: curve (n, 3) mm, radius mm, generation from the root."""

    curve_mm: Floats
    radius_mm: float
    generation: int


@dataclass
class Tree:
    """A tree being grown: its branches and its forks as (position (3,), radius mm)."""

    name: str
    branches: list[Branch] = field(default_factory=list)
    forks: list[tuple[Floats, float]] = field(default_factory=list)

    def samples(self, *, wider_than_mm: float = 0.0) -> tuple[Floats, Floats]:
        """Centre-line points (n, 3) mm and their radii (n,) mm."""
        chosen = [b for b in self.branches if b.radius_mm > wider_than_mm]
        points = np.concatenate([b.curve_mm for b in chosen])
        return points, np.concatenate([np.full(len(b.curve_mm), b.radius_mm) for b in chosen])

    def paths(self) -> list[tuple[Floats, Floats]]:
        """Every branch as (curve (n, 3) mm, radii (n,) mm)."""
        return [(b.curve_mm, np.full(len(b.curve_mm), b.radius_mm)) for b in self.branches]


def grow(
    tree: Tree,
    start_mm: Floats,
    heading: Floats,
    cloud_mm: Floats,
    *,
    radius_mm: float,
    random: np.random.Generator,
    avoid: Tree | None = None,
) -> None:
    """Fill cloud_mm (n, 3) from start_mm (3,), setting out along heading (3,)."""
    _fork(
        tree,
        start_mm,
        heading,
        cloud_mm,
        law=_Law(radius_mm**3 / len(cloud_mm), random, _clearance(avoid)),
        generation=0,
    )


@dataclass(frozen=True)
class _Law:
    cube_per_point: float
    random: np.random.Generator
    near: tuple[cKDTree, Floats] | None


def _clearance(avoid: Tree | None) -> tuple[cKDTree, Floats] | None:
    if avoid is None:
        return None
    points, radii = avoid.samples()
    return cKDTree(points), np.column_stack([points, radii])


def _fork(
    tree: Tree, start: Floats, heading: Floats, cloud: Floats, *, law: _Law, generation: int
) -> None:
    radius = float((law.cube_per_point * len(cloud)) ** (1.0 / 3.0))
    last = radius < SMALLEST_RADIUS_MM * 1.26 or len(cloud) < 8
    middle = cloud.mean(axis=0)
    reach = 0.9 if last else 0.42 + 0.16 * law.random.random()
    wander = law.random.normal(0.0, 0.06, 3) * np.linalg.norm(middle - start)
    end = _apart(start + reach * (middle - start) + wander, radius, law.near)
    arrival = _unit(middle - start) * 0.7 + _unit(heading) * 0.3
    tree.branches.append(Branch(_bend(start, heading, end, arrival), radius, generation))
    if last:
        return
    tree.forks.append((end, radius))
    for half in _halves(cloud, _unit(middle - start), law.random):
        toward = _unit(half.mean(axis=0) - end) * 0.6 + _unit(arrival) * 0.4
        _fork(tree, end, toward, half, law=law, generation=generation + 1)


def _halves(cloud: Floats, along: Floats, random: np.random.Generator) -> tuple[Floats, Floats]:
    """Split points across their widest direction, turned mostly square to the vessel."""
    centred = cloud - cloud.mean(axis=0)
    square = centred - 0.8 * np.outer(centred @ along, along)
    widest = np.linalg.eigh(square.T @ square)[1][:, -1]
    side = centred @ widest
    cut = np.quantile(side, 0.5 + random.uniform(-0.18, 0.18))
    return cloud[side <= cut], cloud[side > cut]


def _apart(point: Floats, radius: float, near: tuple[cKDTree, Floats] | None) -> Floats:
    """Push a fork away from the other tree until both walls are 3 mm apart."""
    if near is None:
        return point
    for _ in range(4):
        gap, index = near[0].query(point)
        wanted = radius + near[1][index, 3] + 3.0
        if gap >= wanted:
            break
        point = point + _unit(point - near[1][index, :3]) * (wanted - gap)
    return point


def _bend(start: Floats, leave: Floats, end: Floats, arrive: Floats) -> Floats:
    """A cubic Hermite curve between two points, (n, 3) mm, about 2 mm between samples."""
    length = float(np.linalg.norm(end - start))
    t = np.linspace(0.0, 1.0, max(4, int(length / 2.0) + 1))[:, None]
    out, into = _unit(leave) * length * 0.8, _unit(arrive) * length * 0.6
    basis = (2 * t**3 - 3 * t**2 + 1, t**3 - 2 * t**2 + t, -2 * t**3 + 3 * t**2, t**3 - t**2)
    curve: Floats = basis[0] * start + basis[1] * out + basis[2] * end + basis[3] * into
    return curve


def _unit(vector: Floats) -> Floats:
    unit: Floats = vector / max(float(np.linalg.norm(vector)), 1e-9)
    return unit


def portal_tree(cloud_mm: Floats, random: np.random.Generator) -> Tree:
    """Trunk from the splenic confluence to the porta, right and left branch, and all below.

    cloud_mm: points inside the liver, (n, 3). The first fork divides it along Cantlie's line,
    from the gallbladder to the vena cava.
    """
    tree = Tree("portal vein")
    confluence, porta = np.array([4.0, 12.0, -36.0]), np.array([-33.0, 2.0, 6.0])
    trunk = _bend(confluence, np.array([-0.5, -0.2, 0.8]), porta, np.array([-0.9, -0.3, 0.4]))
    tree.branches.append(Branch(trunk, 6.4, 0))
    tree.forks.append((porta, 6.4))
    right = _side_of_cantlie(cloud_mm) < 0.0
    shares = (np.mean(right), 1.0 - np.mean(right))
    headings = (np.array([-1.0, 0.0, 0.15]), np.array([0.75, -0.55, 0.35]))
    for half, share, heading in zip(
        (cloud_mm[right], cloud_mm[~right]), shares, headings, strict=True
    ):
        radius = float(6.4 * share ** (1.0 / 3.0))
        grow(tree, porta, heading, half, radius_mm=radius, random=random)
    return tree


def _side_of_cantlie(points: Floats) -> Floats:
    gallbladder, cava = np.array([-44.0, -46.0]), np.array([-21.0, 26.0])
    line = cava - gallbladder
    side: Floats = line[1] * (points[:, 0] - cava[0]) - line[0] * (points[:, 1] - cava[1])
    return side


def hepatic_tree(cloud_mm: Floats, portal: Tree, random: np.random.Generator) -> Tree:
    """Right, middle and left hepatic vein, converging on the vena cava under the diaphragm."""
    tree = Tree("hepatic vein")
    cava = np.array([-20.5, 23.0])
    angle = np.arctan2(cloud_mm[:, 0] - cava[0], -(cloud_mm[:, 1] - cava[1]))
    cuts = np.quantile(angle, [0.47, 0.76])
    sectors = (angle <= cuts[0], (angle > cuts[0]) & (angle <= cuts[1]), angle > cuts[1])
    outlets = (
        (np.array([-30.0, 24.0, 36.0]), np.array([-1.0, -0.15, -0.25]), 5.6),
        (np.array([-22.0, 14.0, 41.0]), np.array([-0.35, -1.0, -0.2]), 4.8),
        (np.array([-16.0, 14.0, 43.0]), np.array([0.7, -0.8, 0.0]), 4.4),
    )
    for sector, (outlet, heading, radius) in zip(sectors, outlets, strict=True):
        grow(tree, outlet, heading, cloud_mm[sector], radius_mm=radius, random=random, avoid=portal)
    return tree
