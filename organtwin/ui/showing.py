"""Showing: turns the Case into what the views draw; pages add to it, views only draw it."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from organtwin.core.case import Case, Visit
from organtwin.core.errors import OrganTwinError
from organtwin.core.labelmap import LabelMap
from organtwin.core.observation import Observation
from organtwin.organs import Organ, organ
from organtwin.ui.easel import Easel
from organtwin.ui.fetch import large
from organtwin.ui.reviewing import Reviewing
from organtwin.ui.scene import Scene
from organtwin.ui.session import Session
from organtwin.ui.shortening import Shortening
from organtwin.ui.skins import Skins
from organtwin.ui.trouble import Trouble
from organtwin.ui.viewing import Viewing
from organtwin.ui.views.linking import link
from organtwin.ui.views.tracks import Stop, Track
from organtwin.ui.windows import windows_of

KEPT_ONLY: Final = "3D: labels as kept, the preview is in the slices only"
LOOKED_AT: Final = 4_000_000


class Showing(QObject):
    """The chosen visit, its image, labels and surfaces.

    Signals:
        scene_changed: the 3D scene is another one.
        visit_changed: another visit was chosen.
        visit_shown: the case was followed; the chosen visit is on screen.
        quantities_asked: the numbers of the visit shown shall be seen.
        grips_changed: a page shows grips of a plane in 3D (point and normal, LPS mm), or none.
        plane_dragged: somebody drags them: point (3,) and normal (3,).
    """

    scene_changed = Signal()
    visit_changed = Signal(int)
    visit_shown = Signal()
    quantities_asked = Signal()
    grips_changed = Signal(object, object)
    plane_dragged = Signal(object, object)

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.viewing = Viewing(parent=self)
        self.easel = Easel(session, self)
        self.skins = Skins(session, self)
        self.reviewing = Reviewing(session, self.easel, self)
        self.shortening = Shortening(session, self)
        self.visit = 0
        self._shown: tuple[str, str] = ("", "")
        self._shown_visit = 0
        self._extra = Scene()
        self._without: frozenset[str] = frozenset()
        session.foresee = self.needs
        session.case_changed.connect(self.follow_case)
        self.viewing.hidden_changed.connect(self.scene_changed)
        self.skins.changed.connect(self.scene_changed)
        self.easel.put_up.connect(lambda: self.show_preview(None))
        self.easel.drawn.connect(self.viewing.redraw)

    @property
    def organ(self) -> Organ:
        """The organ of the case."""
        return organ(self.session.case.organ)

    @property
    def shown_visit(self) -> Visit | None:
        """The chosen visit, None when there is none."""
        visits = self.session.case.visits
        return visits[self.visit] if self.visit < len(visits) else None

    def labels_of(self, visit: int) -> LabelMap | None:
        """Return the labels of a visit, None when it has none."""
        visits = self.session.case.visits
        if visit >= len(visits) or not visits[visit].labels:
            return None
        return self.easel.labels(visits[visit].labels)

    def show_preview(self, labels: LabelMap | None) -> None:
        """Lay labels over the slices that are not the case's; None: the case's own again."""
        if labels is None:
            self.viewing.show_labels(self.labels_of(self.visit))
        else:
            self.viewing.show_labels(labels, "Preview, not kept")
        self.scene_changed.emit()

    def choose_visit(self, index: int) -> None:
        """Show another visit."""
        if index != self.visit and 0 <= index < len(self.session.case.visits):
            self.visit = index
            self.visit_changed.emit(index)
            self.session.fetch(self.needs(self.session.case), self.follow_case)

    def needs(self, case: Case) -> tuple[str, ...]:
        """Return the ids of the large objects that showing a Case will ask for."""
        visit = case.visits[self.visit if self.visit < len(case.visits) else 0 : self.visit + 1]
        labels = tuple(v.labels for v in visit)
        same = [v.volume for v in visit] == [self._shown[0]]
        if same and self.easel.holds(self._shown[1]):  # it goes on by the Change, which is small
            labels = large(self.session.folder.objects, labels)
        return (*(v.volume for v in visit), *labels, case.mesh)

    def follow_case(self) -> None:
        """Show the Case as it stands."""
        count = len(self.session.case.visits)
        if self.visit >= max(count, 1):
            self.visit = 0
            self.visit_changed.emit(0)
        visit = self.shown_visit
        wanted = (visit.volume, visit.labels) if visit else ("", "")
        if wanted != self._shown and self._edited(wanted):
            self.visit_shown.emit()
            return
        if wanted != self._shown:
            try:
                self._show(wanted)
            except OrganTwinError as error:
                self.session.failed.emit(Trouble.of(error))
        self.skins.want(wanted[1])
        if not count:
            self.viewing.measures.clear()
        self.scene_changed.emit()
        self.visit_shown.emit()

    def planning_labels(self) -> str:
        """Return the id of the labels plans are made on: the last seen, in the baseline frame."""
        visits = self.session.case.visits
        seen = [v.baseline_labels for v in visits if v.seen and v.baseline_labels]
        return seen[-1] if seen else (visits[0].labels if visits else "")

    def add(self, extra: Scene, without: frozenset[str] = frozenset()) -> None:
        """Show a page's own layers with the organ; `without` names layers it takes the place of."""
        self._extra, self._without = extra, without
        self.scene_changed.emit()

    def scene(self) -> Scene:
        """Return what the 3D view shows."""
        own = self.shown_structures().without(self._without)
        title = self._extra.title or (KEPT_ONLY if self.viewing.note else "")
        return Scene(own.layers + self._extra.layers, self._extra.scale, title)

    def structures(self, labels_id: str) -> Scene:
        """Return the visible structures of a LabelMap as layers, solid ones first.

        Empty until its surfaces are there; `scene_changed` tells when they are.
        """
        if not labels_id:
            return Scene()
        self.skins.want(labels_id)
        return self.skins.scene(labels_id, self.easel.labels(labels_id), self.viewing.hidden)

    def shown_structures(self) -> Scene:
        """Return the visible structures of the chosen visit."""
        visit = self.shown_visit
        return self.structures(visit.labels if visit else "")

    def stops(self) -> tuple[Stop, ...]:
        """Return the visits for the timeline."""
        return tuple(
            Stop(number, visit.day, visit.seen, bool(visit.labels))
            for number, visit in enumerate(self.session.case.visits)
        )

    def tracks(self) -> tuple[Track, ...]:
        """Return what was seen and forecast of each structure."""
        case, get = self.session.case, self.session.get
        observations = [get(o) for visit in case.visits for o in visit.observations]
        observations += self._baseline_observations() if case.twins else []
        forecasts = [get(f) for twin in case.twins for f in get(twin).forecasts]
        scores = [get(s) for s in case.scores]
        names = sorted({x.structure for x in (*observations, *forecasts)})
        colours = {s.name: s.colour for s in self._all_structures()}
        return tuple(
            Track(
                name,
                colours.get(name, (0.6, 0.7, 0.8)),
                tuple(o for o in observations if o.structure == name),
                tuple(f for f in forecasts if f.structure == name),
                tuple(s for s in scores if s.structure == name),
            )
            for name in names
        )

    def _baseline_observations(self) -> list[Observation]:
        """Return the baseline's labelled tumour volumes, which no registration had to observe."""
        visit, labels = self.session.case.visits[0], self.labels_of(0)
        if visit.observations or labels is None or self._withheld(visit):
            return []
        source, spread = self.organ.noise_source, self.organ.volume_relative_sd
        return [
            Observation(s.name, visit.day, labels.volume_ml(s.name), spread, source, visit.labels)
            for s in labels.of_kind("tumour")
        ]

    def _withheld(self, visit: Visit) -> bool:
        grade: str = self.session.get(visit.volume).geometry.grade
        return grade == "withheld"

    def _all_structures(self) -> list[Any]:
        labels = self.labels_of(0)
        return list(labels.structures) if labels is not None else []

    def _edited(self, wanted: tuple[str, str]) -> bool:
        """Go on to labels that were edited from those shown; returns whether they were."""
        volume_id, before = self._shown
        box = self.easel.follow(wanted[1]) if wanted[0] == volume_id else None
        if box is None:
            self.easel.clear()
            return False
        self._shown = wanted
        self.skins.edited(before, wanted[1])
        labels = self.easel.labels(wanted[1])
        if labels.structures == self.viewing.structures:
            self.viewing.redraw(box)
        else:
            self.viewing.show_labels(labels)
            self.scene_changed.emit()
        return True

    def _show(self, wanted: tuple[str, str]) -> None:
        volume_id, labels_id = wanted
        carried = self._carried_crosshair()
        if volume_id != self._shown[0]:
            volume = self.session.get(volume_id) if volume_id else None
            windows = windows_of(self.organ, volume) if volume is not None else ()
            self.viewing.show_image(volume, windows)
        labels = self.session.get(labels_id) if labels_id else None
        self.viewing.show_labels(labels)
        if labels is not None and labels_id != self._shown[1] and not self._shown[1]:
            self.viewing.move_to(centre_mm(labels))
        if carried is not None:
            self.viewing.move_to(carried)
        self._shown, self._shown_visit = wanted, self.visit

    def _carried_crosshair(self) -> NDArray[np.float64] | None:
        """Return where the crosshair lies in the visit chosen, None where that is not known."""
        visits, before = self.session.case.visits, self._shown_visit
        known = before != self.visit and before < len(visits) and visits[before].volume
        if not known or visits[before].volume != self._shown[0]:
            return None
        try:
            way = link(visits, before, self.visit, self.session.get)
            return way.there(self.viewing.cursor_mm)
        except OrganTwinError:
            return None


def centre_mm(labels: LabelMap) -> NDArray[np.float64]:
    """Return (3,) LPS mm the middle of the first tumour, else of everything labelled.

    On a large grid every second or fourth voxel is looked at first.
    """
    step = max(1, round((labels.labels.size / LOOKED_AT) ** (1.0 / 3.0)))
    wanted = [s.label for s in labels.of_kind("tumour")[:1]]
    for label in (*wanted, None):
        for apart in (step, 1):
            coarse = labels.labels[::apart, ::apart, ::apart]
            mask = coarse > 0 if label is None else coarse == label
            if mask.any():
                return _middle_mm(mask, labels.affine, apart)
    return labels.affine[:3, 3]


def _middle_mm(
    mask: NDArray[np.bool_], affine: NDArray[np.float64], apart: int
) -> NDArray[np.float64]:
    index = [float(np.mean(np.nonzero(mask.any(axis=_others(axis)))[0])) for axis in range(3)]
    result: NDArray[np.float64] = affine[:3, :3] @ (np.array(index) * apart) + affine[:3, 3]
    return result


def _others(axis: int) -> tuple[int, int]:
    first, second = (a for a in range(3) if a != axis)
    return first, second
