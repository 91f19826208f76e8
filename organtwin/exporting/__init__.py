"""What a case holds as files for other systems, one format a file, found by name.

A format is a file with a constant ``EXPORT``; it turns the Material of one visit into Pieces. The
pipeline gathers the Material and puts the Pieces on disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from organtwin.core.registry import chosen, registered
from organtwin.core.watch import Watch
from organtwin.exporting.material import Drawn, Finding, Made, Material, Piece


@dataclass(frozen=True)
class Export:
    """A format.

    Args:
        name: as said on the command line ("seg").
        title: one line for a person.
        pieces: makes the files of one visit.
        usual: whether "all" means it too.
        tells_who: whether its content, beyond the header, says whose it is.
    """

    name: str
    title: str
    pieces: Callable[[Material, Watch], Iterable[Piece]]
    usual: bool = True
    tells_who: bool = False


def exports() -> Mapping[str, Export]:
    """Return every format by name."""
    import organtwin.exporting as package

    return registered(package, "EXPORT")


def export(name: str) -> Export:
    """Return one format; raises BadArgument naming the ones there are."""
    found: Export = chosen(exports(), name, "export format")
    return found


__all__ = ["Drawn", "Export", "Finding", "Made", "Material", "Piece", "export", "exports"]
