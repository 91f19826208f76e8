"""An audit package fails, with the place, when anything in it is touched."""

import random
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from organtwin.casefolder import CaseFolder
from organtwin.core.case import Case
from organtwin.core.errors import AuditFailed, UnreadableFile
from organtwin.core.journal import Done
from organtwin.core.origin import Identity, Origin, Private
from organtwin.core.watch import Watch
from organtwin.reporting.audit import signing_key, write_audit
from organtwin.reporting.audit_check import verify_audit


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audit")
    path = folder / "audit.zip"
    (folder / "report.html").write_text("<p>32 mL</p>")
    with CaseFolder.create(folder / "case", Case("P")) as case:
        for name in ("a", "b", "c"):
            thing = case.put(Case(f"object {name}"))
            case.append(case.case.having(mesh=thing), Done(name, outputs=(thing,)))
        write_audit(
            path,
            case.entries,
            case.objects.content,
            files={"report.html": folder / "report.html"},
            key=Ed25519PrivateKey.generate(),
            watch=Watch(),
        )
    return path


def test_that_an_untouched_package_verifies(package: Path) -> None:
    verified = verify_audit(package, Watch())
    assert (verified.entries, verified.objects) == (4, 7)


def test_that_only_its_owner_may_read_a_package(package: Path) -> None:
    assert package.stat().st_mode & 0o077 == 0


def sealed_with_people(folder: Path, **options: Any) -> Path:
    path = folder / "people.zip"
    with CaseFolder.create(folder / "people", Case("P")) as case:
        names = (Identity("Meier^Anna", nonce="1"), Private('"/home/Meier"', "2"))
        ids = tuple(map(case.put, (*names, Origin("1.2", "1.2.3", "", "", "", "", "", "ACC9"))))
        case.append(case.case, Done("import", outputs=ids))
        content, key = case.objects.content, Ed25519PrivateKey.generate()
        write_audit(path, case.entries, content, files={}, key=key, watch=Watch(), **options)
    return path


def test_that_what_leads_to_the_patient_stays_out_and_the_chain_still_verifies(
    tmp_path: Path,
) -> None:
    path = sealed_with_people(tmp_path)
    verified = verify_audit(path, Watch())
    assert (verified.entries, verified.objects, verified.withheld) == (2, 1, 3)
    with zipfile.ZipFile(path) as package:
        everything = b"".join(map(package.read, package.namelist()))
    assert not any(word in everything for word in (b"Meier", b"1.2.3", b"ACC9"))


def test_that_the_identity_goes_along_when_asked_for(tmp_path: Path) -> None:
    verified = verify_audit(sealed_with_people(tmp_path, with_identity=True), Watch())
    assert (verified.objects, verified.withheld) == (4, 0)


def test_that_any_flipped_byte_is_found_with_a_place(package: Path, tmp_path: Path) -> None:
    content = package.read_bytes()
    touched = tmp_path / "touched.zip"
    places = random.Random(3).sample(range(len(content)), min(1500, len(content)))
    for place in places:
        touched.write_bytes(content[:place] + bytes([content[place] ^ 0x21]) + content[place + 1 :])
        with pytest.raises(AuditFailed) as failed:
            verify_audit(touched, Watch())
        assert failed.value.where, f"byte {place} was found without a place"


@pytest.mark.parametrize("cut", [1, 64, 65, 200, 3000])
def test_that_a_cut_package_is_found(package: Path, tmp_path: Path, cut: int) -> None:
    touched = tmp_path / "touched.zip"
    touched.write_bytes(package.read_bytes()[:-cut])
    with pytest.raises(AuditFailed):
        verify_audit(touched, Watch())


def rewritten(package: Path, target: Path, order: list[str], lines: list[int] | None) -> Path:
    """Write the members again in another order, or the journal's lines in another order."""
    with zipfile.ZipFile(package) as source, zipfile.ZipFile(target, "w") as copy:
        for name in order:
            content = source.read(name)
            if name == "journal.jsonl" and lines is not None:
                rows = content.splitlines(keepends=True)
                content = b"".join(rows[i] for i in lines)
            copy.writestr(name, content)
        copy.comment = source.comment
    return target


@pytest.mark.parametrize("lines", [[0, 2, 1, 3], [0, 1, 3], [0, 1, 2]])
def test_that_entries_reordered_or_removed_are_found(
    package: Path, tmp_path: Path, lines: list[int]
) -> None:
    names = zipfile.ZipFile(package).namelist()
    with pytest.raises(AuditFailed, match=r"changed|bytes"):
        verify_audit(rewritten(package, tmp_path / "x.zip", names, lines), Watch())


def test_that_a_removed_member_is_named(package: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(package) as source:
        names = source.namelist()
    gone = next(n for n in names if n.startswith("objects/"))
    names.remove(gone)
    with pytest.raises(AuditFailed) as failed:
        verify_audit(rewritten(package, tmp_path / "x.zip", names, None), Watch())
    assert failed.value.where == gone


def test_that_a_flip_in_an_object_names_the_object(package: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(package) as source:
        member = next(m for m in source.infolist() if m.filename.startswith("objects/"))
    content = bytearray(package.read_bytes())
    content[member.header_offset + 30 + len(member.filename) + member.compress_size // 2] ^= 4
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(AuditFailed) as failed:
        verify_audit(tmp_path / "x.zip", Watch())
    assert failed.value.where == member.filename


def test_that_a_missing_package_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile):
        verify_audit(tmp_path / "none.zip", Watch())


def test_that_the_key_is_kept_and_private(tmp_path: Path) -> None:
    first = signing_key(tmp_path / "key" / "signing-key.pem")
    again = signing_key(tmp_path / "key" / "signing-key.pem")
    assert first.private_bytes_raw() == again.private_bytes_raw()
    assert (tmp_path / "key" / "signing-key.pem").stat().st_mode & 0o077 == 0
