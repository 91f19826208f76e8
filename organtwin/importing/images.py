"""Look into a folder, a file, a DICOMDIR or a zip, and read what was chosen.

Everything foreign is parsed and decoded by worker processes (see `worker`): what a file does to
its reader ends there. Voxels come back in memory that both sides map. Where a worker has told at
which byte of which file uncompressed samples begin, and how many there are, nothing is left to
parse: those are read here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import BadInput, OrganTwinError, UnreadableFile
from organtwin.core.labelmap import LabelMap
from organtwin.core.temporary import private_folder
from organtwin.core.volume import Volume
from organtwin.core.watch import Watch
from organtwin.importing.archive import is_zip
from organtwin.importing.asking import Died, Limits, within_machine
from organtwin.importing.finite import require_finite
from organtwin.importing.formats import Mask
from organtwin.importing.found import LabelSource, Scan, Series
from organtwin.importing.opening import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE
from organtwin.importing.previews import placed_slice
from organtwin.importing.region import Region
from organtwin.importing.scanning import read_volume
from organtwin.importing.surveying import Crew, surveyed
from organtwin.importing.wire import from_json, to_json
from organtwin.importing.worker import Picture, Sent, SentMask
from organtwin.organs import Organ

BASE_BYTES: Final = 2**30
VOXEL_BYTES: Final = 16
"""Address space that reading one voxel may take: the result twice as float32, a resampled grid as
float32, its rounding, masks of what is outside; three times what the largest voxels declare."""
VOXEL_SECONDS: Final = 4e-6
BASE_SECONDS: Final = 60.0
PREFIX: Final = "organtwin-unpacked-"
"""Of the name of a folder that a zip is unpacked into."""
UNPACK_SECONDS: Final = 3600.0
PICTURE_BYTES: Final = 4 * 2**26
LABEL_VOXELS: Final = 2**29
"""As many as a file may hold that is said to be labels: nobody has looked at its header yet."""
UNCOMPRESSED: Final = frozenset([IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG])
DTYPES: Final = ("<i2", "<f4", "|u1")


@dataclass(frozen=True)
class Images:
    """What was found, and how to read it while the place stays open.

    Args:
        scan: series, label files and refused files.
    """

    scan: Scan
    _crew: Crew = field(repr=False, compare=False)

    def volume(self, series: Series, watch: Watch) -> Volume:
        """Read the voxels of a Series; raises as `read_volume`, and for what is no number."""
        if series.refusal is not None:
            raise series.refusal.error()
        self._crew.require_open()
        if is_plain(series):
            plain = read_volume(series, watch)
            require_finite(plain.voxels, _place(series))
            return plain
        count = math.prod(series.size)
        held = max((path.stat().st_size for path in series.files if path.exists()), default=0)
        with self._room(4 * count, where=_place(series)) as region:
            sent: Sent = asked(
                self._crew,
                Sent,
                "volume",
                Limits(
                    within_machine(BASE_BYTES + VOXEL_BYTES * count + 3 * held),
                    BASE_SECONDS + VOXEL_SECONDS * count,
                ),
                watch=watch,
                where=_place(series),
                region=region,
                likely_bytes=2 * count,
                written={"series": to_json(Series, series)},
            )
            voxels = self._taken(region, sent.shape, sent.dtype)
        fields = {name: getattr(sent, name) for name in Sent.__annotations__}
        del fields["shape"], fields["dtype"]
        require_finite(voxels, _place(series))
        return Volume(voxels, **fields)

    def masks(self, source: LabelSource, volume: Volume, watch: Watch) -> tuple[Mask, ...]:
        """Read every structure of a label file on a Volume's grid; raises as `read_masks`."""
        shape = volume.voxels.shape
        count, stride = math.prod(shape), math.ceil(math.prod(shape) / 8)
        held = source.path.stat().st_size if source.path.exists() else 0
        with self._room(stride * max(len(source.names), 1), where=str(source.path)) as region:
            sent: tuple[SentMask, ...] = asked(
                self._crew,
                tuple[SentMask, ...],
                "masks",
                Limits(
                    within_machine(BASE_BYTES + (len(source.names) + 8) * count + 16 * held),
                    BASE_SECONDS + VOXEL_SECONDS * count * (len(source.names) + 1),
                ),
                watch=watch,
                where=str(source.path),
                region=region,
                written={
                    "source": to_json(LabelSource, source),
                    "volume": to_json(Sent, _without_voxels(volume)),
                },
            )
            packed = self._taken(region, (stride, len(sent)), "|u1")
        return tuple(
            Mask(
                m.name,
                m.code,
                _bits(packed[:, n], count).reshape(shape, order="F"),
                m.source_ml,
                m.note,
                m.foreign,
            )
            for n, m in enumerate(sent)
        )

    def label_source(self, path: Path, watch: Watch) -> LabelSource:
        """Take a file as labels because a person says so; raises as `labelling.label_source`."""
        said: LabelSource = asked(
            self._crew,
            LabelSource,
            "label_source",
            Limits(within_machine(BASE_BYTES + VOXEL_BYTES * LABEL_VOXELS), 10 * BASE_SECONDS),
            watch=watch,
            where=str(path),
            path=str(path),
        )
        return replace(said, path=path)

    def labels(
        self,
        source: LabelSource,
        volume: Volume,
        organ: Organ,
        *,
        names: Mapping[str, str] | None,
        watch: Watch,
        notice: Callable[[str], object] = bool,
        became: Callable[[str, str], object] = lambda *_: None,
    ) -> LabelMap:
        """Read a label file as structures of an organ; raises as `read_labels`."""
        from organtwin.importing.labelling import read_labels

        return read_labels(
            source, volume, organ, names=names, watch=watch, read=self.masks, notice=notice,
            became=became,
        )  # fmt: skip

    def thumbnail(self, series: Series) -> NDArray[np.uint8]:
        """Return `previews.thumbnail` of a Series; raises as that."""
        return self._picture(series, None)[0]

    def placed_slice(
        self, series: Series, n: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Return `previews.placed_slice` of a Series; raises as that."""
        self._crew.require_open()
        if is_plain(series):
            return placed_slice(series, n)
        return self._picture(series, n)

    def _picture(self, series: Series, n: int | None) -> tuple[NDArray[Any], NDArray[np.float64]]:
        count = math.prod(series.size)
        with self._room(PICTURE_BYTES, where=_place(series)) as region:
            sent: Picture = asked(
                self._crew,
                Picture,
                "picture",
                Limits(within_machine(BASE_BYTES + VOXEL_BYTES * count), BASE_SECONDS),
                watch=Watch(),
                where=_place(series),
                region=region,
                written={"series": to_json(Series, series)},
                number=n,
            )
            return self._taken(region, sent.shape, sent.dtype).copy(order="K"), sent.affine

    @contextmanager
    def _room(self, size_bytes: int, *, where: str) -> Iterator[Region]:
        if size_bytes > within_machine(size_bytes):
            raise BadInput(
                f"needs {size_bytes / 2**30:.1f} GiB of memory, more than this machine has",
                where=where,
                advice="choose a smaller series",
            )
        region = Region(size_bytes)
        try:
            yield region
        finally:
            region.close()

    def _taken(self, region: Region, shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
        """Return what a worker wrote; one that holds on to the memory is ended first."""
        if dtype not in DTYPES or min(shape, default=0) < 0:
            raise UnreadableFile("its reader gave no sensible answer")
        try:
            return region.array(shape, np.dtype(dtype))
        except OSError:
            self._crew.replace(0)
            return region.array(shape, np.dtype(dtype))


def asked(
    crew: Crew, hint: Any, what: str, limits: Limits, *, watch: Watch, where: str, **arguments: Any
) -> Any:
    """Return what worker 0 answers; one that dies of it is replaced, which is UnreadableFile."""
    try:
        return from_json(hint, crew.member(0).ask(what, limits, watch, **arguments))
    except Died as death:
        crew.replace(0)
        raise death.error(where) from death
    except ValueError as error:
        crew.replace(0)
        raise UnreadableFile("its reader gave no sensible answer", where=where) from error


@contextmanager
def open_images(path: Path, watch: Watch) -> Iterator[Images]:
    """Look into a place; what had to be unpacked for it is removed at the end.

    Raises:
        NoImages: there is nothing at `path`, or no file in it.
        BadInput: more than can be looked at.
        Stopped: somebody asked to stop.
    """
    with Crew() as crew, _unpacked(path, crew, watch) as (place, later):
        try:
            found = surveyed(place, crew, later)
            refused = (replace(r, path=path / r.path.relative_to(place)) for r in found.refused)
            yield Images(found if place == path else replace(found, refused=tuple(refused)), crew)
        except OrganTwinError as error:
            error.where = error.where.replace(str(place), str(path))
            raise


@contextmanager
def _unpacked(path: Path, crew: Crew, watch: Watch) -> Iterator[tuple[Path, Watch]]:
    """Yield where the files lie and the rest of the watch."""
    if not is_zip(path):
        yield path, watch
        return
    crew.member(0)  # it removes what it unpacked, should we be killed
    with private_folder(PREFIX) as private:
        try:
            limits = Limits(BASE_BYTES, UNPACK_SECONDS)
            place = asked(
                crew, Path, "unpack", limits, watch=watch.part(0.0, 0.5), where=str(path),
                path=str(path), into=str(private),
            )  # fmt: skip
            if place.parent != private:
                raise UnreadableFile("its reader gave no sensible answer", where=str(path))
            yield place, watch.part(0.5, 1.0)
        finally:
            crew.end()


def _bits(packed: NDArray[np.uint8], count: int) -> NDArray[np.bool_]:
    """Return (count,) bool; memory is touched only between the first and last that are set."""
    bits, used = np.zeros(count, dtype=bool), packed != 0
    if used.any():
        first, last = int(used.argmax()), len(used) - int(used[::-1].argmax())
        bits[8 * first : 8 * last] = np.unpackbits(packed[first:last])[: count - 8 * first]
    return bits


def is_plain(series: Series) -> bool:
    """Return whether the voxels lie uncompressed in the files, one slice each, on an even grid."""
    first = series.slices[0].pixels if series.slices else None
    return (
        first is not None
        and series.size == (first.columns, first.rows, len(series.slices))
        and all(s.pixels.transfer_syntax in UNCOMPRESSED for s in series.slices)
        and all(s.pixels.frames == 1 for s in series.slices)
    )


def _place(series: Series) -> str:
    return str(series.files[0].parent) if len(series.files) > 1 else str(series.files[0])


def _without_voxels(volume: Volume) -> Sent:
    fields = {
        name: getattr(volume, name)
        for name in Sent.__annotations__
        if name not in ("shape", "dtype")
    }
    i, j, k = volume.voxels.shape
    return Sent((i, j, k), volume.voxels.dtype.str, **fields)
