"""The numbers of one visit, as they are handed to other systems."""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import NormalDist
from typing import Any, Final

from organtwin.core.case import Case, ObjectStore
from organtwin.core.labelmap import LabelMap
from organtwin.core.observation import Observation
from organtwin.core.scenario import Comparison, Outcome, Quantity
from organtwin.core.volume import GeometryReport
from organtwin.core.watch import Watch
from organtwin.pipeline.measuring import Measured, lengths_of, measured_visit

LEVEL: Final = 0.9
VOXELS: Final = "sum of the voxels of the segment"
PLANNED: Final = "computed for a planned scenario, not measured on these images"


def findings_of(case: Case, store: ObjectStore, visit: int) -> tuple[Any, ...]:
    """Return the Findings of a visit: its structures, and the scenarios compared on its day.

    Where the visit's geometry is withheld there are no numbers, only why.
    """
    here = case.visit(visit)
    labels: LabelMap = store.get(here.labels)
    geometry: GeometryReport = store.get(here.volume).geometry
    observed = {o.structure: o for o in map(store.get, here.observations)}
    sizes = {m.structure: m for m in measured_visit(case, store, Watch(), visit=visit,
                                                    sizes_only=True)}  # fmt: skip
    found = list(_structures(labels, geometry, observed, sizes=sizes, labels_id=here.labels))
    if case.comparison and geometry.grade != "withheld":
        compared: Comparison = store.get(case.comparison)
        if compared.day == here.day:
            for outcome in compared.outcomes:
                found += _scenario(outcome)
    return tuple(found)


def _structures(
    labels: LabelMap,
    geometry: GeometryReport,
    observed: dict[str, Observation],
    *,
    sizes: dict[str, Measured],
    labels_id: str,
) -> Iterator[Any]:
    from organtwin.exporting import Finding

    comments: tuple[str, ...] = ()
    if geometry.grade != "good":
        word = "withheld" if geometry.grade == "withheld" else "by acknowledged geometry"
        comments = (f"volumes and margins {word}: " + "; ".join(geometry.findings),)
        comments += (geometry.consequence,)
    for structure in sorted(labels.structures, key=lambda s: s.label):
        quantities: tuple[Quantity, ...] = ()
        said = comments
        if geometry.grade == "acknowledged":
            unsure = labels.unsure_ml(structure.name, geometry)
            said += (f"the geometry may change this volume by up to {unsure:.1f} mL",)
        if geometry.grade != "withheld":
            quantities = (_volume(labels, structure.name, observed, labels_id),)
            size = sizes[structure.name]
            said += size.notes
            if structure.kind == "tumour":
                quantities += lengths_of(size, labels_id)
        yield Finding(structure.name, structure.name, quantities, said)


def _volume(
    labels: LabelMap, name: str, observed: dict[str, Observation], labels_id: str
) -> Quantity:
    """Return a volume in mL; with the interval of the noise the visit's Observation states."""
    volume = labels.volume_ml(name)
    if name not in observed:
        return Quantity("volume", name, volume, "mL", basis=VOXELS, inputs=(labels_id,))
    seen = observed[name]
    reach = math.exp(NormalDist().inv_cdf(0.5 + LEVEL / 2) * seen.relative_sd)
    basis = f"{VOXELS}; interval of its measurement noise: {seen.noise_source}"
    return Quantity(
        "volume", name, volume, "mL", volume / reach, volume * reach, LEVEL, basis, (labels_id,)
    )


def _scenario(outcome: Outcome) -> Iterator[Any]:
    """Yield one Finding for each structure a scenario says something of."""
    from organtwin.exporting import Finding

    names = dict.fromkeys(q.structure for q in outcome.quantities)
    for n, name in enumerate(names):
        rows = tuple(q for q in outcome.quantities if q.structure == name)
        comments = (PLANNED, *(outcome.warnings if n == 0 else ()))
        yield Finding(f"{outcome.scenario.name}: {name}", name, rows, comments)
