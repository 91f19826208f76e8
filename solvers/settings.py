"""A job's settings and members, checked against what the solver says it takes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from solvers.contract import ContractError, Job, Parameter
from solvers.failures import BadInput

MOST_MEMBERS = 10_000


@dataclass(frozen=True)
class Setting:
    """One setting: a Parameter, and how many numbers it takes (`length` 0: any)."""

    parameter: Parameter
    length: int = 1


def checked_settings(job: Job, settings: Sequence[Setting]) -> dict[str, Any]:
    """Return every setting by name, defaults filled in (a vector's default is repeated).

    Raises:
        BadInput: unknown, missing, of a wrong length, or out of bounds.
    """
    known = {setting.parameter.name: setting for setting in settings}
    unknown = set(job.settings) - set(known)
    if unknown:
        raise BadInput(f"unknown settings: {', '.join(sorted(unknown))}")
    return {name: _value(setting, job.settings.get(name)) for name, setting in known.items()}


def _value(setting: Setting, given: Any) -> float | tuple[float, ...]:
    parameter = setting.parameter
    if given is None:
        if parameter.default is None:
            raise BadInput(f"the setting {parameter.name!r} ({parameter.unit}) is missing")
        return parameter.default if setting.length == 1 else (parameter.default,) * setting.length
    if setting.length == 1:
        return _checked(parameter, given)
    if not isinstance(given, tuple) or setting.length not in (0, len(given)) or not given:
        raise BadInput(f"the setting {parameter.name!r} takes {setting.length or 'some'} numbers")
    return tuple(_checked(parameter, one) for one in given)


def checked_members(job: Job, parameters: Sequence[Parameter]) -> tuple[dict[str, float], ...]:
    """Return each member's values by parameter name, defaults filled in.

    Raises:
        BadInput: none or too many members, an unknown or missing parameter, or out of bounds.
    """
    if not 1 <= len(job.members) <= MOST_MEMBERS:
        raise BadInput(f"a job takes 1 to {MOST_MEMBERS} members, not {len(job.members)}")
    return tuple(_member(index, member, parameters) for index, member in enumerate(job.members))


def _member(
    index: int, member: Mapping[str, float], parameters: Sequence[Parameter]
) -> dict[str, float]:
    unknown = set(member) - {p.name for p in parameters}
    if unknown:
        raise BadInput(f"member {index}: unknown parameters {', '.join(sorted(unknown))}")
    values = {}
    for parameter in parameters:
        given = member.get(parameter.name, parameter.default)
        if given is None:
            raise BadInput(f"member {index}: {parameter.name} ({parameter.unit}) is missing")
        try:
            values[parameter.name] = _checked(parameter, given)
        except BadInput as error:
            raise BadInput(f"member {index}: {error}") from error
    return values


def _checked(parameter: Parameter, value: Any) -> float:
    if isinstance(value, str) or not math.isfinite(value):
        raise BadInput(f"{parameter.name}: {value!r} is not a number")
    try:
        return parameter.checked(float(value))
    except ContractError as error:
        raise BadInput(str(error)) from error
