"""What the solvers offer: laws and growth models with their parameters, settings, arrays."""

from __future__ import annotations

import functools
import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from organtwin.core.errors import SolverFailed
from organtwin.core.registry import chosen
from organtwin.simulating.runner import SOLVER, environment
from solvers.contract import CONTRACT_VERSION, Input, Parameter

DESCRIBE_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Model:
    """A tissue law or growth model: `title` is one line for a person."""

    name: str
    title: str
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True)
class Offer:
    """One kind of job.

    Args:
        settings: setting name → Parameter.
        lengths: setting name → how many numbers it takes, 0 for any.
    """

    kind: str
    models: Mapping[str, Model]
    settings: Mapping[str, Parameter]
    lengths: Mapping[str, int]
    events: tuple[str, ...]
    inputs: tuple[Input, ...]
    outputs: tuple[Input, ...]

    def model(self, name: str) -> Model:
        """Return one model; raises BadArgument naming the ones there are."""
        found: Model = chosen(self.models, name, f"{self.kind} model")
        return found


@dataclass(frozen=True)
class Catalogue:
    """Everything the solvers offer, by kind of job."""

    kinds: Mapping[str, Offer]

    def offer(self, kind: str) -> Offer:
        """Return what is offered for one kind; raises BadArgument naming the ones there are."""
        found: Offer = chosen(self.kinds, kind, "kind of job")
        return found


@functools.cache
def catalogue(command: tuple[str, ...] = SOLVER) -> Catalogue:
    """Return what ``solvers describe`` says; asked once in the life of this process.

    Raises:
        SolverFailed: the solvers cannot be started or speak another version of the contract.
    """
    return read_catalogue(_described(command))


def read_catalogue(text: str) -> Catalogue:
    """Read the JSON of ``describe``; raises SolverFailed when it is not of this version."""
    try:
        fields = json.loads(text)
        if fields["contract"] != CONTRACT_VERSION:
            raise _unusable(f"they speak version {fields['contract']} of the contract")
        kinds = {name: _offer(name, offer) for name, offer in fields["kinds"].items()}
    except (ValueError, KeyError, TypeError) as error:
        raise _unusable(f"their description cannot be read ({error})") from error
    return Catalogue(MappingProxyType(kinds))


def _described(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(
            [*command, "describe"],
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=DESCRIBE_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise _unusable(f"they do not start ({error})") from error
    return done.stdout


def _offer(kind: str, fields: dict[str, Any]) -> Offer:
    settings = [(_parameter(s), int(s.get("length", 1))) for s in fields["settings"]]
    models = [
        Model(m["name"], m["title"], tuple(map(_parameter, m["parameters"])))
        for m in fields["models"]
    ]
    return Offer(
        kind=kind,
        models=MappingProxyType({model.name: model for model in models}),
        settings=MappingProxyType({parameter.name: parameter for parameter, _ in settings}),
        lengths=MappingProxyType({parameter.name: length for parameter, length in settings}),
        events=tuple(fields["events"]),
        inputs=tuple(Input(**array) for array in fields["inputs"]),
        outputs=tuple(Input(**array) for array in fields["outputs"]),
    )


def _parameter(fields: dict[str, Any]) -> Parameter:
    return Parameter(**{key: value for key, value in fields.items() if key != "length"})


def _unusable(why: str) -> SolverFailed:
    return SolverFailed(
        f"the solvers cannot be used: {why}", where="solvers", advice="run `organtwin doctor`"
    )
