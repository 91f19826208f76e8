"""How many of a mesh's tetrahedra have which smallest angle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, override

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from organtwin.ui.theme import colour, font
from organtwin.ui.tips import tooltip

POOR_DEG: Final = 15.0
TICKS_DEG: Final = (0, 15, 30, 45, 60, 75)
FOOT: Final = 18
HEAD: Final = 16


class AngleHistogram(QWidget):
    """Bars on a logarithmic height, so that a single poor element shows; poor ones stand out."""

    def __init__(self) -> None:
        super().__init__()
        self._counts: tuple[int, ...] = ()
        self._step_deg = 5.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Histogram of smallest dihedral angles")

    def sizeHint(self) -> QSize:
        """Return a preferred size."""
        return QSize(280, 112)

    def minimumSizeHint(self) -> QSize:
        """Return the least useful size."""
        return QSize(160, 112)

    def show_counts(self, counts: Sequence[int], step_deg: float = 5.0) -> None:
        """Draw counts of tetrahedra in steps of an angle from 0° on."""
        self._counts, self._step_deg = tuple(counts), step_deg
        rows = [
            f"{n * step_deg:.0f} to {(n + 1) * step_deg:.0f}°: {_many(count)}"
            for n, count in enumerate(counts)
        ]
        self.setToolTip(tooltip("\n".join(rows)))
        self.setAccessibleDescription("; ".join(rows))
        self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw bars, an axis in degrees and the number of poor elements."""
        if not self._counts or not max(self._counts):
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(10, HEAD, -10, -FOOT)
        heights = np.log10(1.0 + np.array(self._counts, dtype=float))
        heights *= box.height() / heights.max()
        width = box.width() / len(self._counts)
        poor = 0
        painter.setPen(Qt.PenStyle.NoPen)
        for n, (count, height) in enumerate(zip(self._counts, heights.tolist(), strict=True)):
            bad = (n + 1) * self._step_deg <= POOR_DEG
            poor += count if bad else 0
            painter.setBrush(colour("warn" if bad else "accent", 220 if bad else 150))
            painter.drawRect(
                QRectF(box.left() + n * width + 1, box.bottom() - height, width - 2, height)
            )
        self._draw_axis(painter, box)
        painter.setPen(colour("warn" if poor else "muted"))
        painter.setFont(font(11))
        said = f"{_many(poor)} below {POOR_DEG:.0f}°"
        painter.drawText(QRectF(self.rect()).adjusted(10, 0, -10, 0), Qt.AlignmentFlag.AlignLeft,
                         said)  # fmt: skip
        painter.setPen(colour("muted"))
        painter.drawText(QRectF(self.rect()).adjusted(10, 0, -10, 0), Qt.AlignmentFlag.AlignRight,
                         "logarithmic height")  # fmt: skip

    def _draw_axis(self, painter: QPainter, box: QRectF) -> None:
        span = self._step_deg * len(self._counts)
        painter.setPen(QPen(colour("muted"), 1.0))
        painter.drawLine(box.bottomLeft(), box.bottomRight())
        painter.setFont(font(11))
        for tick in TICKS_DEG:
            x = box.left() + box.width() * min(tick / span, 1.0)
            painter.drawLine(QPointF(x, box.bottom()), QPointF(x, box.bottom() + 3))
            painter.drawText(
                QRectF(x - 20, box.bottom() + 3, 40, 14), Qt.AlignmentFlag.AlignCenter, f"{tick}°"
            )


def _many(count: int) -> str:
    return f"{count:,}".replace(",", " ")
