"""Simulation: fields on a mesh over days, and the job that made them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.core.content import noun, read_only


@noun
@dataclass(frozen=True, eq=False)
class Simulation:
    """What a solver answered.

    Args:
        kind: "tumour" or "deformation".
        structure: the tumour it speaks of, "" when all.
        job: `solvers.contract.Job.id` of what was asked.
        job_json: that job, whole, so that it can be run again.
        mesh: id of the OrganMesh the fields live on.
        days: (t,) float64, days since the baseline visit; (0,) zero where time plays no part.
        fields: name with unit → float32 array; node fields end in (..., nodes) or (nodes, 3).
            A name starting with "points_mm" or "tetrahedra" describes a refined mesh of its own.
        quantities: name with unit → (members, t) float64, such as "volume_ml".
        numbers: scalars of the run with units in their names.
        versions: package → version of what computed it.
    """

    kind: str
    structure: str
    job: str
    job_json: str
    mesh: str
    days: NDArray[np.float64]
    fields: Mapping[str, NDArray[Any]]
    quantities: Mapping[str, NDArray[np.float64]]
    numbers: Mapping[str, float]
    versions: Mapping[str, str]

    def __post_init__(self) -> None:
        """Freeze the arrays."""
        object.__setattr__(self, "days", read_only(self.days, np.float64))
        for name in ("fields", "quantities"):
            frozen = {key: read_only(array) for key, array in getattr(self, name).items()}
            object.__setattr__(self, name, frozen)
