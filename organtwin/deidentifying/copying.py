"""Copy a folder of DICOM files without their patient, each file whole or not there.

Foreign files are parsed by pydicom here, so that happens in a process of its own with bounded
memory and time (``python -P -m organtwin.deidentifying.copying``); what it dies of is refused.
It reads JSON lines from stdin: ``{"secret", "profile", "memory_bytes", "sweep"}``, then each file's
``{"source", "folder"}``; it answers each with ``{"name"}`` (below the folder) or ``{"refused"}``.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from pydicom.dataset import Dataset, FileDataset
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_partial

from organtwin.core.children import command, environment, safe_folder
from organtwin.core.errors import BadInput, OrganTwinError, UnreadableFile
from organtwin.core.watch import Watch
from organtwin.deidentifying.datasets import deidentified
from organtwin.deidentifying.pixels import PIXELS
from organtwin.deidentifying.profile import Profile
from organtwin.deidentifying.required import types_of
from organtwin.deidentifying.staging import staged, sweep

PART: Final = "part"
SECONDS: Final = 60
TOP_LIMIT: Final = 20_000
"""Elements beside each other: the dictionary has some 5000."""
MEMORY_BYTES: Final = 2**29
PAUSES_S: Final = (0.02, 0.2, 1.0, 4.0)
"""A killed process closes its end of the pipe a moment before its locks are free."""
TIMES: Final = 4
"""Memory of the child beyond its libraries: 512 MiB and four times the largest file."""
MOST_BYTES: Final = 16 * 2**30
ITEMS: Final = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")
ITEM_LIMIT: Final = 400_000
"""An RTSTRUCT of 50 000 contours has 100 000, an enhanced object of 10 000 frames some 200 000."""
UNDEFINED: Final = 0xFFFFFFFF
HEADER_BYTES: Final = 8
UID: Final = re.compile(r"[0-9.]{1,64}")
DIRECTORY: Final = "1.2.840.10008.1.3.10"


@dataclass(frozen=True)
class Copied:
    """What became of the files of a folder.

    Args:
        written: paths below the target.
        refused: path of the source, why it was not copied.
    """

    written: tuple[str, ...]
    refused: tuple[tuple[Path, str], ...]


def copy_deidentified(
    files: Sequence[Path], to: Path, profile: Profile, secret: bytes, *, watch: Watch,
    temporary: Sequence[Path] = (),
) -> Copied:  # fmt: skip
    """Copy files without their patient to a new folder; stopped or failed, it is not there.

    Files are called after their new UIDs, in a folder for each series; nobody else can read them.

    Args:
        temporary: folders in which `staged` folders of the caller lie; should this process be
            killed, the child removes them and its own.

    Raises:
        BadInput: there is something at `to` already, or it cannot be written.
        Stopped: somebody asked to stop.
    """
    if to.is_symlink() or (to.exists() and (not to.is_dir() or any(to.iterdir()))):
        raise BadInput(
            "there is something there already", where=str(to), advice="choose a new folder"
        )
    sizes = [path.stat().st_size for path in files if path.is_file()]
    memory = min(MEMORY_BYTES + TIMES * max(sizes, default=0), MOST_BYTES)
    sweeping = [str(folder.absolute()) for folder in (to.parent, *temporary)]
    asked = {
        "secret": secret.hex(), "profile": asdict(profile), "memory_bytes": memory,
        "sweep": sweeping,
    }  # fmt: skip
    written: list[str] = []
    refused: list[tuple[Path, str]] = []
    with staged(to.parent) as staging, closing(_Child(asked)) as child:
        for number, source in enumerate(files):
            watch.tell(number / len(files), f"file {number + 1} of {len(files)}")
            request = {"source": str(source.absolute()), "folder": str(staging.absolute())}
            answer = child.answer(request)
            if "name" in answer:
                written.append(answer["name"])
            else:
                refused.append((source, answer["refused"]))
        child.close()
        _put(staging, to)
    return Copied(tuple(written), tuple(refused))


def _put(staging: Path, to: Path) -> None:
    """Give the finished folder its name, when anything is in it."""
    for path in staging.rglob(f"*.{PART}"):
        path.unlink()
    try:
        if any(staging.iterdir()):
            staging.rename(to)
    except OSError as error:
        raise BadInput(f"cannot be written ({error.strerror})", where=str(to)) from error


class _Child:
    """The process that parses; started again when a file was its end."""

    def __init__(self, asked: Mapping[str, Any]) -> None:
        self._asked = asked
        self._process: subprocess.Popen[str] | None = None

    def answer(self, request: Mapping[str, str]) -> dict[str, str]:
        """Return what became of one file."""
        process = self._process or self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        timer = threading.Timer(SECONDS, process.kill)
        timer.start()
        try:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            line = process.stdout.readline(MEMORY_BYTES)
            answer: dict[str, str] = json.loads(line)
        except (OSError, ValueError):
            self.close()
            return {"refused": "reading it took more memory or time than it may"}
        finally:
            timer.cancel()
        return answer

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _started(self) -> subprocess.Popen[str]:
        self._process = subprocess.Popen(
            command("organtwin.deidentifying.copying"),
            env=environment(),
            cwd=safe_folder(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(self._asked) + "\n")
        return self._process


def main() -> None:
    """Treat one file after another, as asked on stdin; when nobody asks any more, clear up."""
    warnings.simplefilter("ignore")
    os.umask(0o077)
    asked = json.loads(sys.stdin.readline())
    _bound("RLIMIT_AS", _size_bytes() + asked["memory_bytes"])
    profile, secret = Profile(**asked["profile"]), bytes.fromhex(asked["secret"])
    with suppress(BrokenPipeError):
        for line in sys.stdin:
            _bound("RLIMIT_CPU", int(time.process_time()) + SECONDS)
            sys.stdout.write(json.dumps(_answer(json.loads(line), profile, secret)) + "\n")
            sys.stdout.flush()
    for pause_s in PAUSES_S:
        time.sleep(pause_s)
        for folder in asked["sweep"]:
            sweep(Path(folder))


def _answer(request: Mapping[str, str], profile: Profile, secret: bytes) -> dict[str, str]:
    """Return what became of one file."""
    try:
        return {"name": _copied(Path(request["source"]), Path(request["folder"]), profile, secret)}
    except OrganTwinError as error:
        return {"refused": f"{error.what}. {error.advice}" if error.advice else error.what}
    except MemoryError:
        return {"refused": "reading it took more memory than it may"}
    except InvalidDicomError:
        return {"refused": "this is not a DICOM file"}
    except Exception as error:  # whatever a parser does with a foreign file, never its values
        return {"refused": f"it cannot be read ({type(error).__name__})"}


def _bound(limit: str, value: int) -> None:
    """Set a limit of this process, where the system has such limits."""
    if sys.platform != "win32":
        import resource

        number = getattr(resource, limit)
        _, hard = resource.getrlimit(number)
        resource.setrlimit(number, (value, hard))


def _size_bytes() -> int:
    """Return how much address space this process has now: what libraries took."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except OSError:
        return MEMORY_BYTES
    return pages * os.sysconf("SC_PAGE_SIZE")


def _copied(source: Path, folder: Path, profile: Profile, secret: bytes) -> str:
    """Write one treated file below `folder`; returns its name there."""
    dataset = _read(source)
    if dataset.file_meta.get("MediaStorageSOPClassUID") == DIRECTORY:
        raise BadInput("a DICOMDIR names the patients of its files", advice="leave it out")
    if not {"SOPClassUID", "SOPInstanceUID"} <= {*dataset.dir()}:
        raise BadInput("this DICOM file says no SOP class or instance")
    _refuse_cut(dataset, source.stat().st_size)
    made = deidentified(dataset, profile, secret)
    uids = [str(made.get("SeriesInstanceUID", "0")), str(made.SOPInstanceUID)]
    if not all(map(UID.fullmatch, uids)):
        raise BadInput("a UID of this file is none")
    target = folder / uids[0] / f"{uids[1]}.dcm"
    if target.exists():
        raise BadInput("the same instance was copied already")
    target.parent.mkdir(exist_ok=True)
    part = target.with_suffix(f".{PART}")
    try:
        made.save_as(part, enforce_file_format=True)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return f"{target.parent.name}/{target.name}"


def _read(source: Path) -> FileDataset:
    """Read a file; raises UnreadableFile where elements go on and on."""
    count = 0

    def stop(*_: object) -> bool:
        nonlocal count
        count += 1
        if count > TOP_LIMIT:
            raise UnreadableFile(f"more than {TOP_LIMIT:,} elements beside each other")
        return False

    content = source.read_bytes()
    if max(map(content.count, ITEMS)) > ITEM_LIMIT:
        raise UnreadableFile(f"more than {ITEM_LIMIT:,} items of sequences")
    return read_partial(io.BytesIO(content), stop)


def _refuse_cut(dataset: Dataset, size: int) -> None:
    """Raise UnreadableFile when a file ends before its elements do; the parser lets that pass."""
    raws = [raw for tag in dataset.keys() if (raw := dataset.get_item(tag)).is_raw]  # noqa: SIM118
    ends = [raw.value_tell + raw.length for raw in raws if raw.length != UNDEFINED]
    short = any(len(raw.value or b"") < raw.length != UNDEFINED for raw in raws)
    rest = 0 if dataset.file_meta.TransferSyntaxUID.is_deflated else size - max(ends, default=size)
    if short or 0 < rest < HEADER_BYTES:
        raise UnreadableFile("the file is shorter than it says")
    pixels = (types_of(str(dataset.SOPClassUID)) or {}).get("PixelData", 3) < 3
    if (pixels or "Rows" in dataset) and not any(tag in dataset for tag in PIXELS):
        raise UnreadableFile("this image has no pixels; the file may have been cut")


if __name__ == "__main__":
    main()
