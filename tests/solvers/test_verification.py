"""The solver against exact and published solutions: small of benchmarks/tissue_verification.py."""

from __future__ import annotations

import math

import pytest

from benchmarks.verification_cases import (
    beam_mm,
    beating_mm,
    cook_mm,
    patch_error_mm,
    pressed_stretch,
    sag_mm,
    shear_force_mn,
    tube_stretch,
)
from solvers.elements import ELEMENTS
from tests.solvers.problems import manufactured_error, manufactured_problem


@pytest.mark.parametrize("element", ELEMENTS)
def test_that_every_element_passes_the_patch_test(element: str) -> None:
    assert patch_error_mm(element) < 1e-5


@pytest.mark.parametrize(
    ("element", "cuts", "orders"),
    [("p1_p1", (4, 8), (2.0, 1.0, 1.0)), ("p2_p1", (3, 6), (3.0, 2.0, 2.0))],
)
def test_that_errors_fall_with_the_elements_orders(
    element: str, cuts: tuple[int, int], orders: tuple[float, ...]
) -> None:
    # displacement in L2 and H1, pressure in L2, of a finite-strain solution at ν = 0.4999
    coarse, fine = (
        manufactured_error(manufactured_problem(element, n, 0.4999).solve()) for n in cuts
    )
    for before, after, order in zip(coarse, fine, orders, strict=True):
        assert math.log2(before / after) > order - 0.15


@pytest.mark.parametrize("stretch", [0.8, 1.3])
@pytest.mark.parametrize("axes", [(0,), (0, 1)])
def test_that_a_pressed_block_takes_the_closed_form(stretch: float, axes: tuple[int, ...]) -> None:
    assert pressed_stretch(stretch, axes) == pytest.approx(stretch, rel=1e-4)


def test_that_a_sheared_block_resists_as_the_closed_form_says() -> None:
    force, exact = shear_force_mn(0.5)
    assert force == pytest.approx(exact, rel=1e-4)


def test_that_a_tube_is_inflated_as_the_closed_form_says() -> None:
    value, exact = tube_stretch(24, 1)
    assert value == pytest.approx(exact, rel=0.01)  # flat facets for a circle: (π/24)² = 1.7 %


def test_that_cooks_membrane_rises_as_published() -> None:
    # 6.89 with 30 F-bar quadrilaterals a side (OpenGeoSys); the corner's singularity slows ours
    assert cook_mm("p2_p1", 12) == pytest.approx(6.89, rel=0.015)


def test_that_p1_locks_and_ours_do_not() -> None:
    accurate = sag_mm("p2_p1", 4, 0.4999)
    assert sag_mm("p1", 4, 0.4999) < 0.5 * accurate
    assert sag_mm("p1_p1", 4, 0.4999) > 0.75 * accurate
    assert sag_mm("p2_p1", 6, 0.4999) == pytest.approx(accurate, rel=0.02)


def test_that_lands_beam_bends_as_eleven_codes_found() -> None:
    # Land et al. 2015, 10.1098/rspa.2015.0641, problem 1: 4.14 to 4.20 mm at their finest
    assert beam_mm(2) == pytest.approx(4.17, rel=0.012)


def test_that_lands_ventricle_contracts_and_twists_as_found() -> None:
    # Land et al. 2015, problem 3: -12.35 mm (FEniCS) and a twist of 1.3 to 1.8 mm on finer meshes
    inner, _, twist = beating_mm(6, 2)
    assert inner == pytest.approx(-12.35, rel=0.06)
    assert 1.3 < twist < 1.8
