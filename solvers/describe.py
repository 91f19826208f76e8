"""What the solvers offer, as JSON for whoever builds a form or a job."""

from __future__ import annotations

import dataclasses
from typing import Any

from solvers import contract, coupled, deformation, growth_sensitivity, sensitivity, tumour
from solvers.growth import growth_models
from solvers.laws import laws
from solvers.settings import Setting
from solvers.treatments import TUMOUR_EVENTS, asked_of_members


def description() -> dict[str, Any]:
    """Return kinds, models with their Parameters, settings, events, inputs and outputs."""
    return {
        "contract": contract.CONTRACT_VERSION,
        "kinds": {
            "tumour": _of_growth(tumour),
            "growth_sensitivity": _of_growth(growth_sensitivity),
            "coupled": {
                **_of_growth(coupled),
                "laws": [_model(law) for law in laws().values() if law.powers is not None],
                "parameters": [dataclasses.asdict(parameter) for parameter in coupled.PARAMETERS],
            },
            "deformation": _of_tissue(deformation),
            "sensitivity": _of_tissue(sensitivity),
        },
    }


def _of_tissue(kind: Any) -> dict[str, Any]:
    return {
        "models": [_model(law) for law in laws().values()],
        "settings": [_setting(setting) for setting in kind.SETTINGS],
        "events": [],
        "inputs": [dataclasses.asdict(array) for array in kind.INPUTS],
        "outputs": [dataclasses.asdict(array) for array in kind.OUTPUTS],
    }


def _of_growth(kind: Any) -> dict[str, Any]:
    return {
        "models": [_model(model) for model in growth_models().values()],
        "settings": [_setting(setting) for setting in kind.SETTINGS],
        "events": list(TUMOUR_EVENTS),
        "event_parameters": _treatments(),
        "inputs": [dataclasses.asdict(array) for array in kind.INPUTS],
        "outputs": [dataclasses.asdict(array) for array in kind.OUTPUTS],
    }


def _treatments() -> dict[str, Any]:
    """What events ask of members beside their model's parameters; AGENT stands for a drug."""
    asking = (contract.Event("irradiate", 0.0), contract.Event("infuse", 0.0, agent="AGENT"))
    return {
        event.kind: [dataclasses.asdict(parameter) for parameter in asked_of_members([event])]
        for event in asking
    }


def _model(model: Any) -> dict[str, Any]:
    parameters = [dataclasses.asdict(parameter) for parameter in model.parameters]
    return {"name": model.name, "title": model.title, "parameters": parameters}


def _setting(setting: Setting) -> dict[str, Any]:
    return {**dataclasses.asdict(setting.parameter), "length": setting.length}
