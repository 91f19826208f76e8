"""Label the organ, its vessels and its tumours: one method a file, found by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

from organtwin.core.errors import BadArgument
from organtwin.core.labelmap import LabelMap
from organtwin.core.registry import chosen, registered
from organtwin.core.volume import Volume
from organtwin.core.watch import Watch
from organtwin.organs import Organ
from organtwin.segmenting.naming import require_names
from organtwin.segmenting.remarks import Remark, remarks_on
from organtwin.segmenting.seeds import BACKGROUND, Point, Seeds
from solvers.contract import ContractError, Parameter


@dataclass(frozen=True)
class Request:
    """What a method is asked.

    Args:
        volume: the image.
        organ: whose structures and codes are meant.
        seeds: what a person pointed at.
        labels: labels so far on the volume's grid, which a method adds to, or None.
        settings: numbers of the method by name; `Method.labelled` fills in what is not said.
        note: told what the journal has to say of this one use, such as what a server was sent;
            each remark too, as a line.
        remark: told what of the answer a person should look at.
    """

    volume: Volume
    organ: Organ
    seeds: Seeds = field(default_factory=Seeds)
    labels: LabelMap | None = None
    settings: Mapping[str, float] = field(default_factory=dict)
    note: Callable[[str], object] = bool
    remark: Callable[[Remark], object] = bool

    def look(self, remark: Remark) -> None:
        """Tell a remark."""
        self.remark(remark)
        self.note(str(remark))


Segment = Callable[[Request, Watch], LabelMap]


@dataclass(frozen=True)
class Method:
    """A way to label an image.

    Args:
        name: as said on the command line ("liver-ct").
        title: one line for a person.
        kind: "automatic" needs no seeds; "seeded" does.
        segment: (request, watch) → labels on the volume's grid. Raises BadArgument for an image or
            seeds it cannot use, EmptyLabel when the structure is not to be found, Stopped when
            asked to stop.
        settings: its numbers, each with unit, bounds, source and default.
        modality: the only one that it can label ("CT", values in HU), "" for any.
        made_by: what the journal has to say of it beside its name, such as a model's SHA-256.
    """

    name: str
    title: str
    kind: Literal["automatic", "seeded"]
    segment: Segment
    settings: tuple[Parameter, ...] = ()
    modality: str = ""
    made_by: str = ""

    def labelled(self, request: Request, watch: Watch) -> LabelMap:
        """Return labels on the volume's grid, having told remarks; raises as `segment` does.

        Raises:
            BadArgument: also for a setting that the method does not have, that is out of bounds, or
                that has no default and was not said, and for a name that is none.
        """
        require_names(request.seeds.every_name, request.organ, request.labels)
        asked = replace(request, settings=self.settings_used(request.settings))
        made = with_empty(self.segment(asked, watch), request.labels)
        for one in remarks_on(made, request.volume, request.labels):
            asked.look(one)
        return made

    def settings_used(self, said: Mapping[str, float]) -> Mapping[str, float]:
        """Return every setting with the value it has where `said` are; raises BadArgument."""
        known = {parameter.name: parameter for parameter in self.settings}
        if unknown := [name for name in said if name not in known]:
            raise BadArgument(
                f"{self.name} has no setting {', '.join(unknown)}",
                where="settings",
                advice="there are: " + (", ".join(known) or "none"),
            )
        values = {}
        for name, parameter in known.items():
            value = said.get(name, parameter.default)
            if value is None:
                raise BadArgument(f"{self.name} needs {name} ({parameter.unit})", where="settings")
            try:
                values[name] = parameter.checked(value)
            except ContractError as error:
                raise BadArgument(str(error), where="settings") from error
        return MappingProxyType(values)


def with_empty(made: LabelMap, so_far: LabelMap | None) -> LabelMap:
    """Return labels with the structures so far that a person has added, but nothing is in yet."""
    if so_far is None:
        return made
    names, values = {s.name for s in made.structures}, {s.label for s in made.structures}
    unknown = (s for s in so_far.structures if s.name not in names and s.label not in values)
    more = tuple(s for s in unknown if so_far.volume_ml(s.name) == 0)
    return replace(made, structures=made.structures + more) if more else made


def methods(*, whole: bool = False) -> Mapping[str, Method]:
    """Return every method by name, those of models here and on servers among them.

    Args:
        whole: only models whose network is the one that its page names; for a list to choose from.
            A model is checked before each use anyway.
    """
    import organtwin.segmenting as package
    from organtwin.segmenting.neural import neural_methods
    from organtwin.segmenting.served import served_methods

    found = registered(package, "METHOD")
    return MappingProxyType({**found, **neural_methods(whole=whole), **served_methods()})


def method(name: str) -> Method:
    """Return one method; raises BadArgument naming the ones there are."""
    found: Method = chosen(methods(), name, "segmentation method")
    return found


__all__ = [
    "BACKGROUND",
    "Method",
    "Point",
    "Remark",
    "Request",
    "Seeds",
    "Segment",
    "method",
    "methods",
]
