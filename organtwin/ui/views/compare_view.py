"""CompareView: scenarios side by side in 3D, one camera for all."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from organtwin.ui.pieces import words
from organtwin.ui.scene import Scene
from organtwin.ui.views.organ_view import OrganView


class CompareView(QWidget):
    """One OrganView for each scene; turning one turns all."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("Ground")
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(2)
        self.views: list[OrganView] = []
        self._captions: list[tuple[QWidget, QLabel]] = []
        self._aimed = False

    def show_scenes(self, scenes: Sequence[Scene], captions: Sequence[str]) -> None:
        """Draw scenes with a caption each."""
        while len(self.views) < len(scenes):
            self._add_view()
        for number, view in enumerate(self.views):
            view.setVisible(number < len(scenes))
        for number, (frame, _) in enumerate(self._captions):
            frame.setVisible(number < len(scenes))
        for view, scene in zip(self.views, scenes, strict=False):
            view.show_scene(scene)
        for (_, label), caption in zip(self._captions, captions, strict=False):
            label.setText(caption)
        if self.views and scenes and not self._aimed:
            self._aimed = True
            self.views[0].reset_camera()

    def _add_view(self) -> None:
        number = len(self.views)
        view = OrganView(f"Scenario {number + 1} in 3D")
        view.empty_line = "Compare the scenarios to see them here"
        if self.views:
            view.share_camera(self.views[0])
        view.camera_moved.connect(lambda source=view: self._follow(source))
        caption = QWidget()
        caption.setObjectName("Bottom")
        column = QVBoxLayout(caption)
        column.setContentsMargins(12, 6, 12, 6)
        label = words("", "muted", wrap=True)
        column.addWidget(label)
        self._grid.addWidget(view, 0, number)
        self._grid.addWidget(caption, 1, number)
        self._grid.setRowStretch(0, 1)
        self._grid.setColumnStretch(number, 1)
        self.views.append(view)
        self._captions.append((caption, label))

    def _follow(self, source: OrganView) -> None:
        for view in self.views:
            if view is not source and view.isVisible():
                view.follow_camera()
