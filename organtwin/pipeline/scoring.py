"""TwinState → Score: what was forecast against what came."""

from __future__ import annotations

from collections.abc import Iterator

from organtwin.core.case import Case, ObjectStore
from organtwin.core.twin import Forecast, TwinState
from organtwin.core.watch import Watch
from organtwin.pipeline.twin import observations_of, simulated, simulation_of


def score(case: Case, store: ObjectStore, watch: Watch, *, visit: int) -> tuple[Case, str]:
    """Score every forecast made before a visit for that visit."""
    from organtwin import updating

    case = _with_forecasts(case, store, watch.part(0.0, 0.5), visit)
    later = case.visit(visit)
    observed = {o.structure: o for o in observations_of(case, store, visit)}
    labels = store.get(later.baseline_labels)
    scores, missed = [], set()
    for state, forecast_id, forecast in _forecasts(case, store):
        if forecast.day == later.day and forecast.structure not in observed:
            missed.add(forecast.structure)
        if forecast.day == later.day and forecast.structure in observed:
            watch.tell(0.5, f"scoring {forecast.structure}")
            simulation = simulation_of(store, state, forecast.structure)
            overlap = updating.shape_overlap(simulation, later.day, labels, forecast.structure)
            scores.append(
                updating.score(
                    forecast,
                    observed[forecast.structure],
                    forecast_id=forecast_id,
                    dice=overlap,
                )
            )
    kept = [s for s in case.scores if store.get(s).day != later.day]
    after = case.having(scores=(*kept, *map(store.put, scores)))
    covered = sum(s.covered for s in scores)
    said = f"visit {visit}: {covered} of {len(scores)} forecasts inside their interval"
    return after, said + "".join(f"; {name} was not found, not scored" for name in sorted(missed))


def _with_forecasts(case: Case, store: ObjectStore, watch: Watch, visit: int) -> Case:
    """Return the Case with forecasts of every earlier twin for a visit that was imported later.

    They are made from the beliefs as they stood, with the same seeds: the visit's images take no
    part in them.
    """
    day = case.visit(visit).day
    twins = []
    for twin_id in case.twins:
        state: TwinState = store.get(twin_id)
        known = {store.get(forecast).day for forecast in state.forecasts}
        if state.day < day and day not in known:
            beliefs = [store.get(belief) for belief in state.beliefs]
            twin_id = store.put(simulated(case, store, watch, beliefs, day=state.day))
        twins.append(twin_id)
    return case.having(twins=tuple(twins))


def _forecasts(case: Case, store: ObjectStore) -> Iterator[tuple[TwinState, str, Forecast]]:
    """Yield every forecast ever made with the twin that made it."""
    for twin_id in case.twins:
        state: TwinState = store.get(twin_id)
        for forecast_id in state.forecasts:
            yield state, forecast_id, store.get(forecast_id)
