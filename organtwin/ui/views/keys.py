"""Keys of a slice: everything the mouse does, from the keyboard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QKeyEvent

if TYPE_CHECKING:
    from organtwin.ui.views.slice_view import SliceView

TURN_DEG: Final = 2.0
HELP: Final = (
    "Arrow up and down scroll, Ctrl and arrows move the crosshair in the plane, plus and minus "
    "zoom, 0 resets, 1 to 9 choose a window, X hides and shows the crosshair, bracket keys turn "
    "oblique planes, Space sets a point of a measure at the crosshair, Enter ends it or gives the "
    "view the whole space, Delete removes the measure chosen; with a tool in hand 1 to 9 choose "
    "structures and bracket keys its size"
)
_KEY = Qt.Key
_STEPS: Final = {_KEY.Key_Up: 1, _KEY.Key_Down: -1, _KEY.Key_PageUp: 10, _KEY.Key_PageDown: -10}
_ZOOMS: Final = {_KEY.Key_Plus: 1.25, _KEY.Key_Equal: 1.25, _KEY.Key_Minus: 0.8}
_TURNS: Final = {_KEY.Key_BracketLeft: -TURN_DEG, _KEY.Key_BracketRight: TURN_DEG}
_NUDGES: Final = {
    _KEY.Key_Left: (-1.0, 0.0),
    _KEY.Key_Right: (1.0, 0.0),
    _KEY.Key_Up: (0.0, -1.0),
    _KEY.Key_Down: (0.0, 1.0),
}


def pressed(view: SliceView, event: QKeyEvent) -> bool:
    """Do what a key asks of a view; returns whether it meant anything."""
    key = Qt.Key(event.key())
    if view.viewing.hand is not None and view.viewing.hand.pressed(view, key):
        return True
    if event.modifiers() & Qt.KeyboardModifier.ControlModifier and key in _NUDGES:
        _nudge(view, np.array([*_NUDGES[key], 0.0]))
    elif key in _STEPS:
        view.step(_STEPS[key])
    elif key in _ZOOMS:
        view.zoom_at(QPointF(view.width() / 2, view.height() / 2), _ZOOMS[key])
    elif key in _TURNS:
        view.viewing.turn(view.plane, _TURNS[key])
    elif Qt.Key.Key_1 <= key <= Qt.Key.Key_9:
        view.viewing.choose_window(int(key) - int(Qt.Key.Key_1))
    elif key == Qt.Key.Key_X:
        view.viewing.set_crosshair(not view.viewing.crosshair)
    elif key == Qt.Key.Key_0:
        view.reset()
    else:
        return _measured(view, key)
    return True


def _measured(view: SliceView, key: Qt.Key) -> bool:
    measures = view.viewing.measures
    if key == Qt.Key.Key_Space and measures.tool is not None:
        view.set_point(view.frame().place_mm(_crosshair(view)))
    elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and measures.draft is not None:
        measures.finish()
    elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
        view.maximise_asked.emit()
    elif key == Qt.Key.Key_Escape and measures.tool is not None:
        measures.give_up()
    elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) and measures.chosen:
        measures.remove([measures.chosen])
    else:
        return False
    return True


def _nudge(view: SliceView, by: NDArray[np.float64]) -> None:
    """Move the crosshair in the plane by the shortest side of a voxel."""
    flat = _crosshair(view) + by * float(view.grid().spacing_mm.min())
    view.viewing.move_to(view.frame().place_mm(flat))


def _crosshair(view: SliceView) -> NDArray[np.float64]:
    """Return the crosshair in the frame's mm (3,), in the plane shown."""
    flat = view.frame().flat(view.viewing.cursor_mm)
    flat[2] = view.depth_mm()
    return flat
