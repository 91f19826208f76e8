"""How much of the organ stays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from organtwin.comparing.anatomy import Anatomy
from organtwin.comparing.quantities import spread
from organtwin.comparing.removal import Removal
from organtwin.core.scenario import Quantity

BOUNDARY = (
    "90 % interval: the segmented border of the organ shifted by a standard deviation of half a "
    "voxel ({sd:.2f} mm)"
)

GEOMETRIC = "geometric: perfusion and drainage of what is kept are not considered"


def remnant_quantities(anatomy: Anatomy, removal: Removal | None) -> tuple[Quantity, ...]:
    """Return organ, removed and remnant volumes in mL and the remnant's fraction in %.

    The remnant is the organ without its tumours and without what is removed, vessels inside it
    included; its fraction is of the organ without its tumours. No body-size formula is used.
    """
    removed = np.zeros(anatomy.mask.shape, np.float32) if removal is None else removal.fraction
    healthy = anatomy.mask & ~anatomy.tumour_mask()
    whole_ml = float(anatomy.mask.sum()) * anatomy.voxel_ml
    healthy_ml = float(healthy.sum()) * anatomy.voxel_ml
    removed_ml = float(removed.sum(dtype=np.float64)) * anatomy.voxel_ml
    remnant_ml = _sum(1.0 - removed[healthy]) * anatomy.voxel_ml
    shift = _shift_ml(anatomy, np.ones_like(removed))
    kept_shift = _shift_ml(anatomy, 1.0 - removed)
    basis = BOUNDARY.format(sd=anatomy.boundary_sd_mm)
    organ = anatomy.organ
    fraction = 100.0 * remnant_ml / healthy_ml
    fraction_sd = fraction * abs(kept_shift / max(remnant_ml, 1e-9) - shift / healthy_ml)
    return (
        spread(
            Quantity(
                f"{organ} volume",
                organ,
                whole_ml,
                "mL",
                basis=f"voxels of the {organ} with its tumours and vessels; {basis}",
            ),
            shift,
            at_least=0.0,
        ),
        spread(
            Quantity(
                "removed volume",
                organ,
                removed_ml,
                "mL",
                basis="part of the organ, tumours included, inside the border of what is removed "
                f"or destroyed, share by share of each voxel; {basis}",
            ),
            shift - kept_shift,
            at_least=0.0,
        ),
        spread(
            Quantity(
                "remnant volume",
                organ,
                remnant_ml,
                "mL",
                basis=f"{organ} that stays, without tumours, its vessels included; "
                f"{GEOMETRIC}; {basis}",
            ),
            kept_shift,
            at_least=0.0,
        ),
        spread(
            Quantity(
                "remnant fraction",
                organ,
                fraction,
                "%",
                basis=f"remnant volume / {organ} volume without tumours ({healthy_ml:.0f} mL), "
                f"not of a standardised {organ} volume; {GEOMETRIC}; {basis}",
            ),
            fraction_sd,
            at_least=0.0,
        ),
    )


def _shift_ml(anatomy: Anatomy, weight: NDArray[np.float32]) -> float:
    """Volume in mL that one sd of border shift adds to the weighted organ: area times shift."""
    area_ml_per_mm = _sum(weight * anatomy.border_per_mm) * anatomy.voxel_ml
    return area_ml_per_mm * anatomy.boundary_sd_mm


def _sum(values: NDArray[np.float32]) -> float:
    return float(values.sum(dtype=np.float64))
