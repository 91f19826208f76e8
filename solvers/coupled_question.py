"""What a job of kind "coupled" asks: a tumour, the tissue it grows in, and what joins them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from solvers.contract import ContractError, Job, Parameter
from solvers.failures import BadInput
from solvers.growth_question import GrowthQuestion, growth_question
from solvers.growth_settings import SETTINGS as OF_GROWTH
from solvers.laws import law
from solvers.loads import loads
from solvers.meshfiles import mesh_from
from solvers.question import ELEMENT, LAW_AT, Question, question
from solvers.settings import Setting, checked_settings
from solvers.swelling import SWELLING, growing_powers

Arrays = Mapping[str, NDArray[Any]]
_HERE: Final = "choice of this solver"
LAW: Final = "law"
"""The setting that names the tissue's law, neo_hookean when not given; ``law@LABEL`` a region's."""
SLOWING: Final = Parameter(
    "slowing_per_kpa",
    "1/kPa",
    0.0,
    100.0,
    "γ: D = D₀ exp(-γ σ), σ von Mises' stress of the tissue",
    "form: Weis 2013 (PMC3791925), Hormuth 2017 (PMC5378136); value unsourced, set your own",
    0.0,
)
COUPLING: Final = Setting(
    Parameter(
        "coupling_days", "day", 0.01, 365.0, "longest time from balance to balance", _HERE, 5.0
    )
)
GROWN: Final = Setting(
    Parameter(
        "grown_at_start",
        "1",
        0.0,
        1.0,
        "1: the mesh is as it is with the tumour of day 0, only growth after it swells; "
        "0: as it was without a tumour",
        _HERE,
        0.0,
    )
)
_JOINING: Final = (COUPLING, GROWN)
_GROWTH: Final = tuple(
    setting
    for setting in OF_GROWTH
    if setting.parameter.name not in ("keep_members", "time_tolerance")
)
_ACTING: Final = tuple(setting for each in loads().values() for setting in each.settings)
SETTINGS: Final = (*_GROWTH, *_JOINING, *_ACTING)
PARAMETERS: Final = (SWELLING, SLOWING)
"""Of a member, beside those of growth, treatments and tissue; with @LABEL of a region."""


@dataclass(frozen=True, eq=False)
class CoupledQuestion:
    """A job, read.

    Args:
        settings: `COUPLING` and `GROWN` by name.
        growth: the tumour, on its mesh.
        tissue: mesh as given, laws, element, settings of the loads, each member's tissue.
        swelling, slowing: of each member, by region label.
    """

    settings: Mapping[str, Any]
    growth: GrowthQuestion
    tissue: Question
    swelling: tuple[dict[int, float], ...]
    slowing: tuple[dict[int, float], ...]


def coupled_question(job: Job, arrays: Arrays) -> CoupledQuestion:
    """Return what a job asks; raises BadInput where it cannot be used."""
    labels = np.unique(mesh_from(arrays).regions).tolist()
    first = str(job.settings.get(LAW, "neo_hookean"))
    laws = {label: law(str(job.settings.get(f"{LAW_AT}{label}", first))) for label in labels}
    for each in laws.values():
        growing_powers(each)
    asked = {f"{p.name}@{label}": p.name for label, own in laws.items() for p in own.parameters}
    members = [_parted(member, asked) for member in job.members]
    grows, joins = _settings(job, _GROWTH), _settings(job, _JOINING)
    acts = {k: v for k, v in job.settings.items() if k not in {LAW, *grows, *joins}}
    words = {ELEMENT, *(f"{LAW_AT}{label}" for label in labels)}
    known = {*words, *(setting.parameter.name for setting in _ACTING)}
    if odd := sorted(k for k in acts if k not in words and k.partition("@")[0] not in known):
        raise BadInput(f"unknown settings: {', '.join(odd)}")
    return CoupledQuestion(
        settings=checked_settings(dataclasses.replace(job, settings=joins), _JOINING),
        growth=growth_question(
            dataclasses.replace(job, settings=grows, members=tuple(m[1] for m in members)), arrays
        ),
        tissue=question(
            dataclasses.replace(
                job, model=first, settings=acts, events=(), members=tuple(m[0] for m in members)
            ),
            arrays,
            _ACTING,
        ),
        swelling=tuple(_by_region(SWELLING, member, labels) for member in job.members),
        slowing=tuple(_by_region(SLOWING, member, labels) for member in job.members),
    )


def _settings(job: Job, wanted: Iterable[Setting]) -> dict[str, Any]:
    names = {setting.parameter.name for setting in wanted}
    return {name: value for name, value in job.settings.items() if name in names}


def _parted(
    member: Mapping[str, float], asked: Mapping[str, str]
) -> tuple[dict[str, float], dict[str, float]]:
    """A member's tissue, as ``name@LABEL``, and what is left: growth and treatments.

    Args:
        asked: ``name@LABEL`` → name of what the laws take; a plain name counts for every region.
    """
    tissue = {key: member[name] for key, name in asked.items() if name in member}
    tissue |= {key: member[key] for key in asked if key in member}
    used = {*asked, *asked.values()}
    joining = {parameter.name for parameter in PARAMETERS}
    left = {k: v for k, v in member.items() if k not in used and k.partition("@")[0] not in joining}
    return tissue, left


def _by_region(
    parameter: Parameter, member: Mapping[str, float], labels: Sequence[int]
) -> dict[int, float]:
    """Label → the member's ``name@LABEL``, or else its ``name`` or the default."""
    name = parameter.name
    keys = {key for key in member if key.partition("@")[0] == name}
    if odd := sorted(keys - {name, *(f"{name}@{label}" for label in labels)}):
        raise BadInput(f"{odd[0]}: the mesh has no such region")
    found = {}
    for label in labels:
        value = member.get(f"{name}@{label}", member.get(name, parameter.default))
        if value is None:
            raise BadInput(f"{name}@{label} ({parameter.unit}) is missing")
        try:
            found[label] = parameter.checked(float(value))
        except (ContractError, ValueError) as error:
            raise BadInput(str(error)) from error
    return found
