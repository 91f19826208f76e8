"""Real files, mutated: none may crash or hang the reader, or put a slice where it is not.

``python -m tests.importing.mutants COUNT [SEED]`` reads so many mutants in a child with a limit on
memory and prints what became of them as JSON lines, the last one a summary. Codecs in C do crash
(GDCM on some broken JPEG): a mutant that ends the child is read again as the program does it, in a
worker, and has to be refused by name there.
The suite runs a few hundred; by hand 20 000 and more.

What is wrong with a mutant that still loads, by its outcome:

- crash: an exception that is no BadInput, or the worker ends and the file is not named;
- hang: more than a second of processor time beyond three times what the whole file takes;
- misplaced: a volume whose geometry is not withheld, in which a slice does not lie where its own
  header says (0.1 mm at any corner), or has other values than its own file; those of files that
  were not mutated are taken from before.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import re
import resource
import shutil
import struct
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from organtwin.core.errors import BadInput
from organtwin.core.volume import Volume, to_lps
from organtwin.core.watch import Watch
from organtwin.importing import Scan, Series, open_images, read_masks, read_volume, scan
from organtwin.importing.dictionary import tag_of
from organtwin.importing.voxels import _Files, rescaled

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
MEMORY = 3 * 2**30
FEW = 5
SOURCES: tuple[tuple[str, dict[str, int]], ...] = (
    ("sts-002/dicom/CT", {"image/*": FEW, "mask/*": 1}),
    ("sts-002/dicom/MR_T1", {"image/*": FEW, "mask/*": 1}),
    ("sts-002/dicom/PET", {"image/*": FEW, "mask/*": 1}),
    ("ccth-a01-abdomen", {"CT_images/*": FEW, "RTstruct.dcm": 1}),
    ("ccth-a01-abdomen", {"PET_images/*": FEW}),
    ("ge-ct-tilt-nonuniform", {"0*.dcm": 4}),
    ("remind-022-brain-mr", {"T1_post/*": FEW, "Tumor_segmentation.dcm": 1}),
    ("odd-dicom-a/seg-liver-3slices", {"*.dcm": 5}),
    ("odd-dicom-a/missing-slice-ge", {"*": 4}),
    ("odd-dicom-a/tiny-head-93", {"*": 12}),
    ("odd-dicom-a/oblique-hitachi", {"*": 9}),
    ("odd-dicom-a/mixed-orientation", {"*": 8}),
    *(
        (f"odd-dicom-a/codecs-series{codec}", {"*": FEW})
        for codec in ("", "-j2k", "-jpeg", "-jpegls", "-rle")
    ),
    ("odd-dicom-a/codecs-wg04", {"*": 9}),
    ("odd-dicom-a/enhanced-mr-philips", {"*": 1}),
    ("odd-dicom-a/enhanced-mr-small-syntaxes", {"emri_small.dcm": 1}),
    ("odd-dicom-a/enhanced-mr-small-syntaxes", {"emri_small_*": 4}),
    ("odd-dicom-a/localizer-3-planes", {"*": 3}),
    ("odd-dicom-a/big-endian-and-friends", {"*": 9}),
    ("odd-dicom-a/names", {"*": 6}),
    ("odd-dicom-a/broken", {"*": 9}),
    ("odd-dicom-a/dicomdir", {"**/*": 60}),
    ("odd-dicom-a/dicomdir-other-charset", {"**/*": 60}),
    ("totalseg-abdomen-3mm", {"*mr*.nii.gz": 2}),
    ("sts-002/nifti", {"*": 3}),
)
NUMBERS = (0, 1, 2, 3, 7, 8, 12, 255, 256, 511, 1024, 0x7FFF, 0x8000, 0xFFFF)
LENGTHS = (0, 1, 4, 8, 0xFF, 0xFFFE, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
EDITED = (
    "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness",
    "SpacingBetweenSlices", "SliceLocation", "Rows", "Columns", "NumberOfFrames", "BitsAllocated",
    "BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel", "RescaleSlope",
    "RescaleIntercept", "PhotometricInterpretation", "TransferSyntaxUID", "SeriesInstanceUID",
    "SOPInstanceUID", "FrameOfReferenceUID", "SOPClassUID", "Modality", "ImageType", "PixelData",
    "SpecificCharacterSet", "PixelPaddingValue", "PatientBirthDate", "AcquisitionNumber",
    "PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence", "SegmentSequence",
    "ROIContourSequence", "StructureSetROISequence", "DirectoryRecordSequence",
)  # fmt: skip


@dataclass(frozen=True)
class Base:
    """A folder of real files and what they hold.

    Args:
        truth: path → values (rows, columns) and corners (4, 3) LPS mm, each slice of the file.
        seconds: of processor time that reading everything takes.
    """

    name: str
    folder: Path
    content: dict[Path, bytes]
    truth: dict[Path, dict[int, tuple[Any, Any]]]
    seconds: float

    @property
    def files(self) -> tuple[Path, ...]:
        """Where they lie, sorted."""
        return tuple(self.content)


def bases(place: Path) -> Iterator[Base]:
    """Copy a few files of each set into `place` and read them as they are."""
    for number, (source, patterns) in enumerate(SOURCES):
        origin, folder = SHARED / source, place / f"{number:02d}"
        for pattern, count in patterns.items():
            found = sorted(path for path in origin.glob(pattern) if path.is_file())
            first = len(found) // 3 if len(found) > 2 * count else 0
            for path in found[first : first + count]:
                to = folder / path.relative_to(origin)
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, to)
        files = tuple(sorted(path for path in folder.rglob("*") if path.is_file()))
        assert files, source
        begin = time.process_time()
        found_here, _ = outcome(folder)
        seconds = time.process_time() - begin
        content = {path: path.read_bytes() for path in files}
        yield Base(f"{source} {[*patterns]}", folder, content, _truth(found_here), seconds)


def _truth(found: Scan) -> dict[Path, dict[int, tuple[Any, Any]]]:
    truth: dict[Path, dict[int, tuple[Any, Any]]] = {}
    for series in found.series:
        for n, one in enumerate(series.slices):
            try:
                values = rescaled(_Files(series.slices), n)
            except BadInput:
                continue
            truth.setdefault(one.pixels.path, {})[one.frame] = values, _corners(one)
    return truth


def _corners(one: Any) -> Any:
    ends = (0, one.pixels.columns - 1), (0, one.pixels.rows - 1)
    return np.array([one.pixel_mm(i, j) for i in ends[0] for j in ends[1]])


def outcome(folder: Path) -> tuple[Scan, list[tuple[Series, Volume]]]:
    """Read everything that a folder holds; raises nothing for what is refused."""
    watch, volumes = Watch(), []
    try:
        found = scan(folder, watch)
    except BadInput:
        return Scan((), (), ()), []
    for series in found.series:
        try:
            volumes.append((series, read_volume(series, watch)))
        except BadInput:
            continue
    for source in found.labels:
        for _, volume in volumes[:2]:
            try:
                read_masks(source, volume, watch)
            except BadInput:
                continue
    return found, volumes


def misplaced(base: Base, mutated: Path, volumes: Sequence[tuple[Series, Volume]]) -> str:
    """Return which slice of an untouched file is not where it was, "" when all are."""
    for series, volume in volumes:
        if volume.geometry.grade == "withheld":
            continue
        files = _Files(series.slices)
        for n, one in enumerate(series.slices):
            own = rescaled(files, n), _corners(one)
            known = base.truth.get(one.pixels.path, {}).get(one.frame, own)
            problem = _problem(volume, *(own if one.pixels.path == mutated else known))
            if problem:
                return f"{one.pixels.path.name} frame {one.frame}: {problem}"
    return ""


def _problem(volume: Volume, values: Any, corners_mm: Any) -> str:
    ni, nj, _ = volume.voxels.shape
    index = np.linalg.solve(volume.affine[:3, :3], (corners_mm[0] - volume.affine[:3, 3]))
    k = int(np.round(index[2]))
    if values.shape != (nj, ni) or not 0 <= k < volume.voxels.shape[2]:
        return "not in the volume"
    grid = to_lps(volume.affine, [[i, j, k] for i in (0, ni - 1) for j in (0, nj - 1)])
    off_mm = float(np.linalg.norm(grid - corners_mm, axis=1).max())
    if off_mm > 0.1:
        return f"{off_mm:.2f} mm off"
    if not np.array_equal(volume.voxels[:, :, k].T.astype(np.float32), values):
        return "other values"
    return ""


# How a file is mutated: each takes the content and a source of chance and returns the mutant.


def flip_bits(content: bytearray, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 8)):
        content[_somewhere(content, chance)] ^= 1 << chance.randrange(8)


def set_bytes(content: bytearray, chance: random.Random) -> None:
    at = _somewhere(content, chance)
    content[at : at + chance.choice((1, 2, 4))] = chance.randbytes(chance.choice((1, 2, 4)))


def truncate(content: bytearray, chance: random.Random) -> None:
    del content[_somewhere(content, chance) :]


def insert(content: bytearray, chance: random.Random) -> None:
    at = _somewhere(content, chance)
    content[at:at] = chance.randbytes(chance.randint(1, 16))


def remove(content: bytearray, chance: random.Random) -> None:
    at = _somewhere(content, chance)
    del content[at : at + chance.randint(1, 32)]


def append(content: bytearray, chance: random.Random) -> None:
    content += chance.randbytes(chance.choice((1, 2, 700, 5000)))


def set_length(content: bytearray, chance: random.Random) -> None:
    spans = _elements(content)
    if spans:
        start, value, _ = chance.choice(spans)
        wide = value - start == 12
        number = chance.choice(LENGTHS)
        code = struct.pack("<I", number) if wide else struct.pack("<H", number & 0xFFFF)
        content[value - len(code) : value] = code


def duplicate_element(content: bytearray, chance: random.Random) -> None:
    spans = _elements(content)
    if spans:
        start, _, end = chance.choice(spans)
        content[end:end] = content[start:end]


def delete_element(content: bytearray, chance: random.Random) -> None:
    spans = _elements(content)
    if spans:
        start, _, end = chance.choice(spans)
        del content[start:end]


def swap_elements(content: bytearray, chance: random.Random) -> None:
    spans = _elements(content)
    if len(spans) > 2:
        n = chance.randrange(len(spans) - 1)
        (a, _, b), (_, _, c) = spans[n], spans[n + 1]
        content[a:c] = content[b:c] + content[a:b]


def edit_tag(content: bytearray, chance: random.Random) -> None:
    """Change the value of a tag that says where or what the pixels are."""
    tag = tag_of(chance.choice(EDITED))
    code = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    start = bytes(content[:2_000_000])
    places = [m.start() for m in re.finditer(re.escape(code), start) if m.end() + 16 < len(start)]
    if not places:
        return flip_bits(content, chance)
    at = chance.choice(places)
    head = 12 if bytes(content[at + 4 : at + 6]) in (b"OB", b"OW", b"SQ", b"UN") else 8
    value = at + head
    if bytes(content[at + 4 : at + 6]) == b"US":
        content[value : value + 2] = struct.pack("<H", chance.choice(NUMBERS))
    else:
        length = struct.unpack_from("<H", content, at + 6)[0] if head == 8 else 4
        place = value + chance.randrange(max(min(length, 64), 1))
        content[place : place + 1] = chance.choice(b"0123456789.-+eE\\ \0_AZ").to_bytes()
    return None


MUTATIONS: tuple[Callable[[bytearray, random.Random], None], ...] = (
    flip_bits, set_bytes, truncate, insert, remove, append, set_length, duplicate_element,
    delete_element, swap_elements, edit_tag, edit_tag, edit_tag, edit_tag,
)  # fmt: skip


def _somewhere(content: bytearray, chance: random.Random) -> int:
    """Return a place, mostly in the header."""
    near = chance.random() < 0.8
    return chance.randrange(max(min(len(content), 4096 if near else len(content)), 1))


def _elements(content: bytearray) -> list[tuple[int, int, int]]:
    """Return (start, value, end) of the elements of explicit little endian up to the pixels."""
    spans, at = [], 132
    while at + 12 <= len(content) and content[at : at + 4] != b"\xe0\x7f\x10\x00":
        vr = bytes(content[at + 4 : at + 6])
        if vr in (b"OB", b"OW", b"SQ", b"UN", b"UT", b"UC", b"UR", b"OF"):
            value, length = at + 12, struct.unpack_from("<I", content, at + 8)[0]
        else:
            value, length = at + 8, struct.unpack_from("<H", content, at + 6)[0]
        if not vr.isalpha() or value + length > len(content):
            break
        spans.append((at, value, value + length))
        at = value + length
    return spans


def mutant(content: bytes, chance: random.Random) -> tuple[bytes, str]:
    """Return a mutated file and by what."""
    packed = content[:2] == b"\x1f\x8b" and chance.random() < 0.7
    changed = bytearray(gzip.decompress(content) if packed else content)
    names = []
    for _ in range(1 if chance.random() < 0.8 else chance.randint(2, 4)):
        mutate = chance.choice(MUTATIONS)
        if changed:
            mutate(changed, chance)
            names.append(mutate.__name__)
    return gzip.compress(changed, 1) if packed else bytes(changed), "+".join(names)


def planted(base: Base, seed: int) -> tuple[Path, dict[str, Any]]:
    """Put a mutant in the place of one of the files; returns which, and what to say of it."""
    chance = random.Random(f"{base.name} {seed}")
    path = chance.choice(base.files)
    content, how = mutant(base.content[path], chance)
    path.write_bytes(content)
    return path, {"base": base.name, "seed": seed, "file": path.name, "how": how}


def tried(base: Base, seed: int) -> dict[str, Any]:
    """Read one mutant of a base; returns what became of it."""
    path, said = planted(base, seed)
    begin = time.process_time()
    try:
        _, volumes = outcome(base.folder)
        wrong = misplaced(base, path, volumes)
        said |= {"became": "misplaced", "what": wrong} if wrong else {"became": "fine"}
        if said["became"] == "fine" and not volumes:
            said["became"] = "refused"
    except Exception:
        said |= {"became": "crash", "what": traceback.format_exc()[-1500:]}
    finally:
        path.write_bytes(base.content[path])
    seconds = time.process_time() - begin
    if seconds > 1.0 + 3 * base.seconds:
        said |= {"became": "hang", "what": f"{seconds:.1f} s, whole {base.seconds:.1f} s"}
    return said


def tried_by_worker(base: Base, seed: int) -> dict[str, Any]:
    """Read a mutant that ended its process as the program does: in a worker, refused by name."""
    path, said = planted(base, seed)
    said |= {"became": "crash", "what": "not refused"}
    try:
        with open_images(base.folder, Watch()) as images:
            for series in images.scan.series:
                try:
                    images.volume(series, Watch())
                except BadInput as error:
                    if path.name in str(error) and "ended the program" in str(error):
                        said |= {"became": "ended its worker", "what": str(error)}
    except Exception:
        said["what"] = traceback.format_exc()[-1500:]
    finally:
        path.write_bytes(base.content[path])
    return said


def in_children(everything: Sequence[Base], first: int, count: int) -> Iterator[dict[str, Any]]:
    """Yield what became of `count` mutants, read in a child; one that ends it, by a worker."""
    n = 0
    while n < count:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            with os.fdopen(writing, "w", buffering=1) as told:
                for k in range(n, count):
                    said = tried(everything[k % len(everything)], first + k // len(everything))
                    told.write(json.dumps(said) + "\n")
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as told:
            for line in told:
                n += 1
                yield json.loads(line)
        os.waitpid(child, 0)
        if n < count:
            yield tried_by_worker(everything[n % len(everything)], first + n // len(everything))
            n += 1


def main() -> None:
    """Read mutants of all bases in turn and print what is wrong with any, then a summary."""
    count, seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    os.environ["ORGANTWIN_NO_INDEX"] = "1"
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("error")
    became: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="organtwin-mutants-") as place:
        everything = list(bases(Path(place)))
        for said in in_children(everything, seed, count):
            became[said["became"]] += 1
            if said["became"] not in ("fine", "refused"):
                _say(said)
    _say({"mutants": count, "seed": seed, **became})


def _say(said: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
