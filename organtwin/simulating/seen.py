"""What a model says of displacements that were seen, and how that changes with its stiffness."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import BadArgument
from organtwin.core.organmesh import OrganMesh
from organtwin.core.watch import Watch
from organtwin.organs import Organ
from organtwin.simulating.deformation import PREVIEW, Loads, asked_of, region_values
from organtwin.simulating.job import job_for
from organtwin.simulating.runner import run_job

Reals = NDArray[np.float64]
Modelled = Callable[[Mapping[str, float]], tuple[Reals, Reals]]
"""Takes name → value; returns (k, 3) mm displacements of the points seen, and (k, 3, p) mm per unit
how each changes with each name."""


@dataclass(frozen=True, eq=False)
class Seen:
    """Displacements that were seen, of landmarks for instance.

    Args:
        points_mm: (k, 3) float64, LPS mm, on the mesh at rest or at most 1 mm outside.
        moved_mm: (k, 3) float64, how far each has moved, LPS mm.
        sd_mm: (k,) float64, standard deviation of each coordinate.
    """

    points_mm: Reals
    moved_mm: Reals
    sd_mm: Reals

    def __post_init__(self) -> None:
        """Refuse what does not go together; raises BadArgument."""
        count = len(self.points_mm)
        if self.points_mm.shape != (count, 3) or self.moved_mm.shape != (count, 3) or count == 0:
            raise BadArgument("points and their displacements are (k, 3) each, k at least 1")
        if self.sd_mm.shape != (count,) or not (self.sd_mm > 0.0).all():
            raise BadArgument("each point that was seen needs a noise above 0 mm")


def modelled(
    mesh: OrganMesh,
    organ: Organ,
    names: Sequence[str],
    *,
    loads: Loads,
    seen: Seen,
    folder: Path,
    watch: Watch,
    fixed_nodes: NDArray[np.int32] | None = None,
    law_values: Mapping[str, Mapping[str, float]] | None = None,
    preview: bool = False,
) -> Modelled:
    """Return what predicts the displacements of `seen` from stiffness, by a job for each value.

    Args:
        names: ``parameter@label``, in the order of the slopes; all else is of `law_values`.
        loads, fixed_nodes, law_values, preview: as of `deformation_simulation`. For what was seen
            minutes after the patient was turned, give `uncertain.tissue_values` of the medians:
            the organ's own values are those of tissue that keeps its blood.

    Raises:
        BadArgument: loads that do not fit the mesh. What it returns raises SolverFailed, Stopped
            and DiskFull as `run_job`.
    """
    arrays, settings = asked_of(mesh, organ, loads, fixed_nodes)
    arrays |= {
        "observed_points_mm": seen.points_mm,
        "observed_mm": seen.moved_mm,
        "observed_sd_mm": seen.sd_mm,
    }
    settings["changes"] = " ".join(names)
    if preview:
        settings["element"] = PREVIEW
    own = region_values(mesh, organ.law_values if law_values is None else law_values)

    def predicted(values: Mapping[str, float]) -> tuple[Reals, Reals]:
        member: dict[str, Any] = {**own, **values}
        job = job_for("sensitivity", organ.law, [member], arrays=arrays, settings=settings)
        found = run_job(job, arrays, folder, watch).arrays
        slopes = [found[f"modelled_mm_per_{name}"][0] for name in names]
        return found["modelled_mm"][0], np.stack(slopes, axis=-1)

    return predicted
