"""Density from an ADC map: the formula, its units, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from organtwin.core.errors import BadArgument, EmptyLabel
from organtwin.core.volume import GeometryReport, Volume
from organtwin.simulating.adc import UNITS_MM2_PER_S, density_from_adc

MAP = np.full((4, 4, 4), 1.2e-3)
MAP[1, 1, 1], MAP[2, 2, 2] = 0.6e-3, 3.2e-3
TUMOUR = np.zeros((4, 4, 4), bool)
TUMOUR[1:3, 1:3, 1:3] = True


def volume(values: NDArray[Any] = MAP, unit: str = "mm2/s", modality: str = "MR") -> Volume:
    geometry = GeometryReport((1.0, 1.0, 1.0), "LPS")
    voxels = np.asfortranarray(values, dtype=np.float32)
    return Volume(voxels, np.eye(4), unit, modality, geometry)


def test_that_the_density_is_the_formulas() -> None:
    found = density_from_adc(volume(), TUMOUR, least_mm2_per_s=0.6e-3)
    assert found.density[1, 1, 1] == pytest.approx(1.0)
    assert found.density[1, 1, 2] == pytest.approx(1.8 / 2.4, rel=1e-6)
    assert found.density[2, 2, 2] == 0.0
    assert (found.density[~TUMOUR] == 0.0).all()


def test_that_what_is_out_of_range_is_told() -> None:
    found = density_from_adc(volume(), TUMOUR, least_mm2_per_s=0.8e-3)
    assert (found.above_water, found.below_least, found.unmeasured) == (0.125, 0.125, 0.0)
    assert "12.5% above free water" in found.told
    assert "0.0008 mm²/s (given)" in found.told


def test_that_the_least_comes_from_the_patient_only_when_asked_and_says_so() -> None:
    found = density_from_adc(volume(), TUMOUR, least_mm2_per_s="patient")
    assert found.least_mm2_per_s == pytest.approx(0.6e-3)
    assert (found.least_from, found.below_least) == ("patient", 0.0)


@pytest.mark.parametrize("unit", sorted(UNITS_MM2_PER_S))
def test_that_every_unit_gives_the_same_density(unit: str) -> None:
    scaled = volume(MAP / UNITS_MM2_PER_S[unit], "1")
    found = density_from_adc(scaled, TUMOUR, least_mm2_per_s=0.6e-3, unit=unit)
    plain = density_from_adc(volume(), TUMOUR, least_mm2_per_s=0.6e-3)
    assert np.allclose(found.density, plain.density, atol=1e-6)


def test_that_the_maps_own_unit_is_taken() -> None:
    found = density_from_adc(volume(1e6 * MAP, "um2/s"), TUMOUR, least_mm2_per_s=0.6e-3)
    assert (found.unit, found.density[1, 1, 2]) == ("um2/s", pytest.approx(0.75, rel=1e-6))


@pytest.mark.parametrize(
    ("adc", "unit", "message"),
    [
        (volume(unit="1"), "", "not guessed"),
        (volume(), "um2/s", "the map says mm2/s"),
        (volume(unit="1"), "m2/s", "no unit of an ADC"),
        (volume(unit="1"), "um2/s", "the median ADC of the tumour would be 1.2e-09"),
        (volume(1e6 * MAP), "", "tissue has"),
        (volume(unit="HU", modality="CT"), "mm2/s", "is no ADC map"),
        (volume(unit="s"), "mm2/s", "is no ADC map"),
    ],
)
def test_that_a_unit_is_never_guessed(adc: Volume, unit: str, message: str) -> None:
    with pytest.raises(BadArgument, match=message):
        density_from_adc(adc, TUMOUR, least_mm2_per_s=0.6e-3, unit=unit)


def test_that_voxels_without_an_adc_need_a_word() -> None:
    holed = MAP.copy()
    holed[1, 2, 1] = 0.0
    with pytest.raises(BadArgument, match="1 of 8 voxels"):
        density_from_adc(volume(holed), TUMOUR, least_mm2_per_s=0.6e-3)
    found = density_from_adc(volume(holed), TUMOUR, least_mm2_per_s=0.6e-3, unmeasured=0.25)
    assert (found.density[1, 2, 1], found.unmeasured) == (0.25, 0.125)


def test_that_numbers_that_make_no_density_are_refused() -> None:
    with pytest.raises(BadArgument, match="has to lie below"):
        density_from_adc(volume(), TUMOUR, least_mm2_per_s=600.0)
    with pytest.raises(BadArgument, match="not on the grid"):
        density_from_adc(volume(), TUMOUR[:2], least_mm2_per_s=0.6e-3)
    with pytest.raises(EmptyLabel):
        density_from_adc(volume(), TUMOUR & False, least_mm2_per_s=0.6e-3)
