"""Skins: smooth surfaces of labels, made in a process of their own and kept for the 3D view."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from organtwin.core.labelmap import LabelMap, Structure
from organtwin.ui.scene import Layer, Scene
from organtwin.ui.session import Session

ORGAN_OPACITY: Final = 0.42
KEPT_SURFACES: Final = 8
REST_MS: Final = 1500
"""After a gesture so long without another, surfaces are made anew."""
Surface = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]
"""Points (n, 3) LPS mm, triangles (f, 3), normals (n, 3)."""
Surfaces = Mapping[str, Surface]


class Skins(QObject):
    """Surfaces by the id of the labels; until those of edited labels are made, the last serve.

    Signals:
        changed: surfaces came that were asked for.
    """

    changed = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._surfaces: dict[str, Surfaces] = {}
        self._layers: dict[tuple[str, Structure], Layer] = {}
        self._asked: set[str] = set()
        self._instead: dict[str, str] = {}
        self._made: dict[str, Path] = {}
        self._edited = ""
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self._make_edited)

    def want(self, labels_id: str) -> None:
        """See to it that surfaces come."""
        if not labels_id or labels_id in self._surfaces or labels_id in self._asked:
            return
        if labels_id != self._edited:
            self._ask(labels_id)

    def edited(self, before: str, after: str) -> None:
        """Say that labels were edited: surfaces of what they were serve until the hand rests."""
        if after == before:
            return
        if before in self._surfaces:
            self._instead[after] = before
        elif before in self._instead:
            self._instead[after] = self._instead[before]
        self._edited = after
        self._rest.start()

    def scene(self, labels_id: str, labels: LabelMap, hidden: frozenset[str]) -> Scene:
        """Return the visible structures as layers, solid ones first; empty until surfaces are."""
        made = labels_id if labels_id in self._surfaces else self._instead.get(labels_id, "")
        surfaces = self._surfaces.get(made, {})
        layers = [
            self._layer(made, structure, surfaces[structure.name])
            for structure in labels.structures
            if structure.name in surfaces and structure.name not in hidden
        ]
        return Scene(tuple(sorted(layers, key=lambda layer: layer.opacity < 1.0)))

    def _layer(self, made: str, structure: Structure, surface: Surface) -> Layer:
        key = (made, structure)
        if key not in self._layers:
            points, triangles, normals = surface
            opacity = ORGAN_OPACITY if structure.kind == "organ" else 1.0
            name = f"{made[:12]}/{structure.name}"
            self._layers[key] = Layer(
                name, points, triangles, structure.colour, opacity, normals=normals
            )
        return self._layers[key]

    def _make_edited(self) -> None:
        edited, self._edited = self._edited, ""
        if self._asked:  # one at a time: the hand is faster than surfaces are
            self._edited = edited
            self._rest.start()
        elif any(visit.labels == edited for visit in self._session.case.visits):
            self.want(edited)

    def _ask(self, labels_id: str) -> None:
        folder = self._session.folder
        out = folder.jobs / f"surfaces-2-{labels_id[:32]}.npz"
        if out.exists():
            self._take(labels_id, out)
            return
        self._asked.add(labels_id)
        child = self._session.ask(
            "surfaces",
            {"objects": str(folder.objects.root), "labels": labels_id, "out": str(out)},
            lambda answer: self._take(labels_id, Path(answer["out"])),
        )
        child.ended.connect(lambda answer, *_: self._over(labels_id, failed="error" in answer))

    def _over(self, labels_id: str, *, failed: bool) -> None:
        """Ask no more for what cannot be made."""
        self._asked.discard(labels_id)
        if failed:
            self._surfaces.setdefault(labels_id, {})

    def _take(self, labels_id: str, path: Path) -> None:
        self._asked.discard(labels_id)
        found: dict[str, Surface] = {}
        with np.load(path) as arrays:
            for key in arrays.files:
                name, _, part = key.rpartition("/")
                if part == "points":
                    found[name] = (
                        arrays[key],
                        arrays[f"{name}/triangles"],
                        arrays[f"{name}/normals"],
                    )
        self._surfaces[labels_id] = found
        self._forget(labels_id, path)
        self.changed.emit()

    def _forget(self, labels_id: str, path: Path) -> None:
        """Let go of old surfaces, and of the file of those that a gesture took the place of."""
        before = self._made.pop(self._instead.pop(labels_id, ""), None)
        if before is not None:
            before.unlink(missing_ok=True)
        self._made[labels_id] = path
        while len(self._surfaces) > KEPT_SURFACES:
            gone = next(iter(self._surfaces))
            self._surfaces.pop(gone)
            self._instead = {k: v for k, v in self._instead.items() if v != gone}
            self._layers.clear()
