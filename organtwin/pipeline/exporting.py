"""One visit → files for other systems, and the journal's entry of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from organtwin import __version__
from organtwin.core.case import Case, ObjectStore
from organtwin.core.journal import Done, JournalEntry
from organtwin.core.watch import Watch
from organtwin.organs import organ
from organtwin.pipeline.deidentifying import site_secret
from organtwin.pipeline.findings import findings_of
from organtwin.pipeline.identifying import refuse_held, used_visits
from organtwin.pipeline.imaging import labels_of
from organtwin.pipeline.running import RecordedStore

PACKAGES: Final = ("pydicom", "highdicom", "numpy")
UNKNOWN: Final = "taken from a file, method not recorded"
EDITED: Final = "edited by hand"
BY_HAND: Final = ("edit", "structure")


def export(
    case: Case,
    store: ObjectStore,
    entries: Sequence[JournalEntry],
    *,
    what: Sequence[str],
    visit: int,
    to: Path,
    watch: Watch,
    plain: bool = False,
    deidentify: Sequence[str] | None = None,
    secret: Path | None = None,
    replace: bool = True,
) -> tuple[tuple[Path, ...], Done]:
    """Write one visit in some formats into a folder; returns the files and the journal's entry.

    Args:
        what: names of files in `organtwin.exporting`, or "all" for every usual one (without those
            that tell whose they are, where they are to be de-identified).
        plain: meshes as .stl and .obj files instead of DICOM objects.
        deidentify: options of `exporting.profile.CHOICES`, None to keep the patient.
        secret: file with a secret shared in a project; this installation's own without.
        replace: files of the same names that are there.

    Raises:
        BadArgument: no such format, visit or option.
        WouldReplace: there is such a file already.
        BadInput: the visit may be of another patient, the folder cannot be written, or a format
            cannot be de-identified.
        Missing: the visit has no labels.
        WrongGeometry: a grid that DICOM cannot describe.
        Stopped: somebody asked to stop. Nothing is left behind then, nor after any error.
    """
    from organtwin.exporting import export as format_named
    from organtwin.exporting import exports
    from organtwin.exporting.files import write_pieces

    usual = [n for n, e in exports().items() if e.usual and (deidentify is None or not e.tells_who)]
    names = list(dict.fromkeys(usual if "all" in what else what))
    formats = [format_named(name) for name in names]
    case.visit(visit)
    refuse_held(case, used_visits(case, {"visit": visit}))
    recorded = RecordedStore(store)
    material = _material(case, recorded, entries, visit=visit, names=names, plain=plain)
    treated = _treatment(deidentify, secret)

    def pieces() -> Iterator[Any]:
        for n, one in enumerate(formats):
            part = watch.part(n / len(formats), (n + 1) / len(formats))
            for piece in one.pieces(material, part):
                watch.tell((n + 1) / len(formats), f"writing {piece.name}")
                yield type(piece)(f"visit{visit}-{piece.name}", treated(piece.content))

    written = write_pieces(pieces(), to, replace=replace)
    files = {path.name: digest for path, digest in written}
    asked = {"what": names, "visit": visit, "plain": plain}
    options = None if deidentify is None else list(deidentify)
    done = Done(
        step="export",
        arguments=asked | {"deidentified": options, "files": files},
        inputs=tuple(recorded.read),
        summary=f"visit {visit}{'' if options is None else ', de-identified'}: {', '.join(files)}",
        versions={"organtwin": __version__} | {p: version(p) for p in PACKAGES},
    )
    return tuple(path for path, _ in written), done


def _treatment(options: Sequence[str] | None, secret: Path | None) -> Callable[[Any], Any]:
    """Return what takes the patient out of a DICOM object, plain bytes left as they are."""
    from pydicom.dataset import Dataset

    from organtwin.deidentifying.datasets import deidentified
    from organtwin.deidentifying.profile import profile_of

    if options is None:
        return lambda content: content
    profile, key = profile_of(options), site_secret(secret)

    def treated(content: Any) -> Any:
        return deidentified(content, profile, key) if isinstance(content, Dataset) else content

    return treated


def _material(
    case: Case,
    store: ObjectStore,
    entries: Sequence[JournalEntry],
    *,
    visit: int,
    names: Sequence[str],
    plain: bool,
) -> Any:
    from organtwin.exporting import Material
    from organtwin.exporting.header import Header, origin_for, whose

    here, labels = case.visit(visit), labels_of(case, store, visit)
    volume = store.get(here.volume)
    identity = store.get(here.identity) if here.identity else None
    origin = origin_for(volume, store.get(here.origin) if here.origin else None)
    return Material(
        Header(whose(identity, case.patient), origin),
        organ(case.organ),
        volume,
        labels,
        made_by(entries, here.labels),
        chosen=tuple(names),
        surfaces=lambda watch: _surfaces(labels, watch),
        pictures=_pictures(case, store, visit),
        report=_report(case, store, entries),
        findings=lambda: findings_of(case, store, visit),
        plain=plain,
    )


def made_by(entries: Sequence[JournalEntry], labels_id: str) -> Any:
    """Return how labels were made, as the journal tells it.

    Labels that a method changed further carry the names of all methods, and that they were edited
    by hand; one that a person seeded or edited makes all of it semi-automatic, and so does a file,
    of whose making nothing is known. Labels begun by hand and made by no method are manual.
    """
    from organtwin.exporting import Made
    from organtwin.segmenting import methods

    makers = {
        made: entry.done
        for entry in entries
        if entry.done.step in ("segment", "label", *BY_HAND)
        for made in entry.done.outputs
    }
    names: list[str] = []
    by_hand, known, passed = "", False, set[int]()
    done = makers.get(labels_id)
    while done is not None and id(done) not in passed and done.step != "label":
        passed.add(id(done))
        if done.step == "segment":
            names.insert(0, done.arguments["method"])
            if methods()[names[0]].kind == "automatic":
                automatic = len(names) == 1 and not by_hand
                kind: Any = "AUTOMATIC" if automatic else "SEMIAUTOMATIC"
                return Made(kind, ", ".join([*names, *filter(None, [by_hand])]))
        elif not _only_named(done):
            by_hand = EDITED
        known = done.step == "segment" or _begins(done)
        done = next((makers[i] for i in done.inputs if i in makers), None)
    known = known and done is None
    said = ", ".join([*([] if known else [UNKNOWN]), *names, *filter(None, [by_hand])])
    return Made("MANUAL" if known and not names else "SEMIAUTOMATIC", said, known)


def _begins(done: Done) -> bool:
    """Return whether a step began labels by hand: it read the image and no labels."""
    return done.step == "structure" and done.arguments["do"] == "add" and len(done.inputs) == 1


def _only_named(done: Done) -> bool:
    """Return whether a step changed no voxel, but what a structure is called or how it is shown."""
    return done.step == "structure" and done.arguments["do"] in ("rename", "recolour")


def _surfaces(labels: Any, watch: Watch) -> dict[str, Any]:
    from organtwin.meshing import surfaces

    return {name: (s.points, s.triangles) for name, s in surfaces(labels, watch).items()}


def _pictures(case: Case, store: ObjectStore, visit: int) -> Callable[[Watch], tuple[Any, ...]]:
    def draw(watch: Watch) -> tuple[Any, ...]:
        from organtwin.exporting import Drawn
        from organtwin.pipeline.handing_out import centre_mm, compared
        from organtwin.reporting import slice_picture

        labels, volume = labels_of(case, store, visit), store.get(case.visit(visit).volume)
        window = organ(case.organ).windows[0]
        drawn = []
        for structure in labels.of_kind("tumour") or labels.of_kind("organ"):
            watch.tell(0.0, f"drawing {structure.name}")
            point = centre_mm(labels, structure.name)
            title = "Research use only; not a medical device"
            image = slice_picture(volume, labels, point, window=window, title=title)
            drawn.append(Drawn(f"axial through {structure.name}", image))
        if case.comparison and store.get(case.comparison).day == case.visit(visit).day:
            drawn.append(Drawn("scenarios side by side", compared(case, store, watch)[1]))
        return tuple(drawn)

    return draw


def _report(
    case: Case, store: ObjectStore, entries: Sequence[JournalEntry]
) -> Callable[[Watch], bytes]:
    def write(watch: Watch) -> bytes:
        from organtwin.pipeline.handing_out import write_report

        with TemporaryDirectory() as folder:
            write_report(case, store, entries, to=Path(folder), watch=watch)
            return (Path(folder) / "report.pdf").read_bytes()

    return write
