"""What a scenario leads to, and several of them side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from organtwin.actions import Effect, action_kinds, effect_of
from organtwin.comparing.anatomy import Anatomy, anatomy_of
from organtwin.comparing.margins import margin_quantities
from organtwin.comparing.probe_path import way_warnings
from organtwin.comparing.quantities import broken_rules, sourced
from organtwin.comparing.remnant import remnant_quantities
from organtwin.comparing.removal import Removal, removal_of
from organtwin.comparing.response import HORIZONS_DAYS, response_quantities
from organtwin.comparing.vessels import vessel_quantities, vessel_warnings
from organtwin.core.errors import BadArgument
from organtwin.core.labelmap import LabelMap
from organtwin.core.registry import chosen
from organtwin.core.scenario import Comparison, Outcome, Quantity, Scenario
from organtwin.core.simulation import Simulation
from organtwin.core.volume import Volume
from organtwin.organs import Organ


def effects_of(scenario: Scenario, labels: LabelMap) -> tuple[Effect, ...]:
    """Return what each action of a scenario does; raises BadArgument naming what is wrong."""
    return tuple(effect_of(action, labels) for action in scenario.actions)


def geometry_quantities(anatomy: Anatomy, removal: Removal | None) -> tuple[Quantity, ...]:
    """Return all rows that follow from the labels and what is removed, without simulation."""
    return (
        *remnant_quantities(anatomy, removal),
        *margin_quantities(anatomy, removal),
        *vessel_quantities(anatomy, removal),
    )


def outcome(
    scenario: Scenario,
    labels: LabelMap,
    *,
    organ: Organ,
    anatomy: Anatomy | None = None,
    simulations: Mapping[str, Simulation] | None = None,
    simulation_ids: Mapping[str, str] | None = None,
    inputs: tuple[str, ...] = (),
    removed: str = "",
    volume: Volume | None = None,
    horizons_days: tuple[float, ...] = HORIZONS_DAYS,
) -> Outcome:
    """Return what a scenario leads to.

    Args:
        labels: what it is planned on.
        anatomy: of those labels, when it is at hand (it takes seconds to make).
        simulations: tumour's name → its growth under this scenario; rows of visible volumes are
            made of it, none without.
        simulation_ids: tumour's name → id of that Simulation.
        inputs: ids of what the geometry was computed from (the LabelMap).
        removed: id of the LabelMap of removed tissue.
        volume: the CT of the labels' frame; with it a probe's way is checked for gas and bone.
        horizons_days: days after the scenario's day for which volumes are quoted.

    Raises:
        BadArgument: an action is wrong, or a horizon was not simulated.
    """
    anatomy = anatomy or anatomy_of(labels, organ.name)
    effects = effects_of(scenario, labels)
    removal = removal_of(effects, anatomy)
    ids = simulation_ids or {}
    geometry = sourced(geometry_quantities(anatomy, removal), inputs)
    response = response_quantities(
        simulations or {}, scenario.day, horizons_days=horizons_days, ids=ids
    )
    assumed = " and ".join(_assumed(scenario))
    response = tuple(replace(quantity, assumed=assumed) for quantity in response)
    return Outcome(
        scenario=scenario,
        quantities=(*geometry, *sourced(response, inputs)),
        warnings=_warnings(
            scenario,
            effects=effects,
            geometry=geometry,
            anatomy=anatomy,
            removal=removal,
            organ=organ,
            volume=volume,
        ),
        simulations=tuple(ids[name] for name in sorted(ids)),
        removed=removed,
    )


def _warnings(
    scenario: Scenario,
    *,
    effects: Sequence[Effect],
    geometry: Sequence[Quantity],
    anatomy: Anatomy,
    removal: Removal | None,
    organ: Organ,
    volume: Volume | None,
) -> tuple[str, ...]:
    contact = removal.contact if removal else ""
    found = [
        *broken_rules(geometry, organ.rules, contact=contact),
        *_left_tumours(geometry, removal),
        *vessel_warnings(anatomy, removal),
        *(warning for effect in effects for warning in effect.warnings),
    ]
    for action in scenario.actions:
        if {"entry_mm", "target_mm"} <= set(action.arguments):
            ends = action.arguments["entry_mm"], action.arguments["target_mm"]
            found += way_warnings(anatomy, *ends, volume=volume)
    for effect, names in _assumed(scenario).items():
        found.append(
            f"The {effect} ({', '.join(names)}) has no source, a demonstration value unless "
            "you set it: do not compare these volumes with the other plans"
        )
    return tuple(dict.fromkeys(found))


def _assumed(scenario: Scenario) -> dict[str, tuple[str, ...]]:
    """Return effect → its numbers that no primary source supports, of a scenario's actions."""
    found = {}
    for action in scenario.actions:
        kind = chosen(action_kinds(), action.kind, "action")
        if names := kind.unsourced(action):
            found[kind.effect or action.kind] = names
    return found


def _left_tumours(geometry: Sequence[Quantity], removal: Removal | None) -> list[str]:
    if removal is None:
        return []
    found = []
    for row in geometry:
        if row.name == "removed part" and row.value == 0.0:
            found.append(f"{row.structure} is not removed")
        elif row.name == "minimal margin" and row.value < 0.0:
            found.append(f"{row.structure} is cut through: {-row.value:.1f} mm of it stay")
    return found


def comparison(outcomes: Sequence[Outcome]) -> Comparison:
    """Return outcomes side by side.

    Raises:
        BadArgument: there are none, they start on different days, or two share a name.
    """
    names = [o.scenario.name for o in outcomes]
    if not outcomes or len(set(names)) != len(names):
        raise BadArgument("a comparison needs scenarios of different names", where=", ".join(names))
    if len({o.scenario.day for o in outcomes}) > 1:
        raise BadArgument("scenarios that start on different days cannot be compared")
    return Comparison(outcomes[0].scenario.day, tuple(outcomes))


@dataclass(frozen=True)
class Row:
    """One line of the table side by side: a quantity of every scenario, None where it has none."""

    name: str
    structure: str
    unit: str
    cells: tuple[Quantity | None, ...]


def rows(compared: Comparison) -> tuple[Row, ...]:
    """Return the table of a Comparison, quantities in the order they first appear."""
    found: dict[tuple[str, str, str], dict[int, Quantity]] = {}
    for column, one in enumerate(compared.outcomes):
        for quantity in one.quantities:
            key = (quantity.name, quantity.structure, quantity.unit)
            found.setdefault(key, {})[column] = quantity
    columns = range(len(compared.outcomes))
    return tuple(
        Row(name, structure, unit, tuple(cells.get(column) for column in columns))
        for (name, structure, unit), cells in found.items()
    )


def difference(first: Outcome, second: Outcome) -> tuple[Quantity, ...]:
    """Return second minus first for every quantity both have; no interval is claimed."""
    other = {(q.name, q.structure, q.unit): q for q in second.quantities}
    return tuple(
        Quantity(
            q.name,
            q.structure,
            other[key].value - q.value,
            q.unit,
            basis=f"{second.scenario.name} minus {first.scenario.name}",
            inputs=tuple(dict.fromkeys(q.inputs + other[key].inputs)),
        )
        for q in first.quantities
        if (key := (q.name, q.structure, q.unit)) in other
    )
