"""A planned Scenario as layers of a Scene: what is cut off, the plane, the zone, the probe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from organtwin.actions import effect_of
from organtwin.core.errors import OrganTwinError
from organtwin.core.labelmap import LabelMap
from organtwin.core.scenario import Action, Scenario
from organtwin.ui.scene import Layer, Scene
from organtwin.ui.shapes import disc, ellipsoid, rod

REMOVED = (0.45, 0.50, 0.56)
PLANE, ZONE, PROBE = (0.98, 0.80, 0.40), (0.98, 0.62, 0.30), (0.88, 0.91, 0.95)


def as_json(scenario: Scenario) -> dict[str, Any]:
    """Return a scenario as the pipeline's `plan` takes it."""
    return {
        "name": scenario.name,
        "day": scenario.day,
        "actions": [
            {"kind": a.kind, "day": a.day, "arguments": _plain(a.arguments)}
            for a in scenario.actions
        ],
    }


def scene_of(scenario: Scenario, structures: Scene, labels: LabelMap) -> Scene:
    """Return the organ with what the scenario does to it."""
    layers = list(structures.layers)
    for number, action in enumerate(scenario.actions):
        layers = _split(layers, action, labels)
        layers += _drawn(action, structures, f"{number}")
    solid_first = sorted(layers, key=lambda layer: layer.opacity < 1.0)
    return Scene(tuple(solid_first), title=scenario.name)


def plane_of(scenario: Scenario) -> Action | None:
    """Return the first action with a plane."""
    return next((a for a in scenario.actions if {"point_mm", "normal"} <= set(a.arguments)), None)


def _split(layers: Sequence[Layer], action: Action, labels: LabelMap) -> list[Layer]:
    """Divide each surface into what stays and what is removed or destroyed."""
    try:
        border = effect_of(action, labels).signed_distance_mm
    except (OrganTwinError, KeyError):
        return list(layers)  # a form half filled in removes nothing yet
    if border is None:
        return list(layers)
    divided = []
    for layer in layers:
        middle = np.asarray(layer.points, dtype=np.float64)[layer.triangles].mean(axis=1)
        gone = border(middle) < 0.0
        key = f"{layer.name}/{hash(str(sorted(action.arguments.items()))):x}"
        if (~gone).any():
            divided.append(_part(layer, ~gone, f"{key}/kept"))
        if gone.any():
            part = _part(layer, gone, f"{key}/gone")
            shade = REMOVED if layer.opacity < 1.0 else layer.colour
            opacity = 0.16 if layer.opacity < 1.0 else 0.55
            divided.append(Layer(part.name, part.points, part.triangles, shade, opacity))
    return divided


def _part(layer: Layer, chosen: Any, name: str) -> Layer:
    opacity = min(layer.opacity * 1.35, 1.0) if layer.opacity < 1.0 else 1.0
    return Layer(name, layer.points, layer.triangles[chosen], layer.colour, opacity)


def _drawn(action: Action, structures: Scene, tag: str) -> list[Layer]:
    values = {name: np.array(v, dtype=float) for name, v in action.arguments.items() if _many(v)}
    numbers = action.arguments
    key = f"plan/{tag}/{hash(str(sorted(numbers.items()))):x}"
    centre, radius = structures.bounds_mm()
    if {"point_mm", "normal"} <= set(values) and np.linalg.norm(values["normal"]) > 0:
        normal = values["normal"] / np.linalg.norm(values["normal"])
        middle = centre - normal * float((centre - values["point_mm"]) @ normal)
        points, triangles = disc(middle, normal, 0.62 * radius)
        return [Layer(key, points, triangles, PLANE, 0.38, flat=True, caption="cutting plane")]
    if {"target_mm", "entry_mm"} <= set(values):
        target, entry = values["target_mm"], values["entry_mm"]
        along, across = float(numbers["zone_along_mm"]), float(numbers["zone_across_mm"])
        if np.linalg.norm(target - entry) < 1.0:
            return []
        zone = ellipsoid(target, target - entry, along, across)
        probe = rod(entry, target, 0.9)
        return [
            Layer(f"{key}/probe", *probe, PROBE, caption="probe"),
            Layer(f"{key}/zone", *zone, ZONE, 0.34, caption="ablation zone"),
        ]
    return []


def _many(value: Any) -> bool:
    return isinstance(value, tuple | list)


def _plain(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(v) if isinstance(v, tuple) else v for name, v in arguments.items()}
