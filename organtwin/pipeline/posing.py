"""OrganMesh → Simulation: the patient lies in another way, with gas in the abdomen or without.

The answer comes with its uncertainty: an ensemble over what is believed of the tissue and of what
holds it. A case's step, and the same for a mesh of a plain file.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from organtwin.core.case import Case, ObjectStore
from organtwin.core.errors import BadArgument
from organtwin.core.labelmap import Structure
from organtwin.core.organmesh import OrganMesh
from organtwin.core.parameter import Ensemble, interval
from organtwin.core.watch import Watch
from organtwin.organs import Organ, organ, tumour

if TYPE_CHECKING:
    from organtwin.core.simulation import Simulation
    from organtwin.simulating import Plane, StrainLimit
    from organtwin.simulating.uncertain import Posed

LEVEL = 0.9
NONE: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True)
class Beside:
    """What a posture may be asked for beside how the patient lies.

    Args:
        unload: as `simulating.uncertain.posture_simulation`.
        planes: as `posed_mesh`.
        strain_limits: structure → Green-Lagrange's strain that its tissue shall not be beyond.
        limits_from: where the limits come from.
    """

    unload: bool = False
    planes: Mapping[str, Sequence[float]] = NONE
    strain_limits: Mapping[str, float] = NONE
    limits_from: str = ""

    @classmethod
    def of(cls, asked: Mapping[str, Any]) -> Beside:
        """Return what is asked for by name; BadArgument where there is no such thing."""
        try:
            return cls(**asked)
        except TypeError as error:
            raise BadArgument(str(error), where="pose") from error


def pose(
    case: Case,
    store: ObjectStore,
    watch: Watch,
    *,
    position: str = "supine",
    turned_deg: float = 0.0,
    head_up_deg: float = 0.0,
    pneumoperitoneum_mmhg: float = 0.0,
    scanned: str = "supine",
    targets_mm: Sequence[Sequence[float]] = (),
    members: int = 16,
    seed: int = 1,
    preview: bool = False,
    **more: Any,
) -> tuple[Case, str]:
    """Deform the organ as it lies when the patient is turned, tilted or insufflated.

    Args:
        position, turned_deg, head_up_deg, pneumoperitoneum_mmhg, scanned: as
            `simulating.posture.Posture`.
        targets_mm: points whose shift is told, LPS mm; the tumours' centroids when none are given.
        members: of the ensemble over the priors; 0: only the answer at their medians.
        preview: the answer at the medians, too, by the quick element.
        more: of `Beside`.
    """
    beside = Beside.of(more)
    mesh = store.get(case.require("mesh", "organtwin mesh"))
    limits = limits_of(mesh, beside.strain_limits, beside.limits_from, preview=preview)
    posed = posed_mesh(
        mesh,
        organ(case.organ),
        jobs=store.jobs,
        watch=watch,
        position=position,
        turned_deg=turned_deg,
        head_up_deg=head_up_deg,
        pneumoperitoneum_mmhg=pneumoperitoneum_mmhg,
        scanned=scanned,
        targets_mm=targets_mm,
        members=members,
        seed=seed,
        preview=preview,
        unload=beside.unload,
        planes=beside.planes,
    )
    store.put(posed.ensemble)
    after = case.having(simulations=(*case.simulations, store.put(posed.simulation)))
    told = said(posed.simulation, posed.failed)
    return after, told + said_beyond(mesh, posed.simulation, limits)


def posed_mesh(
    mesh: OrganMesh,
    which: Organ,
    *,
    jobs: Path,
    watch: Watch,
    targets_mm: Sequence[Sequence[float]],
    members: int,
    seed: int,
    preview: bool,
    unload: bool = False,
    planes: Mapping[str, Sequence[float]] = NONE,
    **lying: Any,
) -> Posed:
    """Return a mesh posed as in `pose`; `lying` says how the patient lies.

    Args:
        unload: as `simulating.uncertain.posture_simulation`.
        planes: name → nine numbers in mm, LPS: a point on a rigid plane that the organ slides on,
            its normal towards the organ, how far it moves as the patient is turned.

    Raises:
        BadArgument: no such position or plane, or numbers out of bounds.
        SolverFailed, Stopped, DiskFull: as `simulating.run_job`.
    """
    from organtwin.simulating.posture import Posture
    from organtwin.simulating.uncertain import posture_simulation, stiffness_draws

    draws = stiffness_draws(which, members, np.random.default_rng(seed))
    targets = targets_mm or centroids_mm(mesh)
    return posture_simulation(
        mesh,
        which,
        Posture(**lying),
        draws,
        folder=jobs,
        watch=watch,
        targets_mm=targets,
        preview=preview,
        unload=unload,
        touching=[_plane(mesh, which, *one) for one in planes.items()],
    )


def _plane(mesh: OrganMesh, which: Organ, name: str, numbers: Sequence[float]) -> Plane:
    from organtwin.simulating import Plane

    if len(numbers) != 9 or not np.isfinite(numbers).all() or not np.any(numbers[3:6]):
        raise BadArgument(
            f"the plane {name!r} takes nine numbers, its normal (the middle three) of some length",
            where="planes",
            advice="give a point on it, its normal towards the organ, and how far it moves; LPS mm",
        )
    a, b, c, u, v, w, x, y, z = map(float, numbers)
    return Plane(name, mesh.surface(which.name), (a, b, c), (u, v, w), (x, y, z))


def limits_of(
    mesh: OrganMesh, strains: Mapping[str, float], source: str, *, preview: bool = False
) -> list[StrainLimit]:
    """Return limits of strain by structure; refuses what cannot be told, before it takes time.

    Raises:
        BadArgument: no such structure, no such limit, no source, or a preview: it has no strains.
    """
    from organtwin.simulating import StrainLimit

    if strains and preview:
        raise BadArgument("the quick element's answer tells no strains", where="strain limit")
    found = [StrainLimit(name, float(strain), source) for name, strain in strains.items()]
    for one in found:
        mesh.structure(one.structure)
    return found


def said_beyond(mesh: OrganMesh, simulation: Simulation, limits: Sequence[StrainLimit]) -> str:
    """Return how much tissue is beyond limits of strain, to be added to `said`."""
    from organtwin.simulating import beyond_limits

    if not limits:
        return ""
    found = beyond_limits(mesh, simulation.fields["principal_strains"][0], limits)
    if not found:
        return "; no tissue is beyond the limits of strain"
    volume = sum(one.volume_ml for one in found)
    return f"; beyond the limits of strain: {volume:.2g} mL in {len(found)} places"


def said(simulation: Simulation, failed: int = 0) -> str:
    """Return the shift and the change of volume of a posture in one line, with their intervals."""
    from organtwin.simulating.uncertain import too_many_failed

    found, untold = simulation.quantities, too_many_failed(simulation)
    names = ("mean_shift_mm", "volume_change_percent")
    moved, volume = (found[n][:1, 0] if untold else found[n][:, 0] for n in names)
    told = f"surface moves {_with_interval(moved)} mm, volume {_with_interval(volume)} %"
    if untold:
        told += "; no interval, which would leave out the softest tissue and supports"
    return f"{told}; {failed} members could not be solved" if failed else told


def _with_interval(values: Any) -> str:
    if len(values) < 3:
        return f"{values[0]:.1f}"
    low, _, high = interval(values[1:], LEVEL)
    return f"{values[0]:.1f} ({LEVEL:.0%}: {low:.1f} to {high:.1f})"


def centroids_mm(mesh: OrganMesh) -> list[list[float]]:
    """Return the centroid of each tumour of a mesh, LPS mm, in the order of its structures."""
    middles, volumes = mesh.points[mesh.tetrahedra].mean(axis=1), mesh.volumes_mm3()
    return [
        np.average(middles[inside], axis=0, weights=volumes[inside]).tolist()
        for inside in (mesh.regions == s.label for s in mesh.structures if s.kind == "tumour")
    ]


def with_kinds(mesh: OrganMesh, which: Organ) -> OrganMesh:
    """Return a mesh of a plain file whose regions are what their names say they are.

    A mesh of one region is the organ, whatever its name; else names are those of the organ's
    structures, and tumours' begin with "tumour".

    Raises:
        BadArgument: a region whose name says nothing, or no region is the organ.
    """
    alone = len(mesh.structures) == 1
    found = [_known(one, which, alone=alone) for one in mesh.structures]
    if not any(one.name == which.name for one in found):
        raise BadArgument(
            f"no region of the mesh is {which.name}",
            where="regions",
            advice=f"name a region {which.name!r} (field data of the .vtu: name → number, 3)",
        )
    return dataclasses.replace(mesh, structures=tuple(found))


def _known(one: Structure, which: Organ, *, alone: bool) -> Structure:
    models: Iterable[Structure] = which.structures
    if alone:
        return dataclasses.replace(which.structure(which.name), label=one.label)
    for model in models:
        if model.name == one.name:
            return dataclasses.replace(model, label=one.label)
    if one.name.startswith("tumour"):
        return dataclasses.replace(tumour(1, which.name), name=one.name, label=one.label)
    raise BadArgument(
        f"what the region {one.name!r} is made of is not known",
        where="regions",
        advice="name it tumour-1, or "
        + " or ".join(s.name for s in which.structures)
        + ", or mesh without it",
    )


def figures_of(simulation: Simulation, draws: Ensemble) -> list[tuple[Any, ...]]:
    """Return name, unit, value at the medians, interval's ends, and what the figure depends on.

    What it depends on: the parameter of the largest rank correlation among the members, with it.
    Neither is told when too many members could not be solved.
    """
    from organtwin.simulating.shifts import unit_of
    from organtwin.simulating.uncertain import rank_correlations, too_many_failed

    untold = too_many_failed(simulation)
    rows: list[tuple[Any, ...]] = []
    for name, values in simulation.quantities.items():
        column, low, high = values[:, 0], None, None
        if len(column) > 2 and not untold:
            low, _, high = interval(column[1:], LEVEL).tolist()
        ranks = {} if untold else rank_correlations(draws, column)
        most = max(ranks, key=lambda which: abs(ranks[which]), default="")
        why = f"{most} ({ranks[most]:+.2f})" if most else ""
        said_name = name.rpartition("_")[0].replace("_", " ")
        rows.append((said_name, unit_of(name), float(column[0]), low, high, why))
    return rows
