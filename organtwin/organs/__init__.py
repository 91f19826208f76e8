"""One organ a file, found by name: structures, codes, windows, defaults, priors, planning rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from organtwin.core.colours import of_lesion
from organtwin.core.labelmap import CodedTerm, Structure
from organtwin.core.parameter import Prior
from organtwin.core.registry import chosen, registered


@dataclass(frozen=True)
class Window:
    """A display window: `centre` and `width` in the image's unit (HU in an organ's file)."""

    name: str
    centre: float
    width: float
    source: str = ""


_OHIF = "presets of the OHIF Viewer (defaultWindowLevelPresets)"
_RADIOPAEDIA = "radiopaedia.org/articles/windowing-ct"
CT_WINDOWS: Final = (
    Window("soft tissue", 40.0, 400.0, _OHIF),
    Window("lung", -600.0, 1500.0, f"{_OHIF}; {_RADIOPAEDIA}"),
    Window("mediastinum", 50.0, 350.0, _RADIOPAEDIA),
    Window("bone", 400.0, 1800.0, _RADIOPAEDIA),
    Window("brain", 40.0, 80.0, f"{_OHIF}; {_RADIOPAEDIA}"),
)
"""Windows for any CT, in HU; how wide they are differs from place to place."""


@dataclass(frozen=True)
class Rule:
    """A planning threshold: `quantity` should be at least `minimum` `unit`; read from `source`."""

    quantity: str
    minimum: float
    unit: str
    source: str


@dataclass(frozen=True)
class Support:
    """Springs on part of the surface: stiffness along and across the normal; read from `source`.

    Args:
        place: as `organtwin.simulating.supports` finds it: "attached", "back", "falciform",
            "diaphragm", "viscera" or "wall".
        spread: standard deviation of the natural logarithm of both stiffnesses together (1): how
            little is known of them.
    """

    place: str
    normal_kpa_per_mm: float
    tangential_kpa_per_mm: float
    source: str
    spread: float = 0.0


@dataclass(frozen=True)
class Organ:
    """Everything that is special about one organ.

    Args:
        structures: the structures it always has; tumours are made by `tumour`.
        growth: name of the default growth model, with the priors of its parameters.
        law: name of the default tissue law, with values in its own units per structure kind.
        region: part of the body it lies in, as `importing.bodyparts` names them.
        noise: relative sd of a measured tumour volume (1), with its source.
        supports: what holds it; each face of the surface belongs to the first that takes it.
        tissue_priors: of its own tissue under loads that last for minutes: "shear_modulus_kpa" and
            "bulk_modulus_kpa"; tissue of other kinds is as many times stiffer as in `law_values`.
    """

    name: str
    code: CodedTerm
    structures: tuple[Structure, ...]
    windows: tuple[Window, ...]
    law: str
    law_values: Mapping[str, Mapping[str, float]]
    law_source: str
    growth: str
    priors: tuple[Prior, ...]
    visible_density: float
    volume_relative_sd: float
    noise_source: str
    rules: tuple[Rule, ...]
    region: str = "trunk"
    supports: tuple[Support, ...] = ()
    tissue_priors: tuple[Prior, ...] = ()

    def structure(self, name: str) -> Structure:
        """Return one of the structures it always has."""
        return next(s for s in self.structures if s.name == name)


TUMOUR_CODE = CodedTerm("108369006", "SCT", "Neoplasm")


def tumour(number: int, within: str) -> Structure:
    """Return the structure of the `number`-th tumour (1, 2…) of an organ; labels from 101."""
    colour = of_lesion(number)
    return Structure(f"tumour-{number}", 100 + number, "tumour", TUMOUR_CODE, colour, within)


def organs() -> Mapping[str, Organ]:
    """Return every organ by name."""
    import organtwin.organs as package

    return registered(package, "ORGAN")


def organ(name: str) -> Organ:
    """Return one organ; raises BadArgument naming the ones there are."""
    found: Organ = chosen(organs(), name, "organ")
    return found
