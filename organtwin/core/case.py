"""Visit and Case: everything known of one organ of one patient, by content hash."""

from __future__ import annotations

import dataclasses
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal, Protocol

from organtwin.core.canvas import Canvas
from organtwin.core.content import noun
from organtwin.core.errors import BadArgument, Missing


class ObjectStore(Protocol):
    """Where nouns are kept by their id; `casefolder` has the one on disk.

    `jobs` is the folder in which solver jobs run: a cache, not part of the case.
    """

    jobs: Path

    def put(self, thing: Any) -> str:
        """Keep a noun for good; returns its id. The same noun twice is the same id."""
        ...

    def get(self, object_id: str) -> Any:
        """Return the noun of that id; raises CaseDamaged when it is not what was put.

        For the id of a Change it is the whole LabelMap after it.
        """
        ...

    def canvas(self, labels: str) -> Canvas:
        """Return the labels of that id to read parts of, until the next call of this.

        Raises CaseDamaged. What is read must not be changed there.
        """
        ...

    def as_put(self, object_id: str) -> Any:
        """Return the noun of that id, a Change as such; raises CaseDamaged."""
        ...

    def whole_of(self, labels: str) -> str:
        """Return the id of the whole LabelMap that a Change's id stands for, "" if none was put."""
        ...

    def trying(self) -> AbstractContextManager[None]:
        """Return what takes away again what is put while it is entered, should that fail."""
        ...


WorkState = Literal["not started", "carried", "in progress", "done", "reviewed"]
"""Carried: propagated from another visit by registration, neither drawn nor measured here."""


@noun
@dataclass(frozen=True)
class Work:
    """How far a person is with one structure of a visit.

    Args:
        structure: its name.
        who: reviewed it; "" in any other state.
    """

    structure: str
    state: WorkState
    who: str = ""


@noun
@dataclass(frozen=True)
class Visit:
    """One imaging visit; each field but the days is an object's id, "" when not there yet.

    Args:
        day: days since the baseline visit (the earliest; its day is 0).
        acquired: calendar date of the images.
        volume: Volume, in the visit's own frame.
        labels: LabelMap on that volume's grid, or the Change that made it.
        registration: Registration from the baseline frame to this visit.
        baseline_labels: the visit's LabelMap carried to the baseline grid.
        observations: ids of Observation.
        seen: False while the twin must not know of the visit (held back to score a forecast).
        origin: Origin, the images that `volume` was made from; "" where they are not DICOM.
        identity: Identity, whom those images say they show.
        held: why the visit may belong to another patient; a person has to decide before any step
            may use it. Empty when there is no doubt, or it was decided.
        work: how far each structure is; those not named are not started.
    """

    day: float
    acquired: date | None
    volume: str
    labels: str = ""
    registration: str = ""
    baseline_labels: str = ""
    observations: tuple[str, ...] = ()
    seen: bool = False
    origin: str = ""
    identity: str = ""
    held: tuple[str, ...] = ()
    work: tuple[Work, ...] = ()

    def work_on(self, structure: str) -> Work:
        """Return how far a structure is."""
        return next(
            (w for w in self.work if w.structure == structure), Work(structure, "not started")
        )


@noun
@dataclass(frozen=True)
class Case:
    """One organ of one patient; ids of objects, "" or empty when not there yet.

    Args:
        patient: the pseudonym shown in the window and in reports.
        organ: name of a file in `organtwin.organs`.
        visits: in order of day.
        mesh: OrganMesh in the baseline frame.
        mesh_quality: MeshQuality.
        cut: Cut of the mesh.
        twins: TwinState, in order of day: the prior, then one for each update, all kept; each
            holds its beliefs, its forecasts and the growth simulations behind them.
        scores: Score.
        simulations: Simulation asked for by hand.
        scenarios: Scenario drawn up.
        comparison: Comparison of the scenarios.
        decisions: Decision, in order of making.
        targets, nodes: structures of the baseline whose diameters are added up, chosen by a person;
            both empty: the largest (RECIST 1.1).
    """

    patient: str
    organ: str = "liver"
    visits: tuple[Visit, ...] = ()
    mesh: str = ""
    mesh_quality: str = ""
    cut: str = ""
    twins: tuple[str, ...] = ()
    scores: tuple[str, ...] = ()
    simulations: tuple[str, ...] = ()
    scenarios: tuple[str, ...] = ()
    comparison: str = ""
    decisions: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()

    def having(self, **changes: Any) -> Case:
        """Return a Case with some fields changed."""
        return dataclasses.replace(self, **changes)

    def with_visit(self, index: int, **changes: Any) -> Case:
        """Return a Case with fields of one visit changed."""
        visits = list(self.visits)
        visits[index] = dataclasses.replace(visits[index], **changes)
        return self.having(visits=tuple(visits))

    def visit(self, index: int) -> Visit:
        """Return a visit by its place in time; raises BadArgument when there is none."""
        if not 0 <= index < len(self.visits):
            raise BadArgument(f"no visit {index}", advice=f"there are {len(self.visits)} visits")
        return self.visits[index]

    def require(self, name: str, verb: str) -> str:
        """Return the id in field `name`; raises Missing, naming the verb that makes it."""
        value: str = getattr(self, name)
        if not value:
            raise Missing(f"this case has no {name} yet", advice=f"run `{verb}` first")
        return value
