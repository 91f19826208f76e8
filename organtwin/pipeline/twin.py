"""OrganMesh → Simulation → TwinState: the prior, then one visit after another."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.core.case import Case, ObjectStore
from organtwin.core.errors import BadArgument, Missing
from organtwin.core.labelmap import LabelMap
from organtwin.core.observation import Observation
from organtwin.core.parameter import Belief, Ensemble
from organtwin.core.simulation import Simulation
from organtwin.core.twin import TwinState
from organtwin.core.watch import Watch
from organtwin.organs import organ
from organtwin.pipeline.grading import doubts, graded_observation
from organtwin.pipeline.growing import growth_jobs
from organtwin.pipeline.imaging import labels_of, refuse_withheld
from organtwin.pipeline.propagating import refuse_carried

HORIZON_DAYS, EVERY_DAYS = 180.0, 15.0
"""How far each belief is simulated ahead, and how often it is reported."""

FAR_SD, MOST_MISSING, TINY_ML = 4.0, 0.1, 1e-4


def believe(
    case: Case, store: ObjectStore, watch: Watch, *, members: int = 64, seed: int = 1
) -> tuple[Case, str]:
    """Draw the prior belief of every tumour's growth and forecast the visits to come."""
    from organtwin.updating import observe, prior_beliefs

    refuse_withheld(case, store, [0])
    refuse_carried(case, store, [0])
    labels = labels_of(case, store, 0)
    tumours = [s.name for s in labels.of_kind("tumour")]
    if not tumours:
        raise Missing("the baseline has no tumour to believe anything of", advice="segment one")
    beliefs = prior_beliefs(organ(case.organ), tumours, members=members, seed=seed)
    state = simulated(case, store, watch, beliefs, day=0.0)
    observed = observe(labels, day=0.0, organ=organ(case.organ))
    unsure = doubts(case, store, [0])
    seen = tuple(store.put(graded_observation(o, unsure)) for o in observed)
    after = _as_of(case.with_visit(0, observations=seen), 0.0)
    after = after.having(twins=(store.put(state),), scores=())
    return after, f"prior of {', '.join(tumours)}"


def register(case: Case, store: ObjectStore, watch: Watch, *, visit: int) -> tuple[Case, str]:
    """Register a visit to the baseline, carry its labels there and observe its tumours."""
    from organtwin import updating

    baseline, later = case.visit(0), case.visit(visit)
    refuse_withheld(case, store, [0, visit])
    refuse_carried(case, store, [0, visit])
    labels, visit_labels = labels_of(case, store, 0), labels_of(case, store, visit)
    registration = updating.register(
        store.get(baseline.volume), labels, store.get(later.volume), visit_labels, watch=watch
    )
    carried = updating.carried(visit_labels, registration, labels)
    carried_id = store.put(carried)
    observed = updating.observe(carried, day=later.day, organ=organ(case.organ))
    unsure = doubts(case, store, [0, visit])
    observations = [graded_observation(o, unsure) for o in observed]
    after = case.with_visit(
        visit,
        registration=store.put(registration),
        baseline_labels=carried_id,
        observations=tuple(map(store.put, observations)),
    )
    known = {s.name for s in labels.of_kind("tumour")}
    found = {o.structure for o in observations}
    seen = [
        f"{'' if o.structure in known else 'NEW '}{o.structure} {o.volume_ml:.2f} mL"
        for o in observations
    ] + [f"{name} NOT FOUND" for name in sorted(known - found)]
    said = ", ".join(seen)
    return after, f"visit {visit}: {said}; residual {registration.residual_mm:.2f} mm"


def update(
    case: Case,
    store: ObjectStore,
    watch: Watch,
    *,
    visit: int,
    seed: int = 1,
    rule: str = "importance",
) -> tuple[Case, str]:
    """Bring a visit into the belief: every observation up to it, from the prior."""
    from organtwin import updating

    prior: TwinState = store.get(_prior(case))
    later = case.visit(visit)
    found = {o.structure for o in observations_of(case, store, visit)}
    beliefs, evidence = [], []
    for number, belief_id in enumerate(prior.beliefs):
        belief: Belief = store.get(belief_id)
        if belief.structure not in found:
            raise Missing(
                f"{belief.structure} was not found at visit {visit}",
                where="update",
                advice="segment it there (one click), or leave this visit out of the belief",
            )
        ids = _observed_up_to(case, store, visit, belief.structure)
        observations = [store.get(i) for i in ids]
        evidence.append(observations)
        part = watch.part(
            0.5 * number / len(prior.beliefs), 0.5 * (number + 1) / len(prior.beliefs)
        )
        beliefs.append(
            updating.update(
                belief,
                observations,
                _forward(case, store, part, observations),
                belief_id=belief_id,
                observation_ids=ids,
                seed=seed + number,
                watch=part,
                rule=rule,
            )
        )
    state = simulated(case, store, watch.part(0.5, 1.0), beliefs, day=later.day)
    _check_explained(case, store, state, evidence)
    earlier = tuple(t for t in case.twins if store.get(t).day < later.day)
    after = _as_of(case.with_visit(visit, seen=True), later.day)
    after = after.having(twins=(*earlier, store.put(state)))
    treated = "; treatment decided on is NOT in the belief" if case.decisions else ""
    names = ", ".join(belief.structure for belief in beliefs)
    return after, f"visit {visit} is in the belief of {names}{treated}"


def _as_of(case: Case, day: float) -> Case:
    """Return the Case as the twin of `day` may know it: nothing seen later, no older comparison."""
    visits = tuple(dataclasses.replace(v, seen=v.seen and v.day <= day) for v in case.visits)
    return case.having(visits=visits, scenarios=(), comparison="")


def _check_explained(
    case: Case, store: ObjectStore, state: TwinState, evidence: Sequence[Sequence[Observation]]
) -> None:
    """Raise BadArgument when the posterior, simulated in full, misses what it was made from.

    A rule may rest on an emulator; more than a tenth of members beyond four standard deviations
    of measurement and model means that the emulator was wrong.
    """
    from organtwin.updating import MODEL_RELATIVE_SD, predicted_volumes

    labels = labels_of(case, store, 0)
    for belief, observations in zip(map(store.get, state.beliefs), evidence, strict=True):
        volumes = predicted_volumes(
            simulation_of(store, state, belief.structure),
            belief.ensemble,
            [o.day for o in observations],
            baseline_ml=labels.volume_ml(belief.structure),
        )
        away = np.log(np.maximum(volumes, TINY_ML) / [o.volume_ml for o in observations])
        sd = np.hypot([o.relative_sd for o in observations], MODEL_RELATIVE_SD)
        missing = float((np.abs(away / sd) > FAR_SD).any(axis=1).mean())
        if missing > MOST_MISSING:
            raise BadArgument(
                f"{missing:.0%} of the posterior of {belief.structure} miss its observations",
                where="update",
                advice="use the rule es_mda, or more members; nothing was changed",
            )


def current_labels(case: Case, store: ObjectStore) -> LabelMap:
    """Return the labels of the last visit in the belief, in the baseline frame."""
    seen = [visit for visit in case.visits if visit.seen and visit.baseline_labels]
    labels: LabelMap = store.get(seen[-1].baseline_labels) if seen else labels_of(case, store, 0)
    return labels


def report_days(start: float, until: float, *also: float) -> list[float]:
    """Days to report: start, every so many days, until, and some more."""
    days = np.arange(start, until, EVERY_DAYS)
    return sorted({*map(float, days), float(start), float(until), *map(float, also)})


def believed_today(
    store: ObjectStore, state: TwinState, belief: Belief, *, baseline: LabelMap
) -> NDArray[np.float64]:
    """Return (members,) mL: the visible volume of a tumour believed on the twin's day.

    The label a scenario starts from is one noisy measurement; the belief knows all of them.

    Args:
        baseline: labels of the first visit.
    """
    from organtwin.updating import predicted_volumes

    believed = predicted_volumes(
        simulation_of(store, state, belief.structure),
        belief.ensemble,
        [state.day],
        baseline_ml=baseline.volume_ml(belief.structure),
    )
    today: NDArray[np.float64] = believed[:, 0]
    return today


def simulated(
    case: Case, store: ObjectStore, watch: Watch, beliefs: Sequence[Belief], *, day: float
) -> TwinState:
    """Simulate beliefs from the baseline on and forecast every later visit."""
    from organtwin import updating

    days = sorted({*report_days(0.0, day + HORIZON_DAYS), *(v.day for v in case.visits)})
    ensembles = [(belief.structure, belief.ensemble) for belief in beliefs]
    labels = labels_of(case, store, 0)
    grown = growth_jobs(case, store, watch, ensembles, labels=labels, days=days)
    belief_ids = tuple(map(store.put, beliefs))
    forecasts = []
    later = [visit.day for visit in case.visits if visit.day > day and not visit.held]
    rng = np.random.default_rng([beliefs[0].seed, round(day)])
    for belief, belief_id in zip(beliefs, belief_ids, strict=True):
        volumes = updating.predicted_volumes(
            grown[belief.structure],
            belief.ensemble,
            later,
            baseline_ml=labels.volume_ml(belief.structure),
        )
        forecasts += [
            updating.forecast(
                belief,
                volumes[:, column],
                belief_id=belief_id,
                day=visit_day,
                measurement_relative_sd=organ(case.organ).volume_relative_sd,
                rng=rng,
            )
            for column, visit_day in enumerate(later)
        ]
    simulations = tuple(store.put(grown[belief.structure]) for belief in beliefs)
    return TwinState(day, belief_ids, tuple(map(store.put, forecasts)), simulations)


def _forward(
    case: Case, store: ObjectStore, watch: Watch, observations: Sequence[Observation]
) -> Any:
    """Return what maps an ensemble to (members, observations) predicted volumes in mL."""
    from organtwin.updating import predicted_volumes

    structure, labels = observations[0].structure, labels_of(case, store, 0)
    days = sorted({*report_days(0.0, HORIZON_DAYS), *(v.day for v in case.visits)})

    def forward(ensemble: Ensemble) -> NDArray[np.float64]:
        grown = growth_jobs(case, store, watch, [(structure, ensemble)], labels=labels, days=days)
        return predicted_volumes(
            grown[structure],
            ensemble,
            [o.day for o in observations],
            baseline_ml=labels.volume_ml(structure),
        )

    return forward


def _observed_up_to(case: Case, store: ObjectStore, visit: int, structure: str) -> tuple[str, ...]:
    """Return the ids of a tumour's observations at visits 1 to `visit`, of those already seen.

    The baseline is where every simulation starts, so it is no evidence.
    """
    return tuple(
        observation
        for number, one in enumerate(case.visits[: visit + 1])
        if number == visit or (number > 0 and one.seen)
        for observation in one.observations
        if store.get(observation).structure == structure
    )


def observations_of(case: Case, store: ObjectStore, visit: int) -> list[Observation]:
    """Return what a visit says of the tumours; raises Missing when it is not registered yet."""
    ids = case.visit(visit).observations
    if not ids:
        raise Missing(f"visit {visit} is not registered yet", advice="register it first")
    return [store.get(i) for i in ids]


def _prior(case: Case) -> str:
    if not case.twins:
        raise Missing("this case has no belief yet", advice="run `organtwin update --visit 0`")
    return case.twins[0]


def simulation_of(store: ObjectStore, state: TwinState, structure: str) -> Simulation:
    """Return the growth behind a twin's forecasts of one tumour."""
    for simulation_id in state.simulations:
        simulation: Simulation = store.get(simulation_id)
        if simulation.structure == structure:
            return simulation
    raise Missing(f"the twin of day {state.day:g} has no simulation of {structure}")
