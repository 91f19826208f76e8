"""Random organs: ellipsoids and beans with tumours, and real livers, meshed coarsely.

The real ones are the sample patient's and, where the shared images lie beside the project, the
livers in them.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from benchmarks import meshing_cases
from benchmarks.tissue_cases import surface
from organtwin.core.labelmap import LabelMap
from organtwin.core.watch import Watch
from organtwin.importing import labels_at
from organtwin.meshing import Sizes, mesh_labels
from organtwin.organs.liver import ORGAN
from solvers.refinement import Mesh

Reals = NDArray[np.float64]
Voxels = NDArray[np.bool_]
REAL: Final = ("totalseg-abdomen-3mm/labels*.nii.gz", "ccth-a01-abdomen/RTstruct.dcm")
SHAPES: Final = 36
"""Shapes that are meshed; every problem stretches and turns one of them."""
REAL_EACH: Final = 4
"""Every so many shapes is a real liver."""
TETRAHEDRA: Final = (600, 3000)
_SIZE: Final = 44


def random_organ(rng: np.random.Generator, number: int, length_mm: float) -> Mesh:
    """Return a mesh of about this length, regions 1 (organ) and 2 (tumour, where there is one)."""
    made = _shape(number % SHAPES)
    stretch = rng.uniform(0.85, 1.15, 3)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    turn[:, 0] *= np.sign(np.linalg.det(turn))
    points = (made.points_mm - made.points_mm.mean(axis=0)) * stretch
    points *= length_mm / np.ptp(points, axis=0).max()
    return Mesh(points @ turn.T, made.cells, made.regions)


def patch(mesh: Mesh, towards: Reals, part: float) -> NDArray[np.int32]:
    """Return the (f, 3) outer triangles that lie farthest `towards`, this part of them all."""
    faces = surface(mesh)
    along = mesh.points_mm[faces].mean(axis=1) @ towards
    return faces[along >= np.quantile(along, 1.0 - part)]


@cache
def _shape(number: int) -> Mesh:
    rng = np.random.default_rng([5, number])
    wanted = Sizes(target_tetrahedra=int(rng.uniform(*TETRAHEDRA)))
    real, spacing = number % REAL_EACH == 0, (3.0, 3.0, 3.0)
    if real:
        inside, spacing = _livers()[number // REAL_EACH % len(_livers())]
    else:
        inside = _drawn(rng)
    voxels = _with_tumours(rng, inside, np.array(spacing))
    made, _ = mesh_labels(meshing_cases.map_of(voxels, spacing), wanted, Watch())
    return Mesh(made.points, made.tetrahedra.astype(np.int32), made.regions.astype(np.int32))


@cache
def _livers() -> list[tuple[Voxels, tuple[float, float, float]]]:
    """Every liver that there is, with vessels and tumours, at 3 mm: voxels and spacing."""
    found = [labels for _, labels in meshing_cases.sample()]
    for pattern in REAL:
        for path in meshing_cases.SHARED.glob(pattern):
            found.append(labels_at(path, ORGAN, beside=None, watch=Watch())[0])
    return [_liver(labels) for labels in found]


def _liver(labels: LabelMap) -> tuple[Voxels, tuple[float, float, float]]:
    own = [s.label for s in labels.structures if "liver" in (s.name, s.within)]
    spacing = np.linalg.norm(labels.affine[:3, :3], axis=0)
    step = np.maximum(1, np.rint(3.0 / spacing)).astype(int)
    inside = np.isin(labels.labels, own)[:: step[0], :: step[1], :: step[2]]
    pieces, _ = ndimage.label(inside)
    largest = pieces == np.bincount(pieces[inside]).argmax()
    return np.pad(largest, 1), tuple(spacing * step)


def _with_tumours(rng: np.random.Generator, inside: Voxels, spacing: Reals) -> NDArray[np.uint8]:
    """Up to two balls of 12 to 25 mm inside, label 2."""
    voxels, at = inside.astype(np.uint8), np.moveaxis(np.indices(inside.shape), 0, -1) * spacing
    for _ in range(rng.integers(0, 3)):
        away = np.linalg.norm(at - rng.choice(at[inside]), axis=-1)
        voxels[inside & (away < rng.uniform(12.0, 25.0))] = 2
    return voxels


def _drawn(rng: np.random.Generator) -> Voxels:
    """An ellipsoid, bent into a bean half of the time."""
    middle = (_SIZE - 1) / 2
    at = (np.moveaxis(np.indices((_SIZE,) * 3), 0, -1) - middle) / middle
    half = rng.uniform((0.75, 0.45, 0.45), (0.9, 0.75, 0.75))
    if rng.random() < 0.5:
        at[..., 1] += rng.uniform(0.2, 0.6) * (at[..., 0] ** 2 - 0.3)
    return np.asarray(((at / half) ** 2).sum(axis=-1) < 1.0)
