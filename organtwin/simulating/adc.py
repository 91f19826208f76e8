"""Tumour density from a map of the apparent diffusion coefficient (ADC), in units that are named.

    N/θ = (ADC_w - ADC) / (ADC_w - ADC_min)

with θ the most cells a voxel can hold, ADC_w that of free water, ADC_min the smallest in the
tumour. It is ascribed to Atuegwu et al. (10.1002/mrm.23203) and Hormuth et al. 2015 (Physical
Biology 12, 046006), whose full text was not at hand when this was written: check it before use. In
37 glioblastomas ADC and counted cells went together weakly, Spearman's ρ = -0.32 over 561 biopsies
(Eidel 2016, 10.1371/journal.pone.0160250).

ADC_w: self-diffusion of water at 37 °C by Holz, Heil & Sacco 2000 (10.1039/b005319h),
1.635e-8 m²/s (T / 215.05 K - 1)^2.063 = 3.04e-3 mm²/s, taken as 3.0e-3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import BadArgument, EmptyLabel
from organtwin.core.volume import Volume

UNITS_MM2_PER_S: Final = {
    "mm2/s": 1.0,
    "1e-3 mm2/s": 1e-3,
    "um2/ms": 1e-3,
    "1e-6 mm2/s": 1e-6,
    "um2/s": 1e-6,
}
"""Unit of an ADC map → its size in mm²/s."""
FREE_WATER_MM2_PER_S: Final = 3.0e-3
PLAUSIBLE_MM2_PER_S: Final = (1e-4, 4e-3)
"""Where the median of tissue lies: a hundred times less is another unit, a choice."""
FORMULA: Final = "N/θ = (ADC_w - ADC) / (ADC_w - ADC_min)"
_NAMED: Final = ", ".join(UNITS_MM2_PER_S)


@dataclass(frozen=True, eq=False)
class AdcDensity:
    """The density of a tumour, and what of its ADC was outside the formula's range.

    Args:
        density: (ni, nj, nk) float64, 0..1; 0 outside the tumour.
        unit: the map's.
        free_water_mm2_per_s, least_mm2_per_s: ADC_w and ADC_min as used.
        least_from: "given" or "patient".
        above_water: share of the tumour's voxels above ADC_w, given density 0.
        below_least: share below ADC_min, given density 1.
        unmeasured: share without a positive finite ADC, given the density that was asked for.
    """

    density: NDArray[np.float64]
    unit: str
    free_water_mm2_per_s: float
    least_mm2_per_s: float
    least_from: Literal["given", "patient"]
    above_water: float
    below_least: float
    unmeasured: float

    @property
    def told(self) -> str:
        """How it was computed and what was out of range, one line for a person."""
        return (
            f"{FORMULA}, ADC_w {self.free_water_mm2_per_s:.3g} mm²/s, ADC_min "
            f"{self.least_mm2_per_s:.3g} mm²/s ({self.least_from}), map in {self.unit}; out of "
            f"range: {self.above_water:.1%} above free water, {self.below_least:.1%} below the "
            f"least, {self.unmeasured:.1%} not measured"
        )


def density_from_adc(
    adc: Volume,
    tumour: NDArray[np.bool_],
    *,
    least_mm2_per_s: float | Literal["patient"],
    unit: str = "",
    free_water_mm2_per_s: float = FREE_WATER_MM2_PER_S,
    unmeasured: float | None = None,
) -> AdcDensity:
    """Return the density of the voxels of a tumour.

    Args:
        adc: the map; its `unit` counts where it is one of `UNITS_MM2_PER_S`.
        tumour: (ni, nj, nk), on the map's grid.
        least_mm2_per_s: ADC_min, or "patient": the smallest measured in this tumour.
        unit: of the map, where it does not say so itself; never guessed.
        free_water_mm2_per_s: ADC_w.
        unmeasured: density (0..1) of voxels without a positive finite ADC.

    Raises:
        BadArgument: no unit or two, values that are none of tissue in it, ADC_min not below ADC_w,
            another grid, or voxels that are not measured and no word what they are.
        EmptyLabel: the tumour has no voxels, or none with an ADC.
    """
    tumour = np.asarray(tumour, bool)
    if tumour.shape != adc.voxels.shape:
        raise BadArgument("the tumour's mask is not on the grid of the ADC map", where="ADC")
    if not tumour.any():
        raise EmptyLabel("the tumour has no voxels", where="ADC")
    named = unit_of(adc, unit)
    found = adc.voxels[tumour].astype(np.float64) * UNITS_MM2_PER_S[named]
    measured = np.isfinite(found) & (found > 0.0)
    _require_plausible(found[measured], named, adc)
    least = float(found[measured].min()) if least_mm2_per_s == "patient" else least_mm2_per_s
    _require_range(float(least), free_water_mm2_per_s)
    _require_said(measured, unmeasured)
    safe = np.where(measured, found, free_water_mm2_per_s)
    share = (free_water_mm2_per_s - safe) / (free_water_mm2_per_s - least)
    inside = np.where(measured, np.clip(share, 0.0, 1.0), unmeasured or 0.0)
    density = np.zeros(tumour.shape, order="F")
    density[tumour] = inside
    return AdcDensity(
        density=density,
        unit=named,
        free_water_mm2_per_s=free_water_mm2_per_s,
        least_mm2_per_s=float(least),
        least_from="patient" if least_mm2_per_s == "patient" else "given",
        above_water=float((measured & (found > free_water_mm2_per_s)).mean()),
        below_least=float((measured & (found < least)).mean()),
        unmeasured=float((~measured).mean()),
    )


def unit_of(adc: Volume, unit: str) -> str:
    """Return the unit of an ADC map: as named, or as the map says; raises BadArgument."""
    if unit and unit not in UNITS_MM2_PER_S:
        raise BadArgument(f"{unit!r} is no unit of an ADC", where="ADC", advice=f"one of {_NAMED}")
    said = adc.unit if adc.unit in UNITS_MM2_PER_S else ""
    if adc.modality == "CT" or (adc.unit != "1" and not said):
        raise BadArgument(
            f"an image ({adc.modality}) in {adc.unit} is no ADC map",
            where="ADC",
            advice="choose the ADC map of a diffusion-weighted MR",
        )
    if unit and said and UNITS_MM2_PER_S[unit] != UNITS_MM2_PER_S[said]:
        raise BadArgument(
            f"the map says {said}, not {unit}", where="ADC", advice="leave the unit to the map"
        )
    if not unit and not said:
        raise BadArgument(
            "the ADC map does not say its unit, and it is not guessed",
            where="ADC",
            advice=f"name it, one of {_NAMED}: see the protocol, or the map over cerebrospinal "
            "fluid or a full bladder, which is about 3e-3 mm2/s",
        )
    return said or unit


def _require_plausible(found: NDArray[Any], unit: str, adc: Volume) -> None:
    if found.size == 0:
        raise EmptyLabel("no voxel of the tumour has a positive ADC", where="ADC")
    low, high = PLAUSIBLE_MM2_PER_S
    middle = float(np.median(found))
    if not low <= middle <= high:
        raise BadArgument(
            f"in {unit} the median ADC of the tumour would be {middle:.3g} mm2/s; tissue has "
            f"{low:g} to {high:g}",
            where=adc.description or "ADC",
            advice="name the map's own unit, and check that it is an ADC map",
        )


def _require_range(least: float, water: float) -> None:
    if not (np.isfinite([least, water]).all() and 0.0 <= least < water):
        raise BadArgument(
            f"ADC_min {least:.3g} mm2/s has to lie below ADC_w {water:.3g} mm2/s, and not below 0",
            where="ADC",
            advice="both are in mm2/s, whatever the unit of the map",
        )


def _require_said(measured: NDArray[np.bool_], unmeasured: float | None) -> None:
    lacking = int((~measured).sum())
    if lacking and unmeasured is None:
        raise BadArgument(
            f"{lacking} of {measured.size} voxels of the tumour have no positive ADC",
            where="ADC",
            advice="say which density they have (unmeasured, 0 for necrosis), or leave them out",
        )
    if unmeasured is not None and not 0.0 <= unmeasured <= 1.0:
        raise BadArgument(f"a density lies in [0, 1], not {unmeasured}", where="ADC")
