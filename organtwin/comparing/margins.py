"""How far each tumour lies from the border of what is removed."""

from __future__ import annotations

import numpy as np

from organtwin.comparing.anatomy import Anatomy
from organtwin.comparing.quantities import spread
from organtwin.comparing.removal import Removal
from organtwin.core.scenario import Quantity

NOT_REMOVED = "not removed"
NOT_COVERED = "not covered: registration of later visits, targeting, size of the real zone"


def margin_quantities(anatomy: Anatomy, removal: Removal | None) -> tuple[Quantity, ...]:
    """Return, for each tumour, the part removed in % and, where it is touched, its margin in mm.

    The margin is the smallest distance from the tumour's surface to the border of what is removed
    (for a plane: the whole plane, also where it runs outside the organ), negative by how far the
    tumour reaches beyond it. A tumour left where it is has no margin: its part removed is 0 % and
    its basis says "not removed".
    """
    rows: list[Quantity] = []
    for name in anatomy.tumours:
        rows += _of_tumour(anatomy, removal, name)
    return tuple(rows)


def _of_tumour(anatomy: Anatomy, removal: Removal | None, name: str) -> list[Quantity]:
    part = Quantity("removed part", name, 0.0, "%", basis=NOT_REMOVED)
    if removal is None:
        return [part]
    distance = removal.distance_mm(anatomy.surfaces_mm[name])
    share = 100.0 * float(removal.fraction[anatomy.tumours[name]].mean(dtype=np.float64))
    if float(distance.min()) >= 0.0:
        return [part]
    sd = anatomy.boundary_sd_mm
    what = "cutting plane" if removal.contact == "cut" else "border of the ablation zone"
    return [
        Quantity(
            "removed part",
            name,
            share,
            "%",
            basis="share of the tumour's voxels inside the border of what is removed",
        ),
        spread(
            Quantity(
                "minimal margin",
                name,
                -float(distance.max()),
                "mm",
                basis=f"smallest distance from the tumour's surface (interpolated between voxels) "
                f"to the {what}; 90 % interval: the tumour's segmented border shifted by a "
                f"standard deviation of half a voxel ({sd:.2f} mm); {NOT_COVERED}",
            ),
            sd,
        ),
    ]
