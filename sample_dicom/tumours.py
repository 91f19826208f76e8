"""Tumour growth on voxels: Fisher-KPP with uneven coefficients, grown from a small seed.

u_t = div(D grad u) + rho u (1 - u), u = cell density / carrying capacity in [0, 1], no flux through
the liver's capsule. Finite volumes on a fine voxel grid, Strang splitting: logistic growth exactly
for half a step, diffusion by Heun's method for one, growth for half a step. This is not the way
the twin solves its equation (tetrahedra, finite elements), and D and rho here vary in space.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from sample_dicom.grid import Field, Flags, Floats, Grid

VISIBLE = 0.5


@dataclass(frozen=True)
class Tumour:
    """One tumour's truth: where it is and by which law it grows."""

    name: str
    centre_mm: tuple[float, float, float]
    diffusion_mm2_per_day: float
    growth_per_day: float
    radius_day0_mm: float
    seed_radius_mm: float
    half_width_mm: float
    spread: float = 0.18
    correlation_mm: float = 4.0


@dataclass(frozen=True)
class Tissue:
    """Where cells may live and how they behave there, each (ni, nj, nk) on a grid."""

    grid: Grid
    inside: Flags
    diffusion_mm2_per_day: Floats
    growth_per_day: Floats


def uneven(
    grid: Grid, *, spread: float, correlation_mm: float, random: np.random.Generator
) -> Floats:
    """A positive factor of mean 1, relative spread `spread`, correlated over correlation_mm."""
    noise = random.standard_normal(grid.shape)
    smooth = ndimage.gaussian_filter(noise, [correlation_mm / s for s in grid.spacing_mm])
    factor = np.exp(spread * smooth / smooth.std())
    factor = np.clip(factor, 1.0 - 2.5 * spread, 1.0 + 2.5 * spread)
    even: Floats = factor / factor.mean()
    return even


def face_conductance(tissue: Tissue) -> list[Floats]:
    """Per direction, harmonic mean of D / h^2 across each inner face, 1/day; 0 at the capsule."""
    faces: list[Floats] = []
    alive = np.where(tissue.inside, tissue.diffusion_mm2_per_day, 0.0)
    for d in range(tissue.inside.ndim):
        count = alive.shape[d]
        low = np.take(alive, range(count - 1), axis=d)
        high = np.take(alive, range(1, count), axis=d)
        mean = 2.0 * low * high / np.maximum(low + high, 1e-30)
        faces.append(mean / tissue.grid.spacing_mm[d] ** 2)
    return faces


def diffusion_rate(u: Floats, faces: list[Floats]) -> Floats:
    """div(D grad u), 1/day; what leaves one voxel enters its neighbour, so mass is kept."""
    rate = np.zeros_like(u)
    for d, face in enumerate(faces):
        flow = face * np.diff(u, axis=d)
        low: list[slice] = [slice(None)] * u.ndim
        high = list(low)
        low[d], high[d] = slice(None, -1), slice(1, None)
        rate[tuple(low)] += flow
        rate[tuple(high)] -= flow
    return rate


def logistic(u: Floats, growth_per_day: Floats, days: float) -> Floats:
    """Exact solution of u' = rho u (1 - u) after `days`."""
    gain = np.exp(growth_per_day * days)
    grown: Floats = u * gain / (1.0 + u * (gain - 1.0))
    return grown


def step(u: Floats, tissue: Tissue, faces: list[Floats], days: float) -> Floats:
    """One Strang step; stable while 2 days * (sum of conductances) stays below 1."""
    u = logistic(u, tissue.growth_per_day, 0.5 * days)
    first = diffusion_rate(u, faces)
    second = diffusion_rate(u + days * first, faces)
    u = u + 0.5 * days * (first + second)
    return logistic(u, tissue.growth_per_day, 0.5 * days)


def seed(grid: Grid, tumour: Tumour, random: np.random.Generator) -> Floats:
    """A small, slightly lopsided start: an ellipsoid with low bumps, u = 0.9 inside."""
    offset = grid.points() - np.asarray(tumour.centre_mm, np.float32)[:, None, None, None]
    stretch = 1.0 + random.uniform(-0.14, 0.14, 3)
    radius = np.sqrt(sum((offset[d] / stretch[d]) ** 2 for d in range(3)))
    unit = offset / np.maximum(np.sqrt((offset**2).sum(axis=0)), 1e-3)
    bumps = np.zeros(grid.shape)
    for _ in range(5):
        way = random.standard_normal(3)
        way /= np.linalg.norm(way)
        turn = sum(way[d] * unit[d] for d in range(3))
        bumps += random.uniform(-0.11, 0.11) * np.cos(3.0 * turn + random.uniform(0.0, 6.28))
    edge = tumour.seed_radius_mm * (1.0 + bumps)
    start: Floats = 0.9 / (1.0 + np.exp(np.clip((radius - edge) / 0.8, -40.0, 40.0)))
    return start


def visible_ml(u: Floats, grid: Grid) -> float:
    """Volume where u >= VISIBLE, mL, each border voxel counted by the part that lies inside."""
    slopes = np.gradient(u, *grid.spacing_mm)
    steep = np.sqrt(sum(s**2 for s in slopes)) * float(np.mean(grid.spacing_mm))
    part = np.clip(0.5 + (u - VISIBLE) / np.maximum(steep, 1e-6), 0.0, 1.0)
    return float(part.sum()) * grid.voxel_ml


def history(
    tumour: Tumour,
    tissue: Tissue,
    days: list[int],
    *,
    random: np.random.Generator,
    step_days: float,
) -> tuple[dict[int, Field], float]:
    """Density at each day (day 0 first), and the days from the seed to day 0.

    Day 0 is the moment when the visible volume equals a ball of radius_day0_mm.
    """
    faces = face_conductance(tissue)
    u = np.where(tissue.inside, seed(tissue.grid, tumour, random), 0.0)
    wanted_ml = 4.0 / 3.0 * np.pi * tumour.radius_day0_mm**3 / 1000.0
    now_ml, age_days = visible_ml(u, tissue.grid), 0.0
    while True:
        ahead = step(u, tissue, faces, step_days)
        ahead_ml = visible_ml(ahead, tissue.grid)
        if ahead_ml >= wanted_ml and ahead_ml > now_ml:
            break
        u, now_ml, age_days = ahead, ahead_ml, age_days + step_days
        if age_days > 2000.0:
            raise RuntimeError(f"{tumour.name} never reaches {tumour.radius_day0_mm} mm")
    rest = step_days * (wanted_ml - now_ml) / (ahead_ml - now_ml)
    u, age_days = step(u, tissue, faces, rest), age_days + rest
    found = {}
    for day, following in zip(days, [*days[1:], None], strict=True):
        found[day] = Field(tissue.grid, u.astype(np.float32))
        for _ in range(round(((following or day) - day) / step_days)):
            u = step(u, tissue, faces, step_days)
    return found, age_days
