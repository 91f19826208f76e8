"""What foreign files do to the process that reads them stays in that process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import RLELossless

from organtwin.core.errors import BadArgument, NoImages, Stopped, UnreadableFile
from organtwin.core.watch import Watch
from organtwin.importing import (
    asking,
    images,
    label_source,
    open_images,
    read_masks,
    read_volume,
    scan,
    surveying,
)
from organtwin.importing.asking import Asked, Limits
from organtwin.importing.region import Region

ROOT = Path(__file__).parents[2]
WATCH = Watch()
Write = Callable[..., list[Path]]
ASK = Limits(2**30, 10.0)


def processes() -> dict[int, str]:
    """Return the workers that run anywhere, by process id."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if asking.MODULE in line or "tests.importing.rogue" in line:
            found[int(folder.name)] = line
    return found


def own_workers(parent: int) -> list[int]:
    """Return the workers whose parent is `parent`."""
    found = []
    for pid in processes():
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(state[1]) == parent and state[0] != "Z":
            found.append(pid)
    return found


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Each test ends without a worker and without a temporary folder."""
    before = set(Path(tempfile.gettempdir()).glob("organtwin-*"))
    yield
    assert own_workers(os.getpid()) == []
    left = set(Path(tempfile.gettempdir()).glob("organtwin-*")) - before
    assert not {path for path in left if path.stat().st_uid == os.getuid() and _ours(path)}


def _ours(path: Path) -> bool:
    return any("slices" in one.name for one in path.iterdir()) if path.is_dir() else False


@pytest.fixture
def rogue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let workers have broken codecs (see `rogue`) and little patience."""
    monkeypatch.setattr(asking, "MODULE", "tests.importing.rogue")
    impatient = partial(Limits, silence_s=0.7)
    monkeypatch.setattr(surveying, "Limits", impatient)
    monkeypatch.setattr(images, "Limits", impatient)


def renamed(paths: list[Path], number: int, name: str) -> Path:
    """Rename one of the files; all of them are compressed when it is about pixels."""
    for path in paths if "pixels" in name else ():
        one = pydicom.dcmread(path)
        one.compress(RLELossless, generate_instance_uid=False)
        one.save_as(path)
    return paths[number].rename(paths[number].with_name(name))


def test_that_a_worker_finds_and_reads_what_this_process_does(shared: Path) -> None:
    place = shared / "odd-dicom-a"
    here = scan(place, WATCH)
    with open_images(place, WATCH) as there:
        assert there.scan == here
        for series in here.series:
            if series.refusal is None and np.prod(series.size) < 2e6:
                ours, theirs = read_volume(series, WATCH), there.volume(series, WATCH)
                np.testing.assert_array_equal(ours.voxels, theirs.voxels)
                assert ours.voxels.dtype == theirs.voxels.dtype
                assert (ours.geometry, ours.unit) == (theirs.geometry, theirs.unit)


def test_that_masks_come_back_as_they_are(shared: Path) -> None:
    with open_images(shared / "sts-002", WATCH) as there:
        source = next(s for s in there.scan.labels if s.kind == "RTSTRUCT")
        series = next(
            s for s in there.scan.usable() if s.frame_uid and s.frame_uid == source.frame_uid
        )
        volume = there.volume(series, WATCH)
        ours, theirs = read_masks(source, volume, WATCH), there.masks(source, volume, WATCH)
        assert [(m.name, m.code, m.source_ml) for m in ours] == [
            (m.name, m.code, m.source_ml) for m in theirs
        ]
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one.voxels, other.voxels)


def test_that_a_worker_takes_a_file_as_labels_as_this_process_does(shared: Path) -> None:
    path = shared / "totalseg-abdomen-3mm/labels_total_v2_fast.nii.gz"
    with open_images(path, WATCH) as there:
        assert there.label_source(path, WATCH) == label_source(path)


@pytest.mark.usefixtures("rogue")
@pytest.mark.parametrize("how", ["abort", "endless", "greedy"])
def test_that_labels_that_end_their_reader_are_an_error(
    write: Write, tmp_path: Path, how: str
) -> None:
    bad = renamed(write([0.0, 3.0, 6.0]), 1, f"{how}-labels.dcm")
    with open_images(tmp_path / "dicom", WATCH) as there:
        with pytest.raises(UnreadableFile, match=f"{how}-labels.dcm"):
            there.label_source(bad, WATCH)
        assert there.volume(there.scan.series[0], WATCH).voxels.shape == (5, 4, 3)


def test_that_voxels_are_read_only_and_outlive_the_worker(write: Write, tmp_path: Path) -> None:
    renamed(write([0.0, 3.0, 6.0]), 0, "pixels.dcm")
    with open_images(tmp_path / "dicom", WATCH) as there:
        volume = there.volume(there.scan.series[0], WATCH)
    assert volume.voxels[3, 2, 1] == 100 + 20 + 3 - 1000
    with pytest.raises(ValueError, match="read-only"):
        volume.voxels[0, 0, 0] = 1


def test_that_nobody_can_change_or_shorten_sealed_memory() -> None:
    region = Region(4096)
    region.array((4096,), np.dtype("u1"))
    with pytest.raises(PermissionError):
        os.pwrite(region.file, b"x", 0)
    with pytest.raises(PermissionError):
        os.ftruncate(region.file, 10)
    region.close()


@pytest.mark.usefixtures("rogue")
@pytest.mark.parametrize("how", ["abort", "endless", "greedy"])
def test_that_a_header_that_ends_its_reader_is_refused_by_name(
    write: Write, tmp_path: Path, how: str
) -> None:
    paths = write([0.0, 3.0, 6.0, 9.0, 12.0])
    bad = renamed(paths, 4, f"{how}-header.dcm")
    with open_images(tmp_path / "dicom", WATCH) as there:
        assert [s.size for s in there.scan.series] == [(5, 4, 4)]
        assert [(r.path, r.error_class) for r in there.scan.refused] == [(bad, "UnreadableFile")]


@pytest.mark.usefixtures("rogue")
def test_that_many_files_are_scanned_around_those_that_end_their_reader(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surveying, "CHUNK", 5)
    paths = write(list(np.arange(24.0)))
    bad = [renamed(paths, n, f"{n:03d}-abort-header.dcm") for n in (0, 11, 23)]
    with open_images(tmp_path / "dicom", WATCH) as there:
        assert sum(len(s.files) for s in there.scan.series) == 21
        assert sorted(r.path for r in there.scan.refused) == sorted(bad)


@pytest.mark.usefixtures("rogue")
@pytest.mark.parametrize("how", ["abort", "endless"])
def test_that_pixels_that_end_their_reader_are_named_and_the_rest_can_be_read(
    write: Write, tmp_path: Path, how: str
) -> None:
    paths = write([0.0, 3.0, 6.0])
    renamed(paths, 1, f"{how}-pixels.dcm")
    write([0.0, 3.0, 6.0], SeriesInstanceUID="1.2.4")
    with open_images(tmp_path / "dicom", WATCH) as there:
        bad, good = there.scan.series
        with pytest.raises(UnreadableFile, match=f"{how}-pixels.dcm"):
            there.volume(bad, WATCH)
        assert there.volume(good, WATCH).voxels.shape == (5, 4, 3)


@pytest.mark.usefixtures("rogue")
def test_that_pixels_that_need_too_much_memory_are_an_error(write: Write, tmp_path: Path) -> None:
    renamed(write([0.0, 3.0, 6.0]), 1, "greedy-pixels.dcm")
    with (
        open_images(tmp_path / "dicom", WATCH) as there,
        pytest.raises(UnreadableFile, match="more memory than allowed"),
    ):
        there.volume(there.scan.series[0], WATCH)


def test_that_stopping_at_any_moment_leaves_nothing(write: Write, tmp_path: Path) -> None:
    paths = write(list(np.arange(12.0)))
    packed = tmp_path / "slices.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in paths:
            archive.write(path, path.name)
    for after_s in (0.0, 0.05, 0.15, 0.2, 0.25, 0.3):
        end = time.monotonic() + after_s
        watch = Watch(asked_to_stop=lambda end=end: time.monotonic() > end)
        with pytest.raises(Stopped):
            _read_for_ever(packed, watch)
        assert own_workers(os.getpid()) == []


def _read_for_ever(place: Path, watch: Watch) -> None:
    with open_images(place, watch) as there:
        while True:
            there.volume(there.scan.series[0], watch)


@pytest.mark.parametrize("after_s", [0.1, 0.5, 0.9])
def test_that_a_worker_does_not_outlive_a_killed_parent(
    write: Write, tmp_path: Path, after_s: float
) -> None:
    paths, private = write(list(np.arange(12.0))), tmp_path / "tmp"
    private.mkdir()
    with zipfile.ZipFile(tmp_path / "slices.zip", "w") as archive:
        for path in paths:
            archive.write(path, path.name)
    code = (
        "import sys; from pathlib import Path; from organtwin.importing import open_images\n"
        "from organtwin.core.watch import Watch\n"
        "with open_images(Path(sys.argv[1]), Watch()) as there:\n"
        "    print('open', flush=True)\n"
        "    while True: there.volume(there.scan.series[0], Watch())\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "slices.zip")],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(private)},
        stdout=subprocess.PIPE,
    )
    time.sleep(after_s)
    workers = own_workers(parent.pid)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert parent.stdout is not None
    parent.stdout.close()
    end = time.monotonic() + 3.0
    while time.monotonic() < end and (set(workers) & set(processes()) or list(private.iterdir())):
        time.sleep(0.02)
    assert not set(workers) & set(processes())
    assert list(private.iterdir()) == []


def test_that_a_worker_knows_no_secrets_and_dumps_no_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORGANTWIN_SECRET", "hush")
    worker = Asked()
    worker.ask("headers", ASK, WATCH, paths=[], keep=None, careful=False)
    told = Path(f"/proc/{worker.pid}/environ").read_bytes()
    limits = Path(f"/proc/{worker.pid}/limits").read_text().splitlines()
    worker.end()
    assert b"hush" not in told
    assert next(line for line in limits if "core file" in line).split()[4] == "0"
    assert "unlimited" not in next(line for line in limits if "cpu time" in line)[:40]


def test_that_a_worker_starts_without_what_takes_long() -> None:
    code = (
        "import sys, organtwin.importing.worker, organtwin.importing.formats as formats\n"
        "formats.everything_wanted()\n"
        "print([name for name in ('pydicom', 'scipy', 'PIL') if name in sys.modules])"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "[]"


def test_that_an_empty_place_is_told_as_ever(tmp_path: Path) -> None:
    with pytest.raises(NoImages), open_images(tmp_path, WATCH):
        pass


def test_that_closed_images_are_not_read(write: Write, tmp_path: Path) -> None:
    write([0.0, 3.0, 6.0])
    with open_images(tmp_path / "dicom", WATCH) as there:
        series = there.scan.series[0]
    with pytest.raises(BadArgument, match="closed"):
        there.volume(series, WATCH)


def test_that_what_was_unpacked_goes_with_the_next_run_when_all_were_killed(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths, private = write([0.0, 3.0, 6.0]), tmp_path / "tmp"
    private.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(private))
    with zipfile.ZipFile(tmp_path / "slices.zip", "w") as archive:
        for path in paths:
            archive.write(path, path.name)
    code = (
        "import os, sys; from pathlib import Path; from organtwin.importing import open_images\n"
        "from organtwin.core.watch import Watch\n"
        "with open_images(Path(sys.argv[1]), Watch()) as there:\n"
        "    there._crew.replace(0)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "slices.zip")],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(private)},
        check=False,
    )
    assert len(list(private.iterdir())) == 1
    with open_images(tmp_path / "slices.zip", WATCH):
        assert len(list(private.iterdir())) == 1
    assert list(private.iterdir()) == []
