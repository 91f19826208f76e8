"""Densities of a prior and a posterior over one axis."""

from __future__ import annotations

from typing import override

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from organtwin.ui.theme import colour, font


def density(samples: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a Gaussian kernel density of samples (n,) at places (k,).

    Bandwidth: Silverman 1986, Density Estimation, eq. 3.31: 0.9 min(sd, IQR / 1.34) n^(-1/5).
    """
    spread = np.subtract(*np.quantile(samples, [0.75, 0.25])) / 1.34
    sd = float(np.std(samples))
    width = 0.9 * (min(sd, spread) if spread > 0 else sd) * len(samples) ** -0.2
    away = (at[:, None] - samples[None, :]) / max(width, 1e-12)
    result: NDArray[np.float64] = np.exp(-0.5 * away**2).mean(axis=1) / (
        max(width, 1e-12) * np.sqrt(2.0 * np.pi)
    )
    return result


class DensityPlot(QWidget):
    """Prior (grey) and posterior (accent) of one positive parameter, on a logarithmic axis."""

    def __init__(self, title: str, unit: str) -> None:
        super().__init__()
        self._title, self._unit = title, unit
        self._curves: list[tuple[str, NDArray[np.float64]]] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(f"Density of {title}")

    def sizeHint(self) -> QSize:
        """Return a preferred size."""
        return QSize(280, 92)

    def minimumSizeHint(self) -> QSize:
        """Return the least useful size."""
        return QSize(160, 92)

    def show_samples(
        self, prior: NDArray[np.float64], posterior: NDArray[np.float64] | None
    ) -> None:
        """Draw one or two sets of positive samples."""
        self._curves = [("muted", np.log10(prior))]
        if posterior is not None:
            self._curves.append(("accent", np.log10(posterior)))
        self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the curves over a logarithmic axis."""
        if not self._curves:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(4, 20, -4, -18)
        low = min(float(np.quantile(samples, 0.005)) for _, samples in self._curves)
        high = max(float(np.quantile(samples, 0.995)) for _, samples in self._curves)
        at = np.linspace(low, max(high, low + 1e-3), 160)
        curves = [(shade, density(samples, at)) for shade, samples in self._curves]
        top = max(float(curve.max()) for _, curve in curves)
        for shade, curve in curves:
            x = box.left() + (at - at[0]) / (at[-1] - at[0]) * box.width()
            y = box.bottom() - curve / top * box.height()
            points = [QPointF(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour(shade, 46))
            painter.drawPolygon(QPolygonF([box.bottomLeft(), *points, box.bottomRight()]))
            painter.setPen(QPen(colour(shade), 1.8))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPolyline(QPolygonF(points))
        painter.setPen(QPen(colour("line_strong"), 1))
        painter.drawLine(box.bottomLeft(), box.bottomRight())
        self._draw_words(painter, box, (float(at[0]), float(at[-1])))
        painter.end()

    def _head(self) -> str:
        return self._title if self._unit == "1" else f"{self._title}, {self._unit}"

    def _draw_words(self, painter: QPainter, box: QRectF, span: tuple[float, float]) -> None:
        painter.setFont(font(11, bold=True))
        painter.setPen(colour("text"))
        head = QRectF(box.left(), 0, box.width(), 16)
        painter.drawText(head, Qt.AlignmentFlag.AlignLeft, self._head())
        painter.setFont(font(11))
        painter.setPen(colour("muted"))
        foot = QRectF(box.left(), box.bottom() + 2, box.width(), 16)
        painter.drawText(foot, Qt.AlignmentFlag.AlignLeft, f"{10 ** span[0]:.2g}")
        painter.drawText(foot, Qt.AlignmentFlag.AlignRight, f"{10 ** span[1]:.2g}")
