"""What a tool is, and how it is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from organtwin.core.canvas import Canvas
from organtwin.core.change import Change
from organtwin.core.labelmap import Structure
from organtwin.core.volume import Volume
from organtwin.editing.asking import Asked, Drawn, Form, asked_of
from organtwin.editing.ground import Ground
from organtwin.editing.settling import Sheets, Turn, change_of, settled
from solvers.contract import Parameter


@dataclass(frozen=True)
class Redrawn:
    """What a tool changed by itself, where turns cannot say it: new structures, many at once."""

    sheets: tuple[Sheets, ...]
    structures: tuple[Structure, ...]


Draw = Callable[[Ground, Asked], Sequence[Turn] | Redrawn]


@dataclass(frozen=True)
class Edit:
    """A tool.

    Args:
        name: as the journal and the command line say it ("paint").
        title: one line for a person.
        draw: (ground, what is asked) → what structures gain and lose; it changes nothing itself.
            Raises BadArgument for what it cannot do, EmptyLabel for a structure without voxels.
        form: what it takes.
        quick: whether it takes milliseconds whatever the structure, so that the window may wait.
    """

    name: str
    title: str
    draw: Draw
    form: Form = field(default_factory=Form)
    quick: bool = False

    @property
    def settings(self) -> tuple[Parameter, ...]:
        """Its numbers."""
        return self.form.settings

    @property
    def drawn(self) -> Drawn:
        """What is drawn for it."""
        return self.form.drawn


def changed_by(
    one: Edit, canvas: Canvas, volume: Volume | None, arguments: Mapping[str, Any]
) -> Change | None:
    """Return what a gesture does to the labels on a canvas, None for nothing; nothing is changed.

    Args:
        volume: the image, needed where values matter.

    Raises:
        BadArgument: what is asked cannot be done.
        EmptyLabel: the structure has no voxels, and the tool needs some.
    """
    ground = Ground(canvas, volume)
    asked = asked_of(one.form, arguments, canvas.labels)
    drawn = one.draw(ground, asked)
    if isinstance(drawn, Redrawn):
        return change_of(canvas, drawn.sheets, drawn.structures)
    return change_of(canvas, (s for turn in drawn for s in settled(ground, asked, turn)))
