"""Pairing: a second visit beside or over the one shown, and what links the two."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from organtwin.core.errors import BadArgument, Missing
from organtwin.core.labelmap import LabelMap
from organtwin.core.volume import Volume
from organtwin.ui.showing import Showing
from organtwin.ui.viewing import Viewing
from organtwin.ui.views.blending import Blend
from organtwin.ui.views.framing import Frame
from organtwin.ui.views.linking import Link, link
from organtwin.ui.windows import windows_of

Mode = Literal["off", "beside", "blended"]
FLICKER_MS = 600


class Pairing(QObject):
    """The second visit with a Viewing of its own.

    Crosshair, planes and slab of the two follow each other through the link; the window does
    where both images have the same unit and it is not an arbitrary one ("1").

    Signals:
        changed: mode, visit, link or look are others.
    """

    changed = Signal()

    def __init__(self, showing: Showing, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.showing = showing
        self.first = showing.viewing
        self.second = Viewing(self.first.measures, parent=self)
        self.mode: Mode = "off"
        self.visit = -1
        self.link: Link | None = None
        self.said, self.advice = "", ""
        self.blend: Blend | None = None
        self._opacity, self._swipe = 0.5, False
        self._following = False
        self._seen: tuple[object, object] = (None, None)
        self._turn = False
        self._flicker = QTimer(self, interval=FLICKER_MS)
        self._flicker.timeout.connect(self._turn_over)
        self.first.moved.connect(lambda: self._follow(self.first))
        self.second.moved.connect(lambda: self._follow(self.second))
        self.first.changed.connect(lambda: self._follow_look(self.first))
        self.second.changed.connect(lambda: self._follow_look(self.second))
        showing.visit_shown.connect(self._fetch)

    @property
    def others(self) -> tuple[int, ...]:
        """The visits that can be put beside the one shown."""
        count = len(self.showing.session.case.visits)
        return tuple(n for n in range(count) if n != self.showing.visit)

    def name_of(self, visit: int) -> str:
        """Return the day and date of a visit."""
        there = self.showing.session.case.visits[visit]
        date = there.acquired.isoformat() if there.acquired else "no date"
        return f"Day {there.day:g}  ·  {date}" + (", held" if there.held else "")

    @property
    def flickers(self) -> bool:
        """Whether the two images take turns."""
        return self._flicker.isActive()

    @property
    def swipes(self) -> bool:
        """Whether the second image lies right of a line only."""
        return self._swipe

    def choose(self, mode: Mode) -> None:
        """Show the second visit beside the first, over it, or not at all."""
        self.mode = mode if self.others else "off"
        self._flicker.stop()
        self._fetch()

    def choose_visit(self, visit: int) -> None:
        """Take another second visit."""
        self.visit = visit
        self._fetch()

    def set_opacity(self, opacity: float) -> None:
        """Choose how much of the second image is seen, 0..1."""
        self._opacity = opacity
        self._flicker.stop()
        self._dress()

    def set_swipe(self, on: bool) -> None:
        """Show the second image right of a line only, or everywhere; opacity moves the line."""
        self._swipe = on
        self._dress()

    def set_flicker(self, on: bool) -> None:
        """Let the two images take turns."""
        if on and self.blend is not None:
            self._flicker.start()
        else:
            self._flicker.stop()
        self._dress()

    # -- the second visit -----------------------------------------------------------------------

    def _fetch(self) -> None:
        """Bring the second visit into memory, then show it."""
        if self.visit not in self.others:
            self.visit = next((n for n in self.others if n > self.showing.visit), -1)
            self.visit = self.visit if self.visit >= 0 else next(iter(self.others), -1)
        if self.visit < 0 or self.mode == "off":
            self._clear()
            return
        visits = self.showing.session.case.visits
        pair = (visits[self.visit], visits[self.showing.visit])
        wanted = [pair[0].volume, pair[0].labels, *(visit.registration for visit in pair)]
        self.showing.session.fetch([name for name in wanted if name], self._show)

    def _clear(self) -> None:
        self.mode, self.link, self.blend, self.said = "off", None, None, ""
        self.second.show_image(None)
        self.second.show_labels(None)
        self.changed.emit()

    def _show(self) -> None:
        session = self.showing.session
        visits = session.case.visits
        if self.mode == "off" or self.visit not in self.others or not visits[self.visit].volume:
            self._clear()
            return
        visit, get = visits[self.visit], session.get
        volume: Volume = get(visit.volume)
        labels: LabelMap | None = get(visit.labels) if visit.labels else None
        self._following = True
        self.second.show_image(volume, windows_of(self.showing.organ, volume))
        self.second.show_labels(labels)
        self._following = False
        try:
            self.link = link(visits, self.showing.visit, self.visit, get)
            self.said, self.advice = self.link.how, ""
        except Missing as error:
            self.link = None
            start = "Not blended" if self.mode == "blended" else "Not linked"
            self.said, self.advice = f"{start}: {error.what}", error.advice
        self.blend = None
        if self.mode == "blended" and self.link is not None:
            self.blend = Blend(volume, self.link, self.second.window)
        self._seen = (self, self)
        self._follow_look(self.first)
        self._follow(self.first)
        self._dress()

    def _dress(self) -> None:
        if self.blend is not None:
            swipes = self._swipe and not self.flickers
            self.blend.opacity = float(self._turn) if self.flickers else self._opacity
            self.blend.swipe = 1.0 - self._opacity if swipes else None
            self.blend.window = self.second.window
        self.changed.emit()

    def _turn_over(self) -> None:
        if self.visit not in self.others:  # the case was closed
            self._flicker.stop()
            return
        self._turn = not self._turn
        self._dress()

    # -- following each other -------------------------------------------------------------------

    def _towards(self, source: Viewing) -> tuple[Viewing, Link | None]:
        if source is self.first:
            return self.second, self.link
        return self.first, self.link.reversed() if self.link is not None else None

    def _guarded(self, follow: Callable[[], None]) -> None:
        if self._following or self.mode == "off" or self.second.volume is None:
            return
        self._following = True
        try:
            follow()
        except BadArgument:
            self.said = "Not linked here: the registration cannot be inverted at the crosshair"
            self.changed.emit()
        finally:
            self._following = False

    def _follow(self, source: Viewing) -> None:
        other, way = self._towards(source)
        if way is not None:
            self._guarded(lambda: other.move_to(way.there(np.asarray(source.cursor_mm))))

    def _follow_look(self, source: Viewing) -> None:
        self._guarded(lambda: self._take_look(source))
        if self.blend is not None and self.blend.window != self.second.window:
            self._dress()

    def _take_look(self, source: Viewing) -> None:
        other, way = self._towards(source)
        if source.unit == other.unit and source.unit != "1" and source.window != other.window:
            other.set_window(*source.window)
        if (source.hidden, source.fill) != (other.hidden, other.fill):
            other.set_hidden(source.hidden)
            other.set_fill(source.fill)
        if source.slab != other.slab:
            other.set_slab(source.slab)
        seen = self._seen[0 if source is self.first else 1]
        if way is not None and source.oblique is not seen:
            frames = None
            if source.oblique is not None:
                frames = {plane: _carried(frame, way) for plane, frame in source.oblique.items()}
            other.set_frames(frames)
            self._seen = (self.first.oblique, self.second.oblique)


def _carried(frame: Frame, way: Link) -> Frame:
    """Return a frame as it lies in the other visit: turned rigidly, its centre followed."""
    return Frame(way.rotation @ frame.axes, way.there(frame.centre_mm), frame.extent_mm)
