"""Watch: tell progress, ask to stop."""

from __future__ import annotations

from collections.abc import Callable

from organtwin.core.errors import Stopped


def _silent(fraction: float, message: str) -> None:
    """Tell nobody."""


class Watch:
    """Handed to every step that takes time.

    Args:
        tell: called with a fraction in [0, 1] and one line for a person.
        asked_to_stop: returns True once somebody wants the step to end.
    """

    def __init__(
        self,
        tell: Callable[[float, str], None] = _silent,
        asked_to_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._tell = tell
        self.asked_to_stop = asked_to_stop

    def tell(self, fraction: float, message: str) -> None:
        """Say how far the step is; raises Stopped when somebody asked to stop."""
        if self.asked_to_stop():
            raise Stopped("stopped on request", where=message)
        self._tell(min(max(fraction, 0.0), 1.0), message)

    def part(self, start: float, end: float) -> Watch:
        """Return a Watch whose 0..1 is `start`..`end` of this one."""
        return Watch(lambda f, m: self._tell(start + f * (end - start), m), self.asked_to_stop)
