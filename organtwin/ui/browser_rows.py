"""Rows of the browser: patients, their studies, series with what outlines them, what was refused.

A model and not widgets, so that hundreds of series cost nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Final, Literal, override

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QSortFilterProxyModel, Qt
from PySide6.QtGui import QPixmap, QStandardItem, QStandardItemModel

from organtwin.ui.choosing import Listed
from organtwin.ui.tips import tooltip

Kind = Literal["patient", "study", "series", "labels", "group", "refused"]
KIND: Final = Qt.ItemDataRole.UserRole + 1
THING: Final = Qt.ItemDataRole.UserRole + 2
"""Listed of a series; of the others a mapping of what is drawn."""
SEARCH: Final = Qt.ItemDataRole.UserRole + 3
"""What the filter looks in, None for headings: they stay while something below them does."""
MODALITY: Final = Qt.ItemDataRole.UserRole + 4
Index = QModelIndex | QPersistentModelIndex


class Rows(QStandardItemModel):
    """Everything found, in the order of patients, dates and descriptions."""

    def __init__(self) -> None:
        super().__init__()
        self._items: dict[str, QStandardItem] = {}
        self._people: dict[int, QStandardItem] = {}

    def show_found(
        self,
        listed: Sequence[Listed],
        labels: Sequence[Mapping[str, Any]],
        refused: Sequence[Mapping[str, Any]],
    ) -> None:
        """Take the place of what was shown."""
        self.clear()
        self._items.clear()
        self._people.clear()
        able = {s.person for s in listed if s.may_be_chosen}
        ordered = sorted(listed, key=lambda s: (s.person not in able, *_place(s)))
        for _, theirs in groupby(ordered, key=lambda s: s.person):
            self._add_patient(list(theirs))
        if len(self._people) > 1:
            for person, item in self._people.items():
                item.setCheckable(any(s.may_be_chosen for s in listed if s.person == person))
        stray = self._hang(labels)
        self._add_group(
            "Structures that name no images here",
            [(s["path"], f"{s['kind']}: {_names(s)}", "") for s in stray],
        )
        self._add_group("Cannot be used", _by_reason(refused))

    def set_picture(self, key: str, picture: QPixmap) -> None:
        """Show the thumbnail of a series."""
        self._items[key].setData(picture, Qt.ItemDataRole.DecorationRole)

    def set_chosen(self, chosen: Sequence[str]) -> None:
        """Tick the chosen series and their patient."""
        whose = set()
        for key, item in self._items.items():
            if item.isCheckable():
                item.setCheckState(_ticked(key in chosen))
                if key in chosen:
                    whose.add(item.data(THING).person)
        for person, item in self._people.items():
            if item.isCheckable():
                item.setCheckState(_ticked(person in whose))

    def item_of(self, key: str) -> QStandardItem:
        """Return the row of a series."""
        return self._items[key]

    def _add_patient(self, theirs: list[Listed]) -> None:
        name, told = named(theirs[0].patient)
        thing = {"title": name, "told": told, "person": theirs[0].person}
        row = _item("patient", thing, f"Patient {name}. {told}")
        self._people[theirs[0].person] = row
        self.appendRow(row)
        for (date, _, _), study in groupby(
            theirs, key=lambda s: (s.acquired, s.study_uid, s.study)
        ):
            series = list(study)
            count = f"{len(series)} series"
            told = "  ·  ".join(x for x in (series[0].study, count) if x)
            title = date or "No date"
            head = _item("study", {"title": title, "told": told}, f"Study of {title}. {told}")
            row.appendRow(head)
            for each in series:
                head.appendRow(self._series_item(each, f"{name} {told} {title}"))

    def _series_item(self, series: Listed, above: str) -> QStandardItem:
        said = ", ".join(x for x in (series.title, *facts(series), series.phase) if x)
        item = _item("series", series, f"{said}, geometry {series.grade}")
        item.setData(f"{above} {said} {series.reason} {series.refusal}".casefold(), SEARCH)
        item.setData(series.modality, MODALITY)
        guess = f"Probably {series.phase}: {series.reason}" if series.phase else ""
        tip = (series.title, guess, series.refusal, series.advice, *series.geometry["findings"])
        item.setToolTip(tooltip("\n".join(line for line in tip if line)))
        if series.may_be_chosen:
            item.setCheckable(True)
        self._items[series.key] = item
        return item

    def take(self, series: Listed) -> None:
        """Take the place of what was said of one series; what hangs on it stays."""
        item = self._items[series.key]
        item.setData(series, THING)
        item.setData(series.modality, MODALITY)
        item.setCheckable(series.may_be_chosen)
        if not series.may_be_chosen:
            item.setData(None, Qt.ItemDataRole.CheckStateRole)

    def _hang(self, labels: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Put label files under the series they outline; returns those that found none."""
        stray = []
        first = {i.data(THING).uid: i for i in reversed(self._items.values())}
        for source in labels:
            above = first.get(source["series_uid"])
            if above is None:
                stray.append(source)
                continue
            text = f"{source['kind']}: {_names(source)}"
            item = _item("labels", {"title": text, "told": Path(source["path"]).name}, text)
            item.setToolTip(tooltip(_names(source, 60)))
            item.setData(f"{above.data(SEARCH)} {text}".casefold(), SEARCH)
            item.setData(above.data(MODALITY), MODALITY)
            above.appendRow(item)
        return stray

    def _add_group(self, title: str, rows: Sequence[tuple[str, str, str]]) -> None:
        if not rows:
            return
        head = _item("group", {"title": title, "told": ""}, title)
        self.appendRow(head)
        for paths, reason, advice in rows:
            names = [Path(p).name for p in paths.splitlines()]
            more = "…" if len(names) > 3 else ""
            shown = ", ".join(names[:3]) + more
            told = shown if len(names) == 1 else f"{len(names)} files: {shown}"
            thing = {"title": reason, "told": told, "advice": advice}
            item = _item("refused", thing, f"{reason}. {told}. {advice}")
            item.setToolTip(tooltip("\n".join([*names[:30], *(["…"] if len(names) > 30 else [])])))
            item.setData(f"{reason} {' '.join(names)}".casefold(), SEARCH)
            head.appendRow(item)


class Filtered(QSortFilterProxyModel):
    """The rows whose text and modality were asked for, with what stands above them."""

    def __init__(self, rows: Rows) -> None:
        super().__init__()
        self._text, self._modality = "", ""
        self.setRecursiveFilteringEnabled(True)
        self.setSourceModel(rows)

    def set_wanted(self, text: str, modality: str) -> None:
        """Show what holds every word of `text` and is of `modality` ("" for any)."""
        self._text, self._modality = text.casefold(), modality
        self.beginFilterChange()
        self.endFilterChange()

    @override
    def filterAcceptsRow(self, source_row: int, source_parent: Index) -> bool:
        """Say whether a row is wanted for itself."""
        index = self.sourceModel().index(source_row, 0, source_parent)
        text = index.data(SEARCH)
        if text is None or (self._modality and index.data(MODALITY) != self._modality):
            return False
        return all(word in text for word in self._text.split())


def named(patient: tuple[str, str, str, str]) -> tuple[str, str]:
    """Return a patient's name, and the other things that tell patients apart, for a person."""
    name, number, birth, sex = patient
    parts = [x for x in name.replace("=", "^").split("^") if x.strip()]
    told = (number and f"ID {number}", birth and f"born {birth}", sex)
    shown = f"{parts[0]}, {' '.join(parts[1:])}" if len(parts) > 1 else "".join(parts)
    return shown or "No name", "  ·  ".join(x for x in told if x)


def _study(series: Listed) -> str:
    """Return what keeps studies of one date apart: the UID, for formats without one the folder."""
    return series.study_uid or series.study


def facts(series: Listed) -> tuple[str, ...]:
    """Return what a series is, in a few words each."""
    spacing = " × ".join(f"{round(s, 2):g}" for s in series.geometry["spacing_mm"])
    i, j, _ = series.size
    count = f"{series.images} image{'s' if series.images != 1 else ''}"
    said = (series.modality, count, f"{spacing} mm", f"{i} × {j}")
    return tuple(each for each in said if each)


def _place(series: Listed) -> tuple[Any, ...]:
    return (
        series.person,
        series.acquired,
        _study(series),
        bool(series.refusal),
        series.title.casefold(),
        series.key,
    )


def _by_reason(refused: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """Return (paths, one a line; reason; advice) for each reason, the commonest first."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for one in refused:
        grouped.setdefault((one["reason"], one["advice"]), []).append(one["path"])
    rows = [("\n".join(paths), *told) for told, paths in grouped.items()]
    return sorted(rows, key=lambda row: -row[0].count("\n"))


def _names(source: Mapping[str, Any], limit: int = 6) -> str:
    names = source["names"]
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def _item(kind: Kind, thing: Any, spoken: str) -> QStandardItem:
    item = QStandardItem(spoken)
    item.setData(kind, KIND)
    item.setData(thing, THING)
    item.setEditable(False)
    item.setAccessibleText(spoken)
    return item


def _ticked(on: bool) -> Qt.CheckState:
    return Qt.CheckState.Checked if on else Qt.CheckState.Unchecked
