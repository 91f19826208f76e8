"""OrganMesh → Simulation, and TwinState → Comparison → Decision."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from organtwin.core.case import Case, ObjectStore
from organtwin.core.errors import BadArgument, Missing
from organtwin.core.labelmap import LabelMap
from organtwin.core.organmesh import OrganMesh
from organtwin.core.scenario import Action, Comparison, Decision, Scenario
from organtwin.core.simulation import Simulation
from organtwin.core.twin import TwinState
from organtwin.core.watch import Watch
from organtwin.organs import organ
from organtwin.pipeline.grading import doubts, graded_outcome
from organtwin.pipeline.growing import growth_jobs
from organtwin.pipeline.imaging import labels_of, refuse_withheld
from organtwin.pipeline.twin import believed_today, current_labels, report_days

if TYPE_CHECKING:
    from organtwin.simulating import Loads

SUPINE_DOWN = (0.0, 1.0, 0.0)
"""Down in LPS for a patient lying on the back, as nearly every abdominal CT is taken."""


def deform(
    case: Case,
    store: ObjectStore,
    watch: Watch,
    *,
    down: Sequence[float] = SUPINE_DOWN,
    scanned_down: Sequence[float] = SUPINE_DOWN,
    pressure_kpa: float = 0.0,
    push: Mapping[str, Any] | None = None,
) -> tuple[Case, str]:
    """Deform the organ: turned patient, pressure on the surface, a patch moved by hand.

    Args:
        down: where gravity points now, LPS; `scanned_down` where it pointed in the scan.
        pressure_kpa: on the organ's whole free surface, beyond that of the scan.
        push: {"at_mm": LPS point, "radius_mm": of the surface patch, "by_mm": LPS vector}.
    """
    from organtwin import simulating

    mesh = store.get(case.require("mesh", "organtwin mesh"))
    loads = positioned(mesh, case.organ, down=down, scanned_down=scanned_down, kpa=pressure_kpa)
    if push:
        nodes, moved = _pushed(mesh, case.organ, push)
        loads = dataclasses.replace(loads, prescribed_nodes=nodes, prescribed_mm=moved)
    simulation = simulating.deformation_simulation(
        mesh, organ(case.organ), loads=loads, folder=store.jobs, watch=watch
    )
    moved_mm = np.linalg.norm(simulation.fields["displacement_mm"][0], axis=-1)
    after = case.having(simulations=(*case.simulations, store.put(simulation)))
    return after, f"moved {np.median(moved_mm):.1f} mm (median), {moved_mm.max():.1f} mm (most)"


def positioned(
    mesh: OrganMesh,
    name: str,
    *,
    down: Sequence[float],
    scanned_down: Sequence[float] = SUPINE_DOWN,
    kpa: float = 0.0,
) -> Loads:
    """Return the loads of a position of the patient, as `deform`; `name` is the organ's."""
    from organtwin import simulating

    return simulating.Loads(
        gravity_mm_per_s2=simulating.turned_gravity(_vector(scanned_down), _vector(down)),
        pressure_kpa=kpa,
        pressure_faces=mesh.surface(name),
    )


def _pushed(mesh: Any, name: str, push: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return the surface nodes of a patch and how far each is moved."""
    surface = np.unique(mesh.surface(name))
    away = np.linalg.norm(mesh.points[surface] - _vector(push["at_mm"]), axis=1)
    nodes = surface[away <= float(push["radius_mm"])].astype(np.int32)
    if len(nodes) == 0:
        raise BadArgument("no surface of the organ lies within that patch", where="push")
    return nodes, np.tile(np.asarray(_vector(push["by_mm"])), (len(nodes), 1))


def _vector(values: Sequence[float]) -> tuple[float, float, float]:
    try:
        x, y, z = (float(value) for value in values)
    except (TypeError, ValueError) as error:
        raise BadArgument(f"{values!r} is not a vector of three numbers") from error
    return x, y, z


def grow(
    case: Case,
    store: ObjectStore,
    watch: Watch,
    *,
    until_day: float = 180.0,
    actions: Sequence[Mapping[str, Any]] = (),
) -> tuple[Case, str]:
    """Grow every tumour from today's labels under the latest belief, with or without treatment."""
    twin = _latest(case, store)
    scenario = _scenario({"name": "grow", "actions": list(actions)}, twin.day)
    grown = _grown(case, store, watch, scenario, days=report_days(twin.day, until_day))
    ids = tuple(store.put(simulation) for simulation in grown.values())
    said = ", ".join(
        f"{name} {np.median(s.quantities['volume_ml'][:, -1]):.1f} mL" for name, s in grown.items()
    )
    return case.having(simulations=case.simulations + ids), f"day {until_day:g}: {said}"


def plan(
    case: Case, store: ObjectStore, watch: Watch, *, scenarios: Sequence[Mapping[str, Any]] = ()
) -> tuple[Case, str]:
    """Set the scenarios to compare; the suggested ones when none are given."""
    from organtwin.actions import effect_of
    from organtwin.comparing import suggested

    day = _latest(case, store).day
    labels = current_labels(case, store)
    if scenarios:
        drawn = tuple(_scenario(fields, day) for fields in scenarios)
    else:
        watch.tell(0.1, "looking for a plane and a probe path")
        drawn = suggested(labels, day, organ=case.organ, volume=store.get(case.visit(0).volume))
    for scenario in drawn:
        for action in scenario.actions:
            effect_of(action, labels)
    names = ", ".join(scenario.name for scenario in drawn)
    after = case.having(scenarios=tuple(map(store.put, drawn)), comparison="")
    if after.cut and store.get(after.cut).outdated(after.scenarios):
        names += "; the mesh is cut by a plan as it was before: cut it anew"
    return after, names


def compare(
    case: Case,
    store: ObjectStore,
    watch: Watch,
    *,
    horizons_days: Sequence[float] = (90.0, 180.0),
) -> tuple[Case, str]:
    """Work out what each scenario leads to, from the same twin on the same day."""
    from organtwin import comparing

    scenarios: list[Scenario] = [store.get(i) for i in case.require("scenarios", "plan")]
    seen = [n for n, visit in enumerate(case.visits) if visit.seen]
    refuse_withheld(case, store, seen)
    labels = current_labels(case, store)
    labels_id = store.put(labels)
    anatomy = comparing.anatomy_of(labels, case.organ)
    outcomes = []
    for number, scenario in enumerate(scenarios):
        part = watch.part(number / len(scenarios), (number + 1) / len(scenarios))
        horizons = [scenario.day + horizon for horizon in horizons_days]
        days = report_days(scenario.day, max(horizons), *horizons)
        grown = _grown(case, store, part, scenario, days=days)
        removed = comparing.removed_labels(
            comparing.effects_of(scenario, labels), labels, organ=case.organ
        )
        outcomes.append(
            comparing.outcome(
                scenario,
                labels,
                organ=organ(case.organ),
                anatomy=anatomy,
                simulations=grown,
                simulation_ids={name: store.put(s) for name, s in grown.items()},
                inputs=(labels_id,),
                removed=store.put(removed) if removed else "",
                volume=store.get(case.visit(0).volume),
                horizons_days=tuple(map(float, horizons_days)),
            )
        )
    new = _new_lesions(case, store, labels)
    outcomes = [dataclasses.replace(o, warnings=(*new, *o.warnings)) for o in outcomes]
    unsure = doubts(case, store, seen)
    outcomes = [graded_outcome(o, unsure) for o in outcomes]
    comparison: Comparison = comparing.comparison(outcomes)
    return case.having(comparison=store.put(comparison)), f"{len(outcomes)} scenarios"


def decide(
    case: Case, store: ObjectStore, watch: Watch, *, scenario: str, reason: str, who: str = ""
) -> tuple[Case, str]:
    """Record what a person chose, and why."""
    comparison: Comparison = store.get(case.require("comparison", "organtwin compare"))
    names = [outcome.scenario.name for outcome in comparison.outcomes]
    if scenario not in names:
        raise BadArgument(f"no scenario {scenario!r}", advice="there are: " + ", ".join(names))
    if not reason.strip():
        raise BadArgument("a decision needs its reason", where="decide")
    watch.tell(1.0, "recording")
    decision = store.put(Decision(scenario, who, reason.strip()))
    return case.having(decisions=(*case.decisions, decision)), f"{scenario}: {reason.strip()}"


def _latest(case: Case, store: ObjectStore) -> TwinState:
    if not case.twins:
        raise Missing("this case has no belief yet", advice="run `organtwin update --visit 0`")
    twin: TwinState = store.get(case.twins[-1])
    return twin


def _scenario(fields: Mapping[str, Any], day: float) -> Scenario:
    """Return the Scenario of JSON fields; an action without a day happens on `day`."""
    try:
        actions = tuple(
            Action(str(a["kind"]), float(a.get("day", day)), _tuples(a.get("arguments", {})))
            for a in fields.get("actions", ())
        )
        return Scenario(str(fields["name"]), float(fields.get("day", day)), actions)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadArgument(f"not a scenario ({error})", where="plan") from error


def _tuples(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in arguments.items()}


def _grown(
    case: Case, store: ObjectStore, watch: Watch, scenario: Scenario, *, days: Sequence[float]
) -> dict[str, Simulation]:
    """Grow every tumour from today's labels under a scenario; tumours in parallel processes."""
    from organtwin import comparing, simulating

    twin, labels = _latest(case, store), current_labels(case, store)
    if scenario.day != twin.day:
        raise BadArgument(
            f"{scenario.name} starts on day {scenario.day:g}, the twin stands at day {twin.day:g}",
            where="plan",
            advice="draw up the scenarios again",
        )
    effects = comparing.effects_of(scenario, labels)
    removed = comparing.removed_distance(effects, labels, organ=case.organ)
    treatment = simulating.Treatment(
        tuple(event for effect in effects for event in effect.events),
        simulating.DistanceGrid(*removed) if removed else None,
    )
    beliefs = [store.get(belief) for belief in twin.beliefs]
    grown = growth_jobs(
        case,
        store,
        watch,
        [(belief.structure, belief.ensemble) for belief in beliefs],
        labels=labels,
        start_day=twin.day,
        days=days,
        treatment=treatment,
    )
    baseline = labels_of(case, store, 0)
    today = {b.structure: believed_today(store, twin, b, baseline=baseline) for b in beliefs}
    return {name: _scaled(simulation, today[name]) for name, simulation in grown.items()}


def _scaled(simulation: Simulation, today_ml: Any) -> Simulation:
    """Scale the visible volumes of each member so that they begin with (members,) `today_ml`.

    It takes out the noise of the one label the growth starts from, and what the mesh misses of it.
    """
    volumes = simulation.quantities["volume_ml"]
    volumes = volumes * (today_ml / volumes[:, 0])[:, None]
    return dataclasses.replace(
        simulation, quantities={**simulation.quantities, "volume_ml": volumes}
    )


def _new_lesions(case: Case, store: ObjectStore, labels: LabelMap) -> tuple[str, ...]:
    """Return a warning for each tumour that the baseline did not have."""
    known = {structure.name for structure in labels_of(case, store, 0).structures}
    return tuple(
        f"{s.name} is NEW since the baseline ({labels.volume_ml(s.name):.1f} mL): "
        "its growth is not forecast"
        for s in labels.of_kind("tumour")
        if s.name not in known
    )
