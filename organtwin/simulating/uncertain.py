"""A posture's deformation with its uncertainty: over the priors of the tissue and of its supports.

The answer at the medians is the one whose fields are kept; the members of an ensemble, with the
quick element, give each figure its interval. The members' jobs are jobs like any other: the same
question is answered once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from organtwin.core.content import encode, identity
from organtwin.core.errors import BadArgument, SolverFailed
from organtwin.core.organmesh import OrganMesh
from organtwin.core.parameter import Ensemble
from organtwin.core.simulation import Simulation
from organtwin.core.watch import Watch
from organtwin.organs import Organ
from organtwin.simulating.deformation import Loads, deformation_simulation, unloaded_mesh
from organtwin.simulating.loads import Acting
from organtwin.simulating.posture import Posture, posture_loads, whole_gravity
from organtwin.simulating.shifts import shifts

SHEAR: Final = "shear_modulus_kpa"
BULK: Final = "bulk_modulus_kpa"
SUPPORT: Final = "_kpa_per_mm"
LEAST_POISSON: Final = 0.3
"""The laws' own bound: the prior of the bulk modulus ends where tissue is as compressible."""
LEAST_BULK_PER_SHEAR: Final = 2 * (1 + LEAST_POISSON) / (3 * (1 - 2 * LEAST_POISSON))
DRAINED: Final = ("organ", "vessel")
"""Kinds of structure that blood leaves."""
MOST_FAILED: Final = 0.25
MOST_LEFT_OUT: Final = 1 / 16
"""Part of the members: when more could not be solved, no interval is told, for those that fail are
the softest and farthest; above `MOST_FAILED` there is no answer at all."""
FAILED: Final = "members_failed"
"""Name of how many could not be solved among a Simulation's numbers."""
FEWEST: Final = 10
"""Members below which no correlation of theirs is told."""


@dataclass(frozen=True, eq=False)
class Posed:
    """An organ in a posture.

    Args:
        simulation: the answer at the medians of the priors; its `quantities` hold each figure as
            (1 + members, 1), the answer at the medians first, and ``displacement_sd_mm`` (1, n) is
            how far the members lie apart at each node, unless `too_many_failed`; its `numbers`
            hold `FAILED`.
        ensemble: the members' parameters, in the order of the figures; those that could not be
            solved are left out.
        failed: how many could not be solved.
    """

    simulation: Simulation
    ensemble: Ensemble
    failed: int


def stiffness_draws(organ: Organ, members: int, rng: np.random.Generator) -> Ensemble:
    """Return the medians and `members` draws of an organ's tissue and supports, medians first.

    A Latin hypercube (McKay 1979, 10.1080/00401706.1979.10489755): each parameter takes a value
    from each of `members` parts of its prior that are equally likely. A bulk modulus below what
    `LEAST_POISSON` allows for the draw's shear modulus (1 draw in 90 of the liver's) is raised to
    that, and recorded as raised.

    Raises:
        BadArgument: the organ's file has no such priors, or a number of members below zero.
    """
    if not organ.tissue_priors or not organ.supports:
        raise BadArgument(
            f"how uncertain the {organ.name}'s tissue and supports are is not known",
            where="deformation",
            advice="give its file tissue_priors and supports",
        )
    if members < 0:
        raise BadArgument(f"an ensemble has no {members} members", where="members")
    known = [(p.parameter, p.unit, p.centre, p.spread) for p in organ.tissue_priors]
    for one in organ.supports:
        stiffness = max(one.normal_kpa_per_mm, one.tangential_kpa_per_mm)
        known.append((f"{one.place}{SUPPORT}", "kPa/mm", stiffness, one.spread))
    names, units, centres, spreads = zip(*known, strict=True)
    strata = np.column_stack([rng.permutation(members) for _ in names])
    level = (strata + rng.uniform(size=strata.shape)) / max(members, 1)
    normal = np.concatenate([np.zeros((1, len(names))), ndtri(level)])
    drawn = np.array(centres) * np.exp(np.array(spreads) * normal)
    bulk, shear = names.index(BULK), names.index(SHEAR)
    drawn[:, bulk] = np.maximum(drawn[:, bulk], LEAST_BULK_PER_SHEAR * drawn[:, shear])
    return Ensemble(names, units, drawn)


def posture_simulation(
    mesh: OrganMesh,
    organ: Organ,
    posture: Posture,
    draws: Ensemble,
    *,
    folder: Path,
    watch: Watch,
    targets_mm: Sequence[Sequence[float]] = (),
    preview: bool = False,
    unload: bool = False,
    touching: Sequence[Acting] = (),
) -> Posed:
    """Deform an organ for a posture, at the medians and for every draw of its priors.

    Args:
        draws: as `stiffness_draws` gives them, the medians first.
        targets_mm: points of the tissue, LPS mm, whose shift is told.
        preview: the answer at the medians, too, by the quick element.
        unload: the scan was taken under the organ's weight: the shape without it is found first.
            Displacements and volumes are still those since the scan; stress and strain then count
            whole.
        touching: rigid things that the organ slides on in the new posture, not in the scan, beside
            its springs.

    Raises:
        BadArgument: a target outside of the mesh, or loads that do not fit the organ.
        SolverFailed: the medians, or more than a quarter of the members, could not be solved.
        Stopped, DiskFull: as `run_job`.
    """

    def solved(member: Mapping[str, float], part: Watch, quick: bool) -> Simulation:
        stiff = dataclasses.replace(organ, law_values=tissue_values(organ, member))
        loads = posture_loads(mesh, organ, posture, _times(organ, member))
        loads = dataclasses.replace(loads, acting=(*loads.acting, *touching))
        if not unload:
            return deformation_simulation(
                mesh, stiff, loads=loads, folder=folder, watch=part, preview=quick
            )
        rest = posture_loads(mesh, organ, posture.in_the_scan, _times(organ, member))
        return _from_rest(
            mesh, stiff, (rest, loads), posture, folder=folder, watch=part, preview=quick
        )

    shifts(mesh, np.zeros_like(mesh.points), organ.name, targets_mm)  # refuses targets at once
    rows = draws.as_members()
    centre = solved(rows[0], _numbered(watch, 0, len(rows)), preview)
    fields = [centre.fields["displacement_mm"][0]]
    kept, failures = [0], []
    for number, member in enumerate(rows[1:], 1):
        try:
            part = _numbered(watch, number, len(rows))
            fields.append(solved(member, part, True).fields["displacement_mm"][0])
            kept.append(number)
        except SolverFailed as failure:
            failures.append(failure)
    if failures and len(failures) > MOST_FAILED * len(rows):
        raise failures[-1]
    told = [shifts(mesh, one, organ.name, targets_mm) for one in fields]
    quantities = {name: np.array([[one[name]] for one in told]) for name in told[0]}
    numbers = {**centre.numbers, FAILED: float(len(failures))}
    answer = dataclasses.replace(centre, quantities=quantities, numbers=numbers)
    if not too_many_failed(answer):
        with_spread = {**centre.fields, "displacement_sd_mm": _spread(fields)[None]}
        answer = dataclasses.replace(answer, fields=with_spread)
    return Posed(
        answer,
        dataclasses.replace(draws, members=draws.members[kept]),
        len(failures),
    )


def too_many_failed(simulation: Simulation) -> bool:
    """Whether so many members of a posture could not be solved that no interval may be told."""
    solved = max((len(values) for values in simulation.quantities.values()), default=1) - 1
    failed = simulation.numbers.get(FAILED, 0.0)
    return failed > MOST_LEFT_OUT * (solved + failed)


def _numbered(watch: Watch, number: int, count: int) -> Watch:
    """Return a part of a Watch for the answer at the medians (0) or a draw, which it names."""
    part = watch.part(number / (count + 1), (number + 1) / (count + 1))
    name = f"draw {number} of {count - 1}" if number else "medians"

    def tell(fraction: float, message: str) -> None:
        part.tell(fraction, f"{name}, {message.removeprefix('member 1 of 1, ')}")

    return Watch(tell, watch.asked_to_stop)


def _from_rest(
    mesh: OrganMesh,
    organ: Organ,
    both: tuple[Loads, Loads],
    posture: Posture,
    *,
    folder: Path,
    watch: Watch,
    preview: bool,
) -> Simulation:
    """Deform the shape that the organ has without its weight; tell all change since the scan.

    Args:
        both: loads of the scan and of the posture; their gravity is replaced by the whole one.
    """
    scanned, now = (
        dataclasses.replace(loads, gravity_mm_per_s2=whole_gravity(down))
        for loads, down in zip(both, (posture.in_the_scan.down, posture.down), strict=True)
    )
    bare = unloaded_mesh(
        mesh, organ, loads=scanned, folder=folder, watch=watch.part(0.0, 0.6), preview=preview
    )
    found = deformation_simulation(
        bare, organ, loads=now, folder=folder, watch=watch.part(0.6, 1.0), preview=preview
    )
    since = bare.points + found.fields["displacement_mm"] - mesh.points
    before, now_ml = region_volumes_ml(mesh), np.asarray(found.fields["region_volume_ml"])
    fields = {
        **found.fields,
        "displacement_mm": since,
        "region_volume_change_ml": now_ml - before,
        "region_volume_change_percent": 100.0 * (now_ml / before - 1.0),
    }
    return dataclasses.replace(found, mesh=identity(encode(mesh)), fields=fields)


def region_volumes_ml(mesh: OrganMesh) -> NDArray[np.float64]:
    """Return (r,) mL: the volume of each region of a mesh, by ascending label."""
    _, region = np.unique(mesh.regions, return_inverse=True)
    return np.asarray(np.bincount(region.ravel(), mesh.volumes_mm3())) / 1000.0


def tissue_values(organ: Organ, member: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Return structure kind → the law's values for a draw of shear and bulk modulus in kPa.

    They are those of loads that last for minutes, when blood leaves the `DRAINED` kinds; the
    organ's own `law_values` are those of quick loads, with its blood inside (docs/adjoint.md).
    """
    times = member[SHEAR] / organ.law_values["organ"][SHEAR]
    found = {}
    for kind, values in organ.law_values.items():
        shear = times * values[SHEAR]
        poisson = (3 * member[BULK] - 2 * shear) / (2 * (3 * member[BULK] + shear))
        if kind not in DRAINED:
            poisson = values["poisson_ratio"]
        found[kind] = {SHEAR: shear, "poisson_ratio": max(poisson, LEAST_POISSON)}
    return found


def rank_correlations(draws: Ensemble, figure: NDArray[np.float64]) -> dict[str, float]:
    """Return parameter → Spearman's correlation of its draws with a figure (1 + members,).

    Of the members alone: the medians come first and are left out. Nothing of fewer than `FEWEST`.
    """
    if len(figure) <= FEWEST:
        return {}
    ranks = np.argsort(np.argsort(np.column_stack([draws.members, figure])[1:], axis=0), axis=0)
    last = np.asarray(np.corrcoef(ranks, rowvar=False))[-1, :-1]
    return dict(zip(draws.parameters, last.tolist(), strict=True))


def _times(organ: Organ, member: Mapping[str, float]) -> dict[str, float]:
    return {
        one.place: member[f"{one.place}{SUPPORT}"]
        / max(one.normal_kpa_per_mm, one.tangential_kpa_per_mm)
        for one in organ.supports
    }


def _spread(fields: Sequence[NDArray[Any]]) -> NDArray[np.float64]:
    """(n,) root mean square distance of the members from their mean; the medians are no member."""
    members = np.stack(fields[1:] or fields)
    apart = ((members - members.mean(axis=0)) ** 2).sum(axis=2)
    return np.asarray(np.sqrt(apart.mean(axis=0)))
