"""Do nothing but look: the disease takes its course."""

from __future__ import annotations

from organtwin.actions import ActionKind, Effect
from organtwin.core.labelmap import LabelMap
from organtwin.core.scenario import Action


def _compile(action: Action, labels: LabelMap) -> Effect:
    del action, labels
    return Effect()


ACTION = ActionKind("wait", "Wait and see", form=(), compile=_compile)
