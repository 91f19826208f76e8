"""What a solver is asked and what it answers: the only module both sides of the process import.

A job folder holds ``job.json``, the arrays it names (``.npz``), a log, the result arrays and, last
of all, ``result.json``. Without ``result.json`` the job did not finish. Progress goes to stdout as
one JSON object a line (`Progress`). Cancelling is from outside: terminate the process.

Standard library only. Units: mm, day, kPa, Gy, mL. Frame: LPS.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, Self

CONTRACT_VERSION: Final = 1
MATHEMATICS: Final = {
    "coupled": 1,
    "deformation": 4,
    "growth_sensitivity": 1,
    "sensitivity": 2,
    "tumour": 2,
}
"""Kind → version of its solver's mathematics. Raise it with every change to what a solver answers:
the id of a job holds it, so that an answer kept from before is not taken for today's."""
JOB_FILE: Final = "job.json"
RESULT_FILE: Final = "result.json"
INPUT_FILE: Final = "input.npz"
OUTPUT_FILE: Final = "output.npz"
LOG_FILE: Final = "log.txt"
LAST_FILE: Final = "last_good.npz"
"""Written by a job that failed on its way: the state before it did."""

Kind = Literal["coupled", "deformation", "growth_sensitivity", "sensitivity", "tumour"]
Scalar = float | int | str | bool


class ContractError(ValueError):
    """A job, event or parameter that breaks the contract; the message says which and how."""


@dataclass(frozen=True)
class Parameter:
    """One number a law or growth model needs.

    Args:
        name: identifier, with its unit as suffix (``diffusion_mm2_per_day``).
        unit: as printed ("mm²/day"); "1" when dimensionless.
        low, high: bounds of validity in that unit, inclusive.
        meaning: one line for a person.
        source: where bounds and default come from; "unsourced, set your own" when nowhere.
        default: value in that unit, or None when the user has to choose.
    """

    name: str
    unit: str
    low: float
    high: float
    meaning: str
    source: str
    default: float | None = None

    def checked(self, value: float) -> float:
        """Return `value` if it is finite and within bounds, else raise ContractError."""
        if not (math.isfinite(value) and self.low <= value <= self.high):
            raise ContractError(
                f"{self.name} = {value} {self.unit} is outside [{self.low}, {self.high}]"
            )
        return float(value)


EventKind = Literal[
    "scale_density", "add_rate", "remove_region", "irradiate", "infuse", "change_load", "heat"
]


@dataclass(frozen=True)
class Input:
    """One array a kind reads or writes: `shape`, `dtype`, `unit` and `meaning` for a person."""

    name: str
    shape: str
    dtype: str
    unit: str
    meaning: str
    required: bool = True


@dataclass(frozen=True)
class Event:
    """One thing that happens to the tissue: the closed handful that solvers understand.

    kind and its numbers:
        scale_density: at `day` the tumour density is multiplied by `amount` (1, surviving
            fraction) where the distance map `where` is below 0, or everywhere: what a treatment
            leaves of the tumour in tissue that stays.
        add_rate: from `day` to `until_day` the net growth gets `amount` (1/day, negative kills)
            times exp(-decay_per_day * (t - day)).
        remove_region: at `day` the tissue inside `where` is gone: density 0, no diffusion after.
        irradiate: at `day` one fraction of `amount` Gy, or of `amount` times the dose map `where`
            in Gy; what survives is linear-quadratic in the members' alpha_per_gy, alpha_beta_gy.
        infuse: at `day` the drug `agent` gets a concentration of `amount` (1 = a full dose) at
            once, or with `until_day` an `amount` per day until then; its clearance and what it
            kills are the members' (clearance_per_day@AGENT, sensitivity_per_day@AGENT).
        change_load: at `day` the load named by `where` becomes `amount` (its own unit).
        heat: from `day` a source of `amount` W at the probe given by `where`.

    Args:
        day: time of the event in days from the start of the job.
        where: name of an input array of the job (see the solver's ``describe``), or "".
        agent: name of the drug that is infused; it begins with a letter.
    """

    kind: EventKind
    day: float
    amount: float = 1.0
    where: str = ""
    until_day: float | None = None
    decay_per_day: float = 0.0
    agent: str = ""

    def __post_init__(self) -> None:
        """Refuse numbers no solver could honour."""
        if wrong := self._wrong():
            raise ContractError(f"event {self.kind}: {wrong}")

    def _wrong(self) -> str:
        if not math.isfinite(self.day) or not math.isfinite(self.amount):
            return "day and amount must be finite"
        if self.until_day is not None and not self.until_day >= self.day:
            return "it ends before it starts"
        if not 0.0 <= self.decay_per_day < math.inf:
            return "its decay must be finite and not negative"
        if self.kind == "scale_density" and not 0.0 <= self.amount <= 1.0:
            return "a surviving fraction lies in [0, 1]"
        if self.kind in ("irradiate", "infuse") and self.amount < 0.0:
            return f"its amount is {self.amount:g}; a dose is not negative"
        if (self.kind == "infuse") != bool(re.fullmatch(r"[A-Za-z]\w*", self.agent)):
            return "an infusion, and nothing else, names its agent, a word like 'drug'"
        if self.kind == "infuse" and self.until_day == self.day:
            return "an infusion takes time; leave until_day out for a bolus"
        return ""


@dataclass(frozen=True)
class Job:
    """What a solver shall compute.

    Args:
        kind: which solver.
        model: name of the law (deformation) or growth model (tumour).
        members: one mapping parameter name → value for each member of the ensemble. An ensemble
            is one job, so that no process starts per member.
        settings: the solver's own numbers (days to report, step, loads); see ``describe``.
        events: in any order; the solver sorts by day.
        inputs: SHA-256 of each input array's bytes by array name, so that two jobs of the same id
            have the same answer.
    """

    kind: Kind
    model: str
    members: tuple[Mapping[str, float], ...]
    settings: Mapping[str, Scalar | tuple[float, ...]] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """Canonical JSON: sorted keys, no spaces, no NaN."""
        told = {"contract": CONTRACT_VERSION, "mathematics": MATHEMATICS.get(self.kind, 0)}
        return _canonical({**told, **dataclasses.asdict(self)})

    @property
    def id(self) -> str:
        """SHA-256 of the canonical JSON, hexadecimal: of the question and the mathematics."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a job; raises ContractError when it is not one of this version."""
        fields = _object(text, "job")
        if fields.pop("contract", None) != CONTRACT_VERSION:
            raise ContractError(f"job: this solver speaks contract version {CONTRACT_VERSION}")
        asked = fields.pop("mathematics", None)
        if asked != (known := MATHEMATICS.get(fields.get("kind", ""), 0)):
            raise ContractError(f"job: mathematics {asked} is asked for, this solver has {known}")
        try:
            events = tuple(Event(**event) for event in fields.pop("events", ()))
            members = tuple(fields.pop("members"))
            settings = {
                key: tuple(value) if isinstance(value, list) else value
                for key, value in fields.pop("settings", {}).items()
            }
            return cls(events=events, members=members, settings=settings, **fields)
        except (TypeError, KeyError) as error:
            raise ContractError(f"job: {error}") from error

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The job of a job folder."""
        return cls.from_json((folder / JOB_FILE).read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Progress:
    """How far a running job is: `fraction` in [0, 1] and one line for a person."""

    fraction: float
    message: str

    def to_json(self) -> str:
        """One line of JSON."""
        return _canonical({"progress": self.fraction, "message": self.message})

    @classmethod
    def from_line(cls, line: str) -> Self | None:
        """The progress a line of stdout tells, or None when it is any other output."""
        try:
            fields = json.loads(line)
            return cls(float(fields["progress"]), str(fields["message"]))
        except (ValueError, KeyError, TypeError):
            return None


@dataclass(frozen=True)
class Result:
    """How a job ended.

    Args:
        job_id: `Job.id` of what was asked.
        ok: True when every member was solved to its tolerance.
        error: class name of the failure ("" when ok): NotConverged, BadInput, OutOfMemory, Crash.
        message: what happened and where, for a person ("" when ok).
        arrays: SHA-256 of each array in ``output.npz`` by name.
        numbers: scalars about the run with the unit in the name (seconds, iterations, drift).
        versions: package name → version of what computed it.
    """

    job_id: str
    ok: bool
    error: str = ""
    message: str = ""
    arrays: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """Canonical JSON."""
        return _canonical(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a result; raises ContractError when it is not one."""
        try:
            return cls(**_object(text, "result"))
        except TypeError as error:
            raise ContractError(f"result: {error}") from error


def _canonical(value: Any) -> str:
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def _object(text: str, what: str) -> dict[str, Any]:
    try:
        fields = json.loads(text)
    except ValueError as error:
        raise ContractError(f"{what}: not JSON ({error})") from error
    if not isinstance(fields, dict):
        raise ContractError(f"{what}: not a JSON object")
    return fields
