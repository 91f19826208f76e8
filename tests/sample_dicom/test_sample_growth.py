from __future__ import annotations

import numpy as np
import pytest

from sample_dicom.grid import Grid
from sample_dicom.tumours import (
    Tissue,
    diffusion_rate,
    face_conductance,
    logistic,
    step,
    uneven,
    visible_ml,
)


def tissue(shape: tuple[int, int, int], h_mm: float, *, d: float, rho: float) -> Tissue:
    grid = Grid((0.0, 0.0, 0.0), (h_mm, h_mm, h_mm), shape)
    return Tissue(grid, np.ones(shape, bool), np.full(shape, d), np.full(shape, rho))


def test_that_diffusion_alone_keeps_mass_beside_an_uneven_capsule() -> None:
    rng = np.random.default_rng(3)
    even = tissue((20, 20, 20), 0.7, d=0.06, rho=0.0)
    inside = rng.random((20, 20, 20)) > 0.2
    bumpy = Tissue(
        even.grid, inside, 0.06 * uneven(even.grid, spread=0.2, correlation_mm=2.0, random=rng),
        even.growth_per_day,
    )  # fmt: skip
    u = np.where(inside, rng.random((20, 20, 20)), 0.0)
    before, faces = u.sum(), face_conductance(bumpy)
    for _ in range(100):
        u = step(u, bumpy, faces, 0.5)
    assert u.sum() == pytest.approx(before, rel=1e-12)
    assert u[~inside].max() == 0.0


def test_that_growth_alone_follows_the_logistic_curve() -> None:
    # NUMERICS R5: u0 0.1, rho 0.05 /day, 90 days.
    assert logistic(np.array(0.1), np.array(0.05), 90.0) == pytest.approx(0.9091066, abs=1e-7)


def test_that_a_gaussian_spreads_by_2_d_t() -> None:
    # NUMERICS R4: s0 3 mm, D 0.1 mm2/day, 60 days: variance 9 + 2 * 0.1 * 60 = 21 mm2.
    line = tissue((161, 1, 1), 0.5, d=0.1, rho=0.0)
    x = line.grid.axis(0).astype(np.float64) - 40.0
    u = np.exp(-(x**2) / 18.0)[:, None, None]
    faces = face_conductance(line)
    for _ in range(120):
        u = step(u, line, faces, 0.5)
    assert float((u[:, 0, 0] * x**2).sum() / u.sum()) == pytest.approx(21.0, rel=1e-3)


def test_that_the_exact_front_travels_at_its_own_speed() -> None:
    # NUMERICS R3: u = (1 + e^(z / sqrt 6))^-2 runs at 5 / sqrt(6) sqrt(D rho) = 0.144338 mm/day.
    line = tissue((321, 1, 1), 0.25, d=0.1, rho=0.05)
    z = (line.grid.axis(0).astype(np.float64) - 20.0) / np.sqrt(0.1 / 0.05)
    u = ((1.0 + np.exp(z / np.sqrt(6.0))) ** -2.0)[:, None, None]
    faces, mass = face_conductance(line), u.sum()
    for _ in range(600):
        u = step(u, line, faces, 0.25)
    assert (u.sum() - mass) * 0.25 / 150.0 == pytest.approx(0.144338, rel=3e-3)


def test_that_a_steady_field_does_not_diffuse() -> None:
    block = tissue((5, 5, 5), 0.7, d=0.06, rho=0.02)
    assert not diffusion_rate(np.full((5, 5, 5), 0.3), face_conductance(block)).any()


def test_that_a_ball_has_the_volume_of_a_ball() -> None:
    block = tissue((41, 41, 41), 0.7, d=0.0, rho=0.0)
    offset = block.grid.points().astype(np.float64) - 14.0
    u = 1.0 / (1.0 + np.exp(np.sqrt((offset**2).sum(axis=0)) - 8.0))
    # Radius 8 mm; the rule for border voxels is of second order: 0.23 % off at h = 0.7 mm.
    assert visible_ml(u, block.grid) == pytest.approx(4.0 / 3.0 * np.pi * 0.512, rel=4e-3)
