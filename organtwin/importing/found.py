"""What a scan finds: Series, Slices, LabelSources, and what was refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core import errors
from organtwin.core.errors import BadInput, NoImages
from organtwin.core.origin import Identity, Origin
from organtwin.core.volume import GeometryReport, Volume

SHOWN: Final = 3
NOBODY: Final = Identity()


@dataclass(frozen=True)
class Refused:
    """A file (or the folder of a series) that cannot be used.

    Args:
        error_class: name of the class in `organtwin.core.errors`.
        reason: one line for a person.
    """

    path: Path
    error_class: str
    reason: str
    advice: str = ""

    @classmethod
    def by(cls, error: BadInput, path: Path) -> Refused:
        """Return the refusal that an error stands for."""
        return cls(path, type(error).__name__, error.what, error.advice)

    def error(self) -> BadInput:
        """Return the error to raise when somebody insists."""
        kind: type[BadInput] = getattr(errors, self.error_class)
        return kind(self.reason, where=str(self.path), advice=self.advice)


@dataclass(frozen=True)
class Pixels:
    """Where the pixels of one file lie and how they are coded.

    Args:
        path: the file; size_bytes and modified_ns tell whether it is still the one scanned.
        offset, length: of the pixels in bytes (in the inflated dataset for a deflated file);
            length is None when they are encapsulated.
        kind: numpy kind of a native sample: "u", "i" or "f".
        bits, bits_stored: of a sample.
    """

    path: Path
    size_bytes: int
    modified_ns: int
    transfer_syntax: str
    offset: int
    length: int | None
    rows: int
    columns: int
    frames: int
    kind: str
    bits: int
    bits_stored: int
    photometric: str = "MONOCHROME2"


@dataclass(frozen=True)
class Slice:
    """One image plane in the patient.

    Args:
        frame: index of the frame in its file.
        position_mm: LPS mm of the centre of the first pixel.
        row, column: along which the column index i and the row index j grow, as the header says
            (unit vectors at a right angle, to a hundredth).
        spacing_mm: distance between pixel centres along i and j.
        slope, intercept: stored value → value in the image's unit.
        phase: what tells apart images at one place (acquisition, time, echo), most telling first.
        between_mm, location_mm, gantry_deg: SpacingBetweenSlices, SliceLocation and
            GantryDetectorTilt, compared with the positions and never believed; None where absent.
        reformatted: ImageType says so: computed on another grid than was scanned.
        localizer: ImageType says LOCALIZER.
        setting: (what, value) of what one volume has one of, such as echo time; see `parting`.
        unit, notes, lossy, ratio, rescaled: what the values stand for, see `values.Meaning`.
    """

    pixels: Pixels
    frame: int
    position_mm: tuple[float, float, float]
    row: tuple[float, float, float]
    column: tuple[float, float, float]
    spacing_mm: tuple[float, float]
    slope: float = 1.0
    intercept: float = 0.0
    padding: float | None = None
    thickness_mm: float = 0.0
    sop_uid: str = ""
    phase: tuple[str, ...] = ()
    between_mm: float | None = None
    location_mm: float | None = None
    gantry_deg: float | None = None
    reformatted: bool = False
    localizer: bool = False
    setting: tuple[tuple[str, str], ...] = ()
    unit: str = "1"
    notes: tuple[str, ...] = ()
    lossy: str = ""
    ratio: float = 0.0
    rescaled: bool = True

    @property
    def padding_value(self) -> float | None:
        """PixelPaddingValue in the image's unit, None where there is none."""
        return None if self.padding is None else self.padding * self.slope + self.intercept

    def pixel_mm(self, i: int, j: int) -> NDArray[np.float64]:
        """Return LPS mm (3,) of a pixel's centre, column i of row j (PS3.3 C.7.6.2.1.1)."""
        across = np.multiply(self.row, self.spacing_mm[0] * i)
        down = np.multiply(self.column, self.spacing_mm[1] * j)
        return np.asarray(self.position_mm + across + down)


@dataclass(frozen=True)
class Guess:
    """What a series probably is, never more than a guess.

    Args:
        name: contrast phase or role ("arterial", "portal", "T1c", "FLAIR"), "" for no guess.
        reason: what in the headers it was told by.
    """

    name: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Series:
    """Images that belong together: one modality, size and orientation.

    Args:
        uid: SeriesInstanceUID, or the file's SHA-256 for formats without one.
        part: 0, 1… where one DICOM series had to be split (orientation, size, phase).
        acquired: day of the visit: of the study, of acquisition where that is more than a day
            apart, else of series or content (see `dating.visit_of`); None where the files say none.
        unit: of the voxel values ("HU" for CT, "1" where arbitrary).
        geometry: how well the place of the voxels is known.
        size: (ni, nj, nk) of the Volume that `read_volume` would return.
        refusal: why `read_volume` would refuse, None when it would not.
        format: name of the file in this folder that reads it.
        slices: where the voxels are, in order along the normal; empty for other formats.
        affine: (4, 4) float64 of that Volume, index → LPS mm; the first slice's plane where
            `read_volume` would refuse.
        body_part: BodyPartExamined, "" where the files say none.
        origin: the images, for references; None for formats without UIDs.
    """

    uid: str
    study_uid: str
    frame_uid: str
    modality: str
    description: str
    acquired: date | None
    identity: Identity
    files: tuple[Path, ...]
    geometry: GeometryReport
    size: tuple[int, int, int]
    affine: NDArray[np.float64] = field(repr=False, compare=False)
    unit: str = "1"
    part: int = 0
    localizer: bool = False
    refusal: Refused | None = None
    format: str = "dicom_series"
    slices: tuple[Slice, ...] = field(default=(), repr=False)
    origin: Origin | None = field(default=None, repr=False)
    guess: Guess = Guess()
    study_description: str = ""
    body_part: str = ""

    @property
    def inverted(self) -> bool:
        """Whether low values are shown bright (PS3.3 C.7.6.3.1.2)."""
        return bool(self.slices) and self.slices[0].pixels.photometric == "MONOCHROME1"

    def volume(self, voxels: NDArray[Any], affine: NDArray[np.float64]) -> Volume:
        """Return its Volume: voxels (ni, nj, nk), affine (4, 4), index → LPS mm."""
        return Volume(
            voxels=voxels,
            affine=affine,
            unit=self.unit,
            modality=self.modality,
            geometry=self.geometry,
            acquired=self.acquired,
            series_uid=self.uid,
            study_uid=self.study_uid,
            frame_uid=self.frame_uid,
            description=self.description,
            inverted=self.inverted,
        )


Found = tuple[tuple[Series, ...], tuple[Refused, ...]]


@dataclass(frozen=True)
class LabelSource:
    """A file that outlines structures on some images.

    Args:
        kind: "SEG", "RTSTRUCT", "NIFTI" or "NRRD".
        referenced_series_uid: SeriesInstanceUID of the images, "" where the file says none.
        frame_uid: FrameOfReferenceUID, "" where the file says none.
        names: of the segments or regions of interest, in the order of the file.
        size: voxels along i, j, k of its own grid; zeros where it lies on that of its images.
        affine: the 16 numbers of its own grid, row by row, index → LPS mm.
        values: of the voxels of each of `names`, where the file holds values.
    """

    path: Path
    kind: str
    referenced_series_uid: str
    frame_uid: str
    names: tuple[str, ...]
    identity: Identity = NOBODY
    size: tuple[int, int, int] = (0, 0, 0)
    affine: tuple[float, ...] = ()
    values: tuple[int, ...] = ()


@dataclass(frozen=True)
class Scan:
    """Everything found in a folder."""

    series: tuple[Series, ...]
    labels: tuple[LabelSource, ...]
    refused: tuple[Refused, ...]

    def usable(self) -> tuple[Series, ...]:
        """Return the series that make a Volume; raises NoImages, saying why, when none does."""
        usable = tuple(s for s in self.series if s.refusal is None)
        if not usable:
            raise NoImages("no series here makes a volume", advice=self._reasons())
        return usable

    def _reasons(self) -> str:
        refusals: Sequence[Refused] = [s.refusal for s in self.series if s.refusal]
        refusals = [*refusals, *self.refused]
        lines = [f"{r.path.name}: {r.error_class}, {r.reason}" for r in refusals[:SHOWN]]
        if len(refusals) > SHOWN:
            lines.append(f"and {len(refusals) - SHOWN} more")
        return "; ".join(lines)
