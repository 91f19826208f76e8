"""Visits that may be of another patient are held until a person decides."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from organtwin.casefolder import CaseFolder, ObjectFolder
from organtwin.core.case import Case
from organtwin.core.errors import BadArgument, BadInput
from organtwin.core.origin import Identity
from organtwin.core.watch import Watch
from organtwin.importing.found import LabelSource
from organtwin.pipeline import STEPS, run_step
from organtwin.pipeline.identifying import doubts_of_labels, kept
from organtwin.tables import identities, visits
from tests.slices import slice_of, values_at

ANN, OTHER = {"PatientName": "Meier^Anna"}, {"PatientName": "Zorn^Otto", "PatientSex": "M"}
SPELLED, DIFFERS = ("name is spelled differently",), ("name differs",)

NAMES = [
    ("Meier^Anna", "MEIER^ANNA", ()),
    ("Meier^Anna", "Meier^Anna^^", ()),
    ("Meier^Anna", " Meier ^ Anna ", ()),
    ("Mu\u0308ller^Jo\u0308rg", "Müller^Jörg", ()),
    ("O'Brien^Pat", "O`BRIEN^PAT", ()),
    ("Ｙａｍａｄａ^Ｔａｒｏｕ", "Yamada^Tarou", ()),
    ("Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada^Tarou", ()),
    ("Люкceмбypг", "ЛЮКCEМБYPГ", ()),
    ("Müller^Jörg", "MUELLER^JOERG", SPELLED),
    ("Müller^Jörg", "Muller^Jorg", SPELLED),
    ("Großmann^Eva", "GROSSMANN^EVA", ()),
    ("Meier^Anna^Maria", "Meier^Anna", SPELLED),
    ("Meier^Anna^M", "Meier^Anna^Maria", SPELLED),
    ("Meier^Anna", "Anna^Meier", SPELLED),
    ("Meier^Anna^^Dr.", "Meier^Anna", SPELLED),
    ("van der Berg^Jan", "vanderBerg^Jan", SPELLED),
    ("Yamada^Tarou=山田^太郎", "Yamada^Taro=山田^太郎", SPELLED),
    ("Yamada^Tarou", "=山田^太郎", SPELLED),
    ("Meier^Anna", "Meier^Anton", DIFFERS),
    ("Meier^Anna", "Schmidt^Anna", DIFFERS),
    ("Meier^Baby A", "Meier^Baby B", DIFFERS),
    ("Meier^Anna", "Meier^Baby of Anna", DIFFERS),
    ("Meier^Hans", "Meier^Hans^^^Jr.", DIFFERS),
    ("Amy^May", "Yam^Amy", DIFFERS),
    ("Meier^Anna", "ANONYMOUS", DIFFERS),
    ("REMOVED", "REMOVED", ()),
    ("Meier^Anna", "", ("no name or patient ID in common",)),
    ("", "", ()),
]


@pytest.mark.parametrize(("one", "other", "said"), NAMES)
def test_that_names_are_compared_as_a_person_would(
    one: str, other: str, said: tuple[str, ...]
) -> None:
    assert Identity(one).disagreements(Identity(other)) == said
    assert Identity(other).disagreements(Identity(one)) == said


IDS = [
    ("123", "123 ", ()),
    ("000123", "123", ("patient ID is spelled differently",)),
    ("A-12.3", "a123", ("patient ID is spelled differently",)),
    ("123^^^HOSP&1.2.3&ISO", "123", ("patient ID is spelled differently",)),
    ("123", "124", ("patient ID differs",)),
    ("0", "", ("no name or patient ID in common",)),
]


@pytest.mark.parametrize(("one", "other", "said"), IDS)
def test_that_ids_are_compared_as_a_person_would(
    one: str, other: str, said: tuple[str, ...]
) -> None:
    assert Identity(patient_id=one).disagreements(Identity(patient_id=other)) == said


def test_that_twins_differ_in_name_and_id_only() -> None:
    born = date(2001, 2, 3)
    one, other = Identity("M^A", "1", born, "F"), Identity("M^B", "2", born, "F")
    assert one.disagreements(other) == ("name differs", "patient ID differs")


def test_that_one_number_of_two_hospitals_is_not_one_patient() -> None:
    one, other = Identity("A", "1", issuer="north"), Identity("A", "1", issuer="south")
    assert one.disagreements(other) == ("issuer of the patient ID differs",)


def test_that_birth_date_and_sex_are_compared() -> None:
    one = Identity("A", "1", date(1950, 1, 2), "F")
    other = Identity("A", "1", date(1950, 2, 1), "Male")
    assert one.disagreements(other) == ("birth date differs", "sex differs")


def test_that_what_is_not_said_does_not_differ() -> None:
    assert Identity("A", "1", date(1950, 1, 2), "F").disagreements(Identity("A", "1")) == ()


@pytest.fixture
def store(tmp_path: Path) -> ObjectFolder:
    return ObjectFolder(tmp_path / "objects")


def write_series(folder: Path, number: int, **said: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    values = {"SeriesInstanceUID": f"1.2.{number}", "AcquisitionDate": f"2024010{number}"} | said
    for place in range(4):
        one = slice_of(values_at(place), (-10.0, -20.0, 3.0 * place), **values)
        one.save_as(folder / f"{number}{place}.dcm", enforce_file_format=True)


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., str]:
    def made(*identities: dict[str, Any]) -> str:
        for number, said in enumerate(identities, start=1):
            write_series(tmp_path / "all", number, **said)
        return str(tmp_path / "all")

    return made


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> tuple[Case, ObjectFolder, Any]:
    """A case whose second visit is held, where it is kept, and what its import said."""
    place = tmp_path_factory.mktemp("held")
    write_series(place / "all", 1, **ANN)
    write_series(place / "all", 2, **OTHER)
    store = ObjectFolder(place / "objects")
    case, done = do("import", Case("P"), store, path=str(place / "all"), series=["0", "1.2.2"])
    return case, store, done


def do(name: str, case: Case, store: Any, **arguments: Any) -> tuple[Case, Any]:
    return run_step(name, case, store, arguments=arguments, watch=Watch())


def test_that_visits_that_agree_are_not_held(store: ObjectFolder, folder: Any) -> None:
    case, _ = do("import", Case("P"), store, path=folder(ANN, ANN))
    assert [v.held for v in case.visits] == [(), ()]


def test_that_images_of_several_people_ask_for_a_choice(store: ObjectFolder, folder: Any) -> None:
    with pytest.raises(BadInput, match="2 patients") as refused:
        do("import", Case("P"), store, path=folder(ANN, OTHER, ANN))
    assert "series 0, 2; series 1" in refused.value.advice
    assert "Meier" not in str(refused.value)


def test_that_one_series_uid_on_two_people_is_two_series(store: ObjectFolder, folder: Any) -> None:
    one = {"SeriesInstanceUID": "1.2.3", "AcquisitionDate": "20240101"}
    path = folder(ANN | one, {**OTHER, "PatientID": "B2"} | one)
    with pytest.raises(BadInput, match="2 patients"):
        do("import", Case("P"), store, path=path)
    case, _ = do("import", Case("P"), store, path=path, series=["1"])
    assert store.get(case.visits[0].identity).name in ("Meier^Anna", "Zorn^Otto")
    assert store.get(case.visits[0].volume).voxels.shape == (5, 4, 4)


def test_that_chosen_series_that_disagree_are_held(held: Any) -> None:
    case, _, done = held
    assert case.visits[0].held == ()
    assert case.visits[1].held == ("name differs (visit of 2024-01-01)",)
    assert "1 held: perhaps another patient" in done.summary


def test_that_a_spelling_is_imported_and_held(store: ObjectFolder, folder: Any) -> None:
    path = folder({"PatientName": "Muller^Eva"}, {"PatientName": "Muller^Eva^Maria"})
    case, _ = do("import", Case("P"), store, path=path)
    assert case.visits[1].held == ("name is spelled differently (visit of 2024-01-01)",)


def test_that_a_later_import_is_compared_with_the_case(store: ObjectFolder, folder: Any) -> None:
    path = folder(ANN, OTHER)
    case, _ = do("import", Case("P"), store, path=path, series=["0"])
    case, _ = do("import", case, store, path=path, series=["1"])
    assert [bool(v.held) for v in case.visits] == [False, True]


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("segment", {}),
        ("label", {"path": "x"}),
        ("register", {}),
        ("score", {}),
        ("update", {}),
        ("acknowledge", {"reason": "x"}),
        ("edit", {"tool": "paint", "arguments": {}}),
    ],
)
def test_that_no_step_uses_a_held_visit(held: Any, name: str, asked: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="may be of another patient") as refused:
        do(name, *held[:2], visit=1, **asked)
    assert "organtwin identify" in refused.value.advice
    assert "Zorn" not in str(refused.value)


@pytest.mark.parametrize("name", sorted(set(STEPS) - {"import", "identify"}))
def test_that_every_step_rests_on_the_baseline(held: Any, name: str) -> None:
    case = held[0].with_visit(0, held=("sex differs",))
    needed: dict[str, Any] = {"reason": "x", "path": "x", "visit": 0, "scenario": "wait"}
    needed |= {"tool": "paint", "arguments": {}, "do": "add", "structure": "liver", "state": "done"}
    takes = STEPS[name].run.__kwdefaults__ or {}
    names = STEPS[name].run.__code__.co_varnames[: 3 + STEPS[name].run.__code__.co_kwonlyargcount]
    asked = {k: v for k, v in needed.items() if k in names and k not in takes}
    with pytest.raises(BadInput, match="visit 0 may be of another patient"):
        do(name, case, held[1], **asked)


def test_that_a_person_says_same_with_a_reason(held: Any) -> None:
    case, store, _ = held
    with pytest.raises(BadArgument, match="reason"):
        do("identify", case, store, visit=1, same_patient=True, reason=" ")
    case, done = do("identify", case, store, visit=1, same_patient=True, reason="married")
    assert case.visits[1].held == ()
    assert done.arguments == {"visit": 1, "same_patient": True, "reason": "married"}


def test_that_a_visit_of_another_patient_leaves_and_undo_brings_it_back(
    tmp_path: Path, folder: Any
) -> None:
    with CaseFolder.create(tmp_path / "case", Case("P")) as opened:
        opened.append(
            *do("import", opened.case, opened, path=folder(ANN, OTHER), series=["0", "1"])
        )
        opened.append(*do("identify", opened.case, opened, visit=1, same_patient=False, reason="x"))
        assert len(opened.case.visits) == 1
        opened.undo()
        assert len(opened.case.visits) == 2


def test_that_the_baseline_cannot_leave(held: Any) -> None:
    with pytest.raises(BadArgument, match="begins with visit 0"):
        do("identify", *held[:2], visit=0, same_patient=False, reason="x")


def test_that_there_is_nothing_to_decide_without_a_doubt(held: Any) -> None:
    with pytest.raises(BadArgument, match="no doubt"):
        do("identify", *held[:2], visit=0, same_patient=True, reason="x")


def test_that_the_journal_holds_neither_name_nor_path(held: Any) -> None:
    case, store, done = held
    assert "all" not in str(done.arguments["path"])
    assert "Meier" not in str((case, done))
    assert store.get(done.arguments["path"]).value.endswith('/all"')


def test_that_each_visit_has_an_identity_of_its_own(store: ObjectFolder) -> None:
    ids = [kept(Identity("Meier^Anna"), store) for _ in range(2)]
    assert ids[0] != ids[1]
    assert [store.get(i).name for i in ids] == ["Meier^Anna"] * 2


@pytest.mark.parametrize(
    ("series", "name", "doubts"),
    [
        ("1.2.1", "Zorn^Otto", ()),
        ("1.9", "Meier^Anna", ()),
        ("1.9", "Zorn^Otto", ("name differs (between the labels and the images)",)),
        ("1.9", "", ()),
    ],
)
def test_that_labels_of_another_patient_are_held(
    held: Any, series: str, name: str, doubts: tuple[str, ...]
) -> None:
    case, store, _ = held
    said = Identity(name, "A1" if name else "")
    labels = LabelSource(Path("x"), "SEG", series, "", (), said)
    assert doubts_of_labels(labels, case.visits[0], store) == doubts


def test_that_identities_are_shown_side_by_side(held: Any) -> None:
    case, store, _ = held
    table = identities(case, store, 1)
    assert table.columns == ("what", "visit 1", "visit 0")
    assert table.rows[0] == ("name", "Zorn^Otto", "Meier^Anna")
    assert visits(case, store).rows[1][-1] == "name differs (visit of 2024-01-01)"
    assert "Zorn" not in str(visits(case, store))
