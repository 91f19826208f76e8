from typing import get_args

import numpy as np
import pytest

from organtwin.actions import ActionKind, action_kinds, effect_of
from organtwin.core.content import decode, encode
from organtwin.core.errors import BadArgument
from organtwin.core.scenario import Action
from solvers.contract import EventKind
from tests.phantoms import LIVER, ball, painted

LABELS = painted({LIVER: ball((0, 0, 0), 20)}, half_mm=(24, 24, 24), spacing_mm=(4, 4, 4))
KINDS = tuple(action_kinds().values())
EACH_ACTION = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


def example(kind: ActionKind) -> Action:
    """Plain arguments for any kind: vectors that differ, defaults, else the middle of the range."""
    values = {}
    for number, parameter in enumerate(kind.form):
        if parameter.name in kind.vectors:
            values[parameter.name] = (1.0, 2.0 + number * 10.0, 3.0)
        elif parameter.default is None:
            values[parameter.name] = float(round((parameter.low + parameter.high) / 2)) or 0.5
    return Action(kind.name, 12.0, values)


def test_that_the_six_planned_actions_are_there() -> None:
    assert {"wait", "resect", "ablate", "irradiate", "infuse", "position"} <= set(action_kinds())


@EACH_ACTION
def test_that_it_compiles_to_the_closed_handful_of_events(kind: ActionKind) -> None:
    assert {event.kind for event in effect_of(example(kind), LABELS).events} <= set(
        get_args(EventKind)
    )


@EACH_ACTION
def test_that_nothing_happens_before_its_day(kind: ActionKind) -> None:
    assert all(event.day >= 12.0 for event in effect_of(example(kind), LABELS).events)


@EACH_ACTION
def test_that_removing_comes_with_a_border_and_an_event(kind: ActionKind) -> None:
    effect = effect_of(example(kind), LABELS)
    removes = any(event.kind == "remove_region" for event in effect.events)
    assert removes == (effect.signed_distance_mm is not None) == bool(effect.contact)


@EACH_ACTION
def test_that_a_border_gives_one_finite_distance_per_point(kind: ActionKind) -> None:
    border = effect_of(example(kind), LABELS).signed_distance_mm
    if border is not None:
        assert np.isfinite(border(np.random.default_rng(1).normal(size=(7, 3)) * 50)).all()


@EACH_ACTION
def test_that_an_unknown_argument_is_refused(kind: ActionKind) -> None:
    with pytest.raises(BadArgument, match="takes no"):
        effect_of(Action(kind.name, 0.0, {"surprise": 1.0}), LABELS)


@EACH_ACTION
def test_that_a_day_that_is_no_number_is_refused(kind: ActionKind) -> None:
    with pytest.raises(BadArgument):
        effect_of(Action(kind.name, float("nan"), example(kind).arguments), LABELS)


@EACH_ACTION
def test_that_every_argument_names_unit_meaning_and_source(kind: ActionKind) -> None:
    assert all(p.unit and p.meaning and p.source for p in kind.form)


@EACH_ACTION
def test_that_the_checked_action_survives_being_kept(kind: ActionKind) -> None:
    action = kind.checked(example(kind))
    assert encode(decode(encode(action))) == encode(action)


def test_that_an_unknown_action_is_refused_naming_the_known() -> None:
    with pytest.raises(BadArgument, match="resect"):
        effect_of(Action("pray", 0.0), LABELS)
