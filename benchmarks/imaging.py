"""Reading images against SimpleITK's series reader and plain pydicom, all in one run.

``python benchmarks/imaging.py [--json] [--quick]`` makes its data in a temporary folder (a CT of
500 slices of 512 by 512; 50 of them as JPEG 2000; 10 000 small files with headers of the usual
length), removes it at the end, and prints each ratio with its goal. Repetitions are interleaved and
the fastest of each is taken, so that a busy machine disturbs both sides alike. Exit status 1 when a
goal is missed.

- "load" is `open_images(...).volume(...)` of a folder looked at already, as the program does it;
  JPEG 2000 is decoded in a worker process, with the voxels in shared memory.
- "bytes" is reading the samples of each file straight into one new array of int16 on 2 threads, at
  an offset known before: no header, no check, no scaling, no pass over them but the system's own
  copy. Both sides fill new memory each time (an array as large as the CT) and keep all samples.
  For JPEG 2000 it is the decoder alone (OpenJPEG by pylibjpeg) on 2 threads.
- "scan" is `open_images(...)` of 10 000 files, "pydicom" is `dcmread(stop_before_pixels=True)` and
  the values that a list of series needs; "rescan" is the same again with nothing changed.
- "first slice" is from asking for the middle slice of a known series to having it; that of JPEG
  2000 by a worker that is started for it.
- "peak" is the most that this process and its workers hold together, shared memory counted once
  (PSS), beyond what they held before, while the CT is read and put into a case's objects.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import SimpleITK as sitk
from openjpeg import decode
from pydicom.encaps import generate_frames
from pydicom.uid import CTImageStorage, JPEG2000Lossless

from organtwin.casefolder import ObjectFolder
from organtwin.core.watch import Watch
from organtwin.importing import Images, open_images

WATCH = Watch()
ROWS, SLICES, FILES, SHARE = 512, 500, 10_000, 200
SAID = ("SeriesInstanceUID", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing",
        "Rows", "Columns", "PatientName", "PatientID", "Modality", "SeriesDescription")  # fmt: skip


@dataclass(frozen=True)
class Result:
    """One figure and its goal."""

    what: str
    figure: float
    unit: str
    goal: float
    at_least: bool

    @property
    def reached(self) -> bool:
        """Whether the goal is reached."""
        return self.figure >= self.goal if self.at_least else self.figure <= self.goal


def main() -> int:
    """Measure and print everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="a tenth of the data")
    asked = parser.parse_args()
    part = 10 if asked.quick else 1
    with tempfile.TemporaryDirectory(prefix="organtwin-benchmark-") as place:
        os.environ["XDG_DATA_HOME"] = f"{place}/data"
        os.environ.pop("ORGANTWIN_NO_INDEX", None)
        results = [*_loading(Path(place), SLICES // part), *_scanning(Path(place), FILES // part)]
    if asked.json:
        print(json.dumps([asdict(r) | {"reached": r.reached} for r in results]))
    for r in results if not asked.json else []:
        sign, word = ("≥", "≤")[not r.at_least], "reached" if r.reached else "MISSED"
        print(f"{r.what:<66} {r.figure:7.2f} {r.unit:<2} (goal {sign} {r.goal:g})  {word}")
    return 0 if all(r.reached for r in results) else 1


def _fastest(repeats: int, *runs: Callable[[], object]) -> list[float]:
    """Return the fewest seconds of each, repetitions interleaved."""
    seconds = [float("inf")] * len(runs)
    for _ in range(repeats):
        for n, run in enumerate(runs):
            begin = time.perf_counter()
            kept = run()
            seconds[n] = min(seconds[n], time.perf_counter() - begin)
            del kept
    return seconds


def _loading(place: Path, slices: int) -> list[Result]:
    folder = _ct(place / "ct", slices)
    packed = _ct(place / "j2k", max(slices // 10, 5), syntax=JPEG2000Lossless)
    with open_images(folder, WATCH) as images, open_images(packed, WATCH) as coded:
        series, small = images.scan.series[0], coded.scan.series[0]
        paths = [s.pixels.path for s in series.slices]
        offset = series.slices[0].pixels.offset
        codes = _codes([s.pixels.path for s in small.slices])
        _, itk = _fastest(3, lambda: images.volume(series, WATCH), lambda: _by_simpleitk(paths))
        ours, plain = _fastest(
            20, lambda: images.volume(series, WATCH), lambda: _bytes(paths, offset)
        )
        ours_coded, decoder = _fastest(
            3,
            lambda: coded.volume(small, WATCH),
            lambda: _decoded(codes),
        )
        same = np.array_equal(
            images.volume(series, WATCH).voxels.T, sitk.GetArrayFromImage(_by_simpleitk(paths))
        )
        if not same:
            raise SystemExit("SimpleITK reads other values")
        peak = _peak_bytes(images, ObjectFolder(place / "objects")) / np.prod(series.size) / 2
    first, first_coded = (min(_first_slice(f) for _ in range(3)) for f in (folder, packed))
    return [
        Result("load: SimpleITK's time / ours", itk / ours, "×", 2.0, True),
        Result("load: our time / reading the bytes", ours / plain, "×", 1.5, False),
        Result(
            "load, JPEG 2000: our time / the decoder alone", ours_coded / decoder, "×", 1.5, False
        ),
        Result("first slice", first, "s", 0.5, False),
        Result("first slice, JPEG 2000, by a fresh worker", first_coded, "s", 0.5, False),
        Result("peak memory / volume, read and put into a case", peak, "×", 1.3, False),
        Result("load (for information)", ours, "s", 60.0, False),
    ]


def _scanning(place: Path, files: int) -> list[Result]:
    folder = _headers(place / "headers", files)
    index = place / "data" / "organtwin" / "cache" / "scans.sqlite"

    def anew() -> None:
        index.unlink(missing_ok=True)
        with open_images(folder, WATCH) as images:
            assert sum(len(s.files) for s in images.scan.series) == files

    def again() -> None:
        with open_images(folder, WATCH) as images:
            assert sum(len(s.files) for s in images.scan.series) == files

    ours, rescan, plain = _fastest(3, anew, again, lambda: _by_pydicom(folder))
    return [
        Result(f"scan {files} headers: pydicom's time / ours", plain / ours, "×", 3.0, True),
        Result(f"rescan {files} headers: pydicom's time / ours", plain / rescan, "×", 20.0, True),
        Result("scan (for information)", ours, "s", 600.0, False),
        Result("rescan (for information)", rescan, "s", 600.0, False),
    ]


def _by_simpleitk(paths: Sequence[Path]) -> Any:
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([str(path) for path in paths])
    return reader.Execute()


def _bytes(paths: Sequence[Path], offset: int) -> Any:
    samples = np.empty((len(paths), ROWS, ROWS), "<i2")

    def one(n: int) -> None:
        with paths[n].open("rb", 0) as file:
            file.seek(offset)
            assert file.readinto(samples[n].data) == samples[n].nbytes

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, range(len(paths))))
    return samples


def _codes(paths: Sequence[Path]) -> list[bytes]:
    return [next(generate_frames(pydicom.dcmread(p).PixelData, number_of_frames=1)) for p in paths]


def _decoded(codes: Sequence[bytes]) -> list[Any]:
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(decode, codes))


def _by_pydicom(folder: Path) -> dict[str, list[Any]]:
    series: dict[str, list[Any]] = {}
    for path in sorted(folder.iterdir()):
        one = pydicom.dcmread(path, stop_before_pixels=True)
        values = [one.get(keyword) for keyword in SAID]
        series.setdefault(values[0], []).append(values)
    return series


def _first_slice(folder: Path) -> float:
    with open_images(folder, WATCH) as images:  # from the index: no worker has started yet
        begin = time.perf_counter()
        values, _ = images.placed_slice(
            images.scan.series[0], len(images.scan.series[0].slices) // 2
        )
        assert values.shape[:2] == (ROWS, ROWS)
        return time.perf_counter() - begin


def _peak_bytes(images: Images, store: ObjectFolder) -> float:
    """Return the most that all processes of this one hold beyond what they hold now."""
    before, most, over = _held_bytes(), 0, threading.Event()

    def follow() -> None:
        nonlocal most
        while not over.is_set():
            most = max(most, _held_bytes())
            time.sleep(0.005)

    follower = threading.Thread(target=follow)
    follower.start()
    store.put(images.volume(images.scan.series[0], WATCH))
    over.set()
    follower.join()
    return most - before


def _held_bytes() -> int:
    """Return the proportional set size of this process and its children."""
    total = 0
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    for pid in (str(os.getpid()), *children):
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024
    return total


def _ct(folder: Path, slices: int, syntax: str = "") -> Path:
    """Write a CT with tissue-like values; returns its folder."""
    folder.mkdir()
    chance = np.random.default_rng(7)
    j, i = np.mgrid[:ROWS, :ROWS] / ROWS - 0.5
    body = np.where(i**2 + j**2 < 0.16, 60.0, -1000.0)
    one = _header()
    for n in range(slices):
        if n < 20:
            values = (body + chance.normal(0, 15, body.shape)).round().astype("<i2") + 1024
            one.PixelData = values.tobytes()
            one["PixelData"].VR = "OW"
            if syntax:
                one.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
                one.compress(syntax, generate_instance_uid=False)
        one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{n}"
        one.ImagePositionPatient, one.InstanceNumber = [-180.0, -180.0, 1.5 * n], n + 1
        one.save_as(folder / f"{n:04d}.dcm")
    return folder


def _headers(folder: Path, files: int) -> Path:
    """Write small files with headers of the usual length, 200 a series; returns their folder."""
    folder.mkdir()
    one = _header()
    one.Rows = one.Columns = 8
    one.PixelData = bytes(128)
    for n in range(files):
        one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{n}"
        one.SeriesInstanceUID = f"1.2.4.{n // SHARE}"
        one.ImagePositionPatient = [-180.0, -180.0, 1.5 * (n % SHARE)]
        one.InstanceNumber = n % SHARE + 1
        one.save_as(folder / f"{n:05d}.dcm")
    return folder


def _header() -> pydicom.FileDataset:
    """Return a CT slice with about 120 elements, sequences among them."""
    meta = pydicom.dataset.FileMetaDataset()
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = CTImageStorage
    one = pydicom.FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    said: dict[str, Any] = {
        "SOPClassUID": CTImageStorage, "SeriesInstanceUID": "1.2.4", "StudyInstanceUID": "1.2.5",
        "FrameOfReferenceUID": "1.2.6", "Modality": "CT", "PatientName": "Bench^Mark",
        "PatientID": "B1", "PatientBirthDate": "19500101", "PatientSex": "O",
        "StudyDate": "20240101", "SeriesDate": "20240101", "AcquisitionDate": "20240101",
        "ContentDate": "20240101", "StudyTime": "101010", "SeriesTime": "101010",
        "AcquisitionTime": "101010", "ContentTime": "101010", "AccessionNumber": "42",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"], "Manufacturer": "None", "StudyID": "1",
        "StudyDescription": "Abdomen", "SeriesDescription": "portal venous 1.5 mm",
        "ProtocolName": "Abdomen", "BodyPartExamined": "ABDOMEN", "KVP": "120",
        "SliceThickness": "1.5", "SeriesNumber": "3", "AcquisitionNumber": "1",
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "PixelSpacing": [0.703125, 0.703125],
        "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "Rows": ROWS,
        "Columns": ROWS, "BitsAllocated": 16, "BitsStored": 16, "HighBit": 15,
        "PixelRepresentation": 1, "RescaleIntercept": "-1024", "RescaleSlope": "1",
        "RescaleType": "HU", "WindowCenter": "40", "WindowWidth": "400",
    }  # fmt: skip
    for keyword, value in said.items():
        setattr(one, keyword, value)
    for n in range(70):
        one.add_new(0x00090010 if n == 0 else 0x00091000 + n, "LO", f"PRIVATE VALUE NUMBER {n:03d}")
    item = pydicom.Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = CTImageStorage, "1.2.7.8"
    one.ReferencedImageSequence = [item, item]
    one.SourceImageSequence = [item]
    return one


if __name__ == "__main__":
    sys.exit(main())
