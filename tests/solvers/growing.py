"""Values of growth models for tests."""

from __future__ import annotations

from typing import Any

import numpy as np

VALUES = {
    "diffusion_mm2_per_day": 0.1,
    "proliferation_per_day": 0.05,
    "saturation_power": 2.0,
    "allee_threshold": 0.1,
    "necrosis_per_day": 0.08,
    "border_mm": 1.5,
}


def values_for(model: Any, nodes: int = 0) -> dict[str, Any]:
    """One number a parameter; what is solved elsewhere at each of `nodes`, or as one number."""
    fields = {name: np.linspace(0.2, 0.9, nodes) if nodes else 0.6 for name in model.fields}
    return {parameter.name: VALUES[parameter.name] for parameter in model.parameters} | fields
