"""Look into a folder, a file, a DICOMDIR or a zip, and read what was chosen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from organtwin.core.errors import OrganTwinError
from organtwin.core.labelmap import LabelMap
from organtwin.core.volume import Volume
from organtwin.core.watch import Watch
from organtwin.importing.archive import is_zip, unpacked
from organtwin.importing.formats import Mask
from organtwin.importing.found import LabelSource, Scan, Series
from organtwin.importing.labelling import read_labels
from organtwin.importing.scanning import read_masks, read_volume, scan
from organtwin.organs import Organ


@dataclass(frozen=True)
class Images:
    """What was found, and how to read it while the place stays open.

    Args:
        scan: series, label files and refused files.
    """

    scan: Scan

    def volume(self, series: Series, watch: Watch) -> Volume:
        """Read the voxels of a Series; raises as `read_volume`."""
        return read_volume(series, watch)

    def masks(self, source: LabelSource, volume: Volume, watch: Watch) -> tuple[Mask, ...]:
        """Read every structure of a label file on a Volume's grid; raises as `read_masks`."""
        return read_masks(source, volume, watch)

    def labels(
        self,
        source: LabelSource,
        volume: Volume,
        organ: Organ,
        *,
        names: Mapping[str, str] | None,
        watch: Watch,
    ) -> LabelMap:
        """Read a label file as structures of an organ; raises as `read_labels`."""
        return read_labels(source, volume, organ, names=names, watch=watch)


@contextmanager
def open_images(path: Path, watch: Watch) -> Iterator[Images]:
    """Look into a place; what had to be unpacked for it is removed at the end.

    Raises:
        NoImages: there is nothing at `path`, or no file in it.
        BadInput: more than can be looked at.
        Stopped: somebody asked to stop.
    """
    with unpacked(path, watch.part(0.0, 0.5) if is_zip(path) else watch) as place:
        try:
            found = scan(place, watch)
            refused = (replace(r, path=path / r.path.relative_to(place)) for r in found.refused)
            yield Images(found if place == path else replace(found, refused=tuple(refused)))
        except OrganTwinError as error:
            error.where = error.where.replace(str(place), str(path))
            raise
