"""Timeline: visits, what they showed, what was forecast, and how well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, override

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from organtwin.core.twin import Forecast
from organtwin.ui.theme import colour, font
from organtwin.ui.views.tracks import Stop, Track

NORMAL_90: Final = 1.6449
"""Half-width of the central 90 % interval of a normal, in standard deviations."""


class Timeline(QWidget):
    """Volumes over days. A click on a visit chooses it; left and right do so from the keyboard."""

    visit_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Timeline of visits, updates and forecasts")
        self.setAccessibleDescription("Left and right choose a visit")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMouseTracking(True)
        self.tracks: tuple[Track, ...] = ()
        self.stops: tuple[Stop, ...] = ()
        self.chosen = 0
        self._days = (0.0, 180.0)
        self._top = 10.0

    def sizeHint(self) -> QSize:
        """Return a preferred size."""
        return QSize(600, 160)

    def minimumSizeHint(self) -> QSize:
        """Return the least useful size."""
        return QSize(240, 96)

    def show_tracks(self, stops: Sequence[Stop], tracks: Sequence[Track]) -> None:
        """Draw visits and tracks."""
        self.stops, self.tracks = tuple(stops), tuple(tracks)
        days = [stop.day for stop in stops]
        tops, ahead = [1.0], [0.0]
        for track in tracks:
            days += [o.day for o in track.observations] + [f.day for f in track.forecasts]
            tops += [o.volume_ml * 1.25 for o in track.observations]
            newest = max((f.made_on_day for f in track.forecasts), default=0.0)
            ahead += [f.bounds_ml()[2] for f in track.forecasts if f.made_on_day == newest]
        self._days = (0.0, max(max(days, default=0.0) * 1.06, 30.0))
        self._top = max(max(tops), min(max(ahead), 3.0 * max(tops))) * 1.08
        self.update()

    def choose(self, index: int) -> None:
        """Mark one visit without telling."""
        self.chosen = index
        self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw everything."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not self.stops:
            painter.setPen(colour("muted"))
            painter.setFont(font(12))
            painter.drawText(
                self.rect(), Qt.AlignmentFlag.AlignCenter, "Visits appear here once imported"
            )
        else:
            self._draw_axes(painter)
            painter.save()
            painter.setClipRect(self._plot().adjusted(-8, -2, 8, 2))
            for track in self.tracks:
                self._draw_forecasts(painter, track)
            for track in self.tracks:
                self._draw_observations(painter, track)
            painter.restore()
            self._draw_stops(painter)
            self._draw_key(painter)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(colour("accent"), 1))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the visit under the pointer."""
        stop = self._stop_at(event.position())
        if stop is not None:
            self._choose(stop.index)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Choose the visit before or after."""
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
        elif 0 <= self.chosen + step < len(self.stops):
            self._choose(self.chosen + step)

    def event(self, event: object) -> bool:
        """Say what lies under the pointer."""
        if isinstance(event, QHelpEvent) and event.type() == QHelpEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self._told(QPointF(event.pos())), self)
            return True
        return bool(super().event(event))  # type: ignore[arg-type]

    def _choose(self, index: int) -> None:
        self.chosen = index
        self.update()
        self.visit_chosen.emit(index)

    def _plot(self) -> QRectF:
        return QRectF(self.rect()).adjusted(56, 14, -172, -34)

    def _x(self, day: float) -> float:
        box = self._plot()
        first, last = self._days
        return box.left() + (day - first) / (last - first) * box.width()

    def _y(self, volume_ml: float) -> float:
        box = self._plot()
        return box.bottom() - volume_ml / self._top * box.height()

    def _stop_at(self, point: QPointF) -> Stop | None:
        near = [s for s in self.stops if abs(self._x(s.day) - point.x()) < 16]
        return min(near, key=lambda s: abs(self._x(s.day) - point.x())) if near else None

    def _told(self, point: QPointF) -> str:
        stop = self._stop_at(point)
        lines = []
        if stop is not None:
            lines.append(f"Visit at day {stop.day:g}: " + ("seen" if stop.seen else "not yet seen"))
        for track in self.tracks:
            for observed in track.observations:
                if abs(self._x(observed.day) - point.x()) < 10:
                    noise = f"± {100 * NORMAL_90 * observed.relative_sd:.0f} % (90 %)"
                    lines.append(f"{track.structure}: {observed.volume_ml:.1f} mL {noise}")
            for forecast in track.forecasts:
                if abs(self._x(forecast.day) - point.x()) < 10:
                    low, median, high = forecast.bounds_ml()
                    lines.append(
                        f"{track.structure}, forecast on day {forecast.made_on_day:g}: "
                        f"{median:.1f} mL, {forecast.level:.0%} in {low:.1f} to {high:.1f}"
                    )
        return "\n".join(lines)

    def _draw_axes(self, painter: QPainter) -> None:
        box = self._plot()
        painter.setFont(font(11))
        if not self.tracks:
            painter.setPen(colour("muted"))
            hint = "Measured and forecast volumes appear here once the belief is set"
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, hint)
            return
        step = _nice(self._top / 4.5)
        value = 0.0
        while value <= self._top:
            y = self._y(value)
            painter.setPen(QPen(colour("line"), 1))
            painter.drawLine(QPointF(box.left(), y), QPointF(box.right(), y))
            painter.setPen(colour("muted"))
            where = QRectF(0, y - 8, box.left() - 8, 16)
            text = f"{value:g} mL" if value else "0"
            painter.drawText(
                where, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text
            )
            value += step

    def _draw_stops(self, painter: QPainter) -> None:
        box = self._plot()
        painter.setFont(font(11))
        for stop in self.stops:
            x, y = self._x(stop.day), box.bottom() + 10
            chosen = stop.index == self.chosen
            painter.setPen(
                QPen(colour("accent" if chosen else "line_strong"), 1, Qt.PenStyle.DotLine)
            )
            painter.drawLine(QPointF(x, box.top()), QPointF(x, box.bottom()))
            painter.setPen(QPen(colour("accent" if chosen else "muted"), 1.6))
            painter.setBrush(
                colour("accent" if chosen else "muted") if stop.seen else colour("panel")
            )
            painter.drawEllipse(QPointF(x, y), 4.5, 4.5)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(colour("accent" if chosen else "muted"))
            where = QRectF(x - 40, y + 6, 80, 16)
            painter.drawText(where, Qt.AlignmentFlag.AlignCenter, f"day {stop.day:g}")

    def _draw_forecasts(self, painter: QPainter, track: Track) -> None:
        """Draw the newest forecast as a band, an older one where it met the next visit."""
        shade = _shade(track)
        newest = max((f.made_on_day for f in track.forecasts), default=0.0)
        judged = {(score.made_on_day, score.day) for score in track.last_scores()}
        for forecast in track.forecasts:
            key = (forecast.made_on_day, forecast.day)
            if forecast.made_on_day < newest and key in judged:
                shift = -6.0 - 5.0 * self.tracks.index(track)
                self._draw_bar(painter, forecast, shade, shift=shift)
        ahead = sorted((f for f in track.forecasts if f.made_on_day == newest), key=lambda f: f.day)
        start = {o.day: o.volume_ml for o in track.observations}
        if not ahead:
            return
        origin = start.get(newest, ahead[0].bounds_ml()[1])
        points = [(newest, (origin, origin, origin))] + [(f.day, f.bounds_ml()) for f in ahead]
        upper = [QPointF(self._x(day), self._y(b[2])) for day, b in points]
        lower = [QPointF(self._x(day), self._y(b[0])) for day, b in points]
        fill = QColor(shade)
        fill.setAlpha(44)
        band = QPainterPath()
        band.addPolygon(QPolygonF([*upper, *reversed(lower)]))
        painter.fillPath(band, fill)
        fill.setAlpha(190)
        painter.setPen(QPen(fill, 1.6, Qt.PenStyle.DashLine))
        painter.drawPolyline(QPolygonF([QPointF(self._x(d), self._y(b[1])) for d, b in points]))
        for forecast in ahead:
            self._draw_bar(painter, forecast, shade)

    def _draw_bar(
        self, painter: QPainter, forecast: Forecast, shade: QColor, *, shift: float = 0.0
    ) -> None:
        low, median, high = forecast.bounds_ml()
        x = self._x(forecast.day) + shift
        faded = QColor(shade)
        faded.setAlpha(170)
        painter.setPen(QPen(faded, 1.4))
        painter.drawLine(QPointF(x, self._y(low)), QPointF(x, self._y(high)))
        for value, half in ((low, 4), (median, 2.5), (high, 4)):
            painter.drawLine(QPointF(x - half, self._y(value)), QPointF(x + half, self._y(value)))

    def _draw_observations(self, painter: QPainter, track: Track) -> None:
        shade = _shade(track)
        covered = {score.day: score.covered for score in track.last_scores()}
        observed = sorted(track.observations, key=lambda o: o.day)
        painter.setPen(QPen(shade, 2))
        line = [QPointF(self._x(o.day), self._y(o.volume_ml)) for o in observed]
        if len(line) > 1:
            painter.drawPolyline(QPolygonF(line))
        for observation, place in zip(observed, line, strict=True):
            spread = np.exp(np.array([-1, 1]) * NORMAL_90 * observation.relative_sd)
            low, high = (observation.volume_ml * spread).tolist()
            painter.setPen(QPen(shade, 2))
            painter.drawLine(QPointF(place.x(), self._y(low)), QPointF(place.x(), self._y(high)))
            painter.setPen(QPen(colour("panel"), 1.5))
            painter.setBrush(shade)
            painter.drawEllipse(place, 4.5, 4.5)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            if observation.day in covered:
                hit = covered[observation.day]
                painter.setFont(font(12, bold=True))
                painter.setPen(colour("good" if hit else "bad"))
                painter.drawText(place + QPointF(8, -4), "✓" if hit else "✗")

    def _draw_key(self, painter: QPainter) -> None:
        box = self._plot()
        x, y = box.right() + 24, box.top() + 4
        painter.setFont(font(11))
        for track in self.tracks:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(_shade(track))
            painter.drawEllipse(QPointF(x + 5, y + 5), 4.5, 4.5)
            painter.setPen(colour("text"))
            painter.drawText(QPointF(x + 18, y + 9), track.structure)
            y += 18
        if any(track.forecasts for track in self.tracks):
            grey = colour("muted")
            grey.setAlpha(70)
            painter.fillRect(QRectF(x, y, 11, 11), grey)
            painter.setPen(colour("muted"))
            painter.drawText(QPointF(x + 18, y + 9), "forecast, 90 %")
            y += 18
        if any(track.observations for track in self.tracks):
            painter.setPen(QPen(colour("muted"), 2))
            painter.drawLine(QPointF(x + 5, y), QPointF(x + 5, y + 11))
            painter.setPen(colour("muted"))
            painter.drawText(QPointF(x + 18, y + 9), "measured, 90 %")
        painter.setBrush(Qt.BrushStyle.NoBrush)


def _shade(track: Track) -> QColor:
    return QColor.fromRgbF(*track.colour)


def _nice(step: float) -> float:
    """Return 1, 2, 2.5 or 5 times a power of ten, near `step`."""
    power = 10.0 ** np.floor(np.log10(max(step, 1e-6)))
    return float(next(f * power for f in (1.0, 2.0, 2.5, 5.0, 10.0) if f * power >= step))
