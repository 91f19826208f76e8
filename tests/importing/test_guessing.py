"""Phases and weightings guessed as radiographers name them, and no guess where they do not say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from organtwin.core.watch import Watch
from organtwin.importing import Guess, scan
from organtwin.importing.elements import Elements, tag_of
from organtwin.importing.guessing import guess_of, in_order
from organtwin.importing.phases import CONTRAST_TABLE, seconds_of
from organtwin.importing.weightings import WEIGHTING_TABLE
from organtwin.importing.wording import Table

Write = Callable[..., list[Path]]


def header(modality: str, **said: Any) -> Elements:
    """Return a header of text values by keyword."""
    values = {"Modality": modality, **said}
    return Elements(
        {tag_of(k): ("LO", str(v).encode()) for k, v in values.items()}, False, ("utf8",)
    )


def named(modality: str, description: str, **said: Any) -> str:
    return guess_of(header(modality, SeriesDescription=description, **said)).name


@pytest.mark.parametrize(
    ("description", "name"),
    [
        ("Abdomen nativ 5.0", "native"),
        ("ABD SANS IV", "native"),
        ("TAP sans injection 1.25", "native"),
        ("CT ABDOMEN W/O", "native"),
        ("Abdomen without contrast", "native"),
        ("HEPATIC NON-CONTRAST 2.5", "native"),
        ("Liver C- 1.0 B30f", "native"),
        ("Abdomen sin contraste", "native"),
        ("Leber ohne KM", "native"),
        ("ABDO  ART 1.25", "arterial"),
        ("Oberbauch arteriell 3.0 I30f", "arterial"),
        ("Foie temps artériel", "arterial"),
        ("late arterial 2.0", "arterial"),
        ("Leber spätarteriell 1.0", "arterial"),
        ("FASE ARTERIAL", "arterial"),
        ("LIVER 35s", "arterial"),
        ("Thx/Abd porto-venös 5.0", "portal"),
        ("Abdomen portalvenös", "portal"),
        ("ABD PV 2.5mm", "portal"),
        ("Temps portal", "portal"),
        ("TAP porto-veineux", "portal"),
        ("venous phase 70 sec", "portal"),
        ("Abdomen ven. 3.0 B31f", "portal"),
        ("FASE VENOSA", "portal"),
        ("Abdomen Spätphase", "late"),
        ("Delayed 5min", "late"),
        ("ABDO TARDIF", "late"),
        ("fase tardía", "late"),
        ("Excretory phase", "late"),
        ("CTAC 3.75 Thick", "CT for PET"),
        ("THORAX VENEUX", "portal"),
        ("门脉期", "portal"),
        ("Lever portaal veneus", "portal"),
        ("Hepatic venous", "portal"),
        ("Abdomen post KM 70s", "portal"),
        ("Pre-op planning venous", "portal"),
        ("ABD C+ PV", "portal"),
        ("Abdo Art Tardif", "arterial"),
        ("ARTERIELLE TARDIVE", "arterial"),
        ("HAP 2.5mm", "arterial"),
        ("動脈相", "arterial"),
        ("W WO LIVER ART", "arterial"),
        ("Renal arterial phase", "arterial"),
        ("Pancreatic phase 40 s", "arterial"),
        ("LATE VENOUS", "late"),
        ("TARDIF 3 min", "late"),
        ("延迟期", "late"),
        ("NECT", "native"),
        ("Non con", "native"),
        ("True non con", "native"),
        ("NC", "native"),
        ("Blanco", "native"),
        ("Basale", "native"),
        ("ABDOMEN BASAL", "native"),
        ("Fase simple", "native"),
        ("Kontrastmittel ohne", "native"),
        ("Leber ohne i.v. KM", "native"),
        ("平扫", "native"),
        ("CAP W/O CONT", "native"),
    ],
)
def test_that_a_ct_phase_is_guessed_by_its_words(description: str, name: str) -> None:
    assert named("CT", description) == name


@pytest.mark.parametrize(
    "description",
    [
        "C-SPINE 2.0",
        "ABD/PEL 2.5 MM",
        "SmartScore - Gated 0.5 sec",
        "Thorax 1.0 B60f",
        "Abdomen art/ven 5.0",
        "KNIE ARTHRO",
        "MAR ARTIFACT REDUCTION",
        "Abdomen C+",
        "ABD W/WO",
        "Abd Pelvis W/WO",
        "LIVER W WO",
        "w/o & w contrast",
        "With and without",
        "Leber nativ mit KM",
        "Foie sans et avec injection",
        "TAP C-/C+",
        "Abdomen pre/post",
        "Basal lung bases",
        "VNC virtual non contrast",
        "Pulmonary arteries",
        "CTA pulmonary artery",
        "肺动脉",
        "Lung 30 s breath hold",
        "Mono 40 s",
        "Bolus tracking 30s",
        "PRE-MONITORING",
        "Abdomen post-op 5.0",
        "Iodine map arterial",
        "Subtraction art",
        "Vena cava",
        "3D PLATE",
        "",
    ],
)
def test_that_a_ct_without_a_clear_word_is_not_guessed(description: str) -> None:
    assert named("CT", description) == ""


@pytest.mark.parametrize(
    ("description", "name"),
    [
        ("3D_AX_T1_postcontrast", "T1c"),
        ("t1_mprage_sag_p2_iso", "T1"),
        ("t1_vibe_fs_tra KM", "T1c"),
        ("AX T1 +C", "T1c"),
        ("Ax LAVA pre", "T1"),
        ("t1_vibe_nativ", "T1"),
        ("T1 3D FSPGR GAD", "T1c"),
        ("t2_tse_tra_320", "T2"),
        ("t2_haste_cor_mbh", "T2"),
        ("Ax T2 FLAIR", "FLAIR"),
        ("t2_tirm_tra_dark-fluid", "FLAIR"),
        ("ep2d_diff_b50_400_800_TRACEW", "DWI"),
        ("DWI b1000", "DWI"),
        ("ep2d_diff_b50_400_800_ADC", "ADC"),
        ("dWIP e-THRIVE dyn", "T1c"),
        ("T1 FLAIR", "T1"),
        ("T1W_FLAIR", "T1"),
        ("Ax T1 FLAIR +C", "T1c"),
        ("T1 sans gado", "T1"),
        ("T1 contrast-free", "T1"),
        ("T1 without contrast", "T1"),
        ("T1 SE post-op follow up", "T1"),
        ("T1 PRE POST-OP", "T1"),
        ("T1 Posterior fossa", "T1"),
        ("T1 Postero-lateral", "T1"),
        ("T1 without fat sat", "T1"),
        ("T1W_FFE in phase", "T1"),
        ("T1 W TSE", "T1"),
        ("differential T1", "T1"),
        ("t1_vibe_fs_tra_bh_art", "T1c"),
        ("T1 post without fat sat", "T1c"),
        ("T1 nach KM", "T1c"),
        ("t1gd_tra", "T1c"),
        ("lava 20 min HBP", "T1c"),
        ("T1 con contraste", "T1c"),
        ("resolve T2", "T2"),
        ("T2 FLAIR FS GD", "FLAIR"),
        ("dADC map", "ADC"),
        ("DIFF-weighted trace", "DWI"),
    ],
)
def test_that_an_mr_weighting_is_guessed_by_its_words(description: str, name: str) -> None:
    assert named("MR", description) == name


@pytest.mark.parametrize(
    "description",
    ["3-Plane Localizer", "FAST LOCALIZER", "T/S/C RF FAST PILOT", "T2* GRE", "SWI", "TOF_3D",
     "T1 map", "MOLLI T1", "T1rho", "T1 post SUB", "Subtraction T1c-T1", "T1 w/wo", "T1 pre/post",
     "t1_fl2d PC mra", "ANGIO Projected from   C", "Survey", "PD/T2 T1", "ax fiesta", "AX PD FS"],
)  # fmt: skip
def test_that_an_mr_of_no_plain_weighting_is_not_guessed(description: str) -> None:
    assert named("MR", description) == ""


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({"ScanningSequence": "SE", "EchoTime": 12, "RepetitionTime": 500}, "T1"),
        ({"ScanningSequence": "SE", "EchoTime": 100, "RepetitionTime": 4000}, "T2"),
        ({"ScanningSequence": "SE", "EchoTime": 20, "RepetitionTime": 3000}, ""),
        ({"ScanningSequence": "SE\\IR", "EchoTime": 90, "RepetitionTime": 9000,
          "InversionTime": 2500}, "FLAIR"),
        ({"ScanningSequence": "SE\\IR", "EchoTime": 60, "RepetitionTime": 4000,
          "InversionTime": 160}, ""),
        ({"ScanningSequence": "GR", "SequenceVariant": "SP", "EchoTime": 2, "RepetitionTime": 5},
         "T1"),
        ({"ScanningSequence": "GR", "SequenceVariant": "SS", "EchoTime": 2, "RepetitionTime": 4},
         ""),
        ({"ScanningSequence": "GR\\IR", "EchoTime": 3, "RepetitionTime": 2300,
          "InversionTime": 900}, "T1"),
        ({"ScanningSequence": "GR", "EchoTime": 4, "RepetitionTime": 8,
          "ContrastBolusAgent": "Gadovist"}, "T1c"),
        ({"ScanningSequence": "EP", "EchoTime": 60, "RepetitionTime": 5000,
          "DiffusionBValue": 800}, "DWI"),
        ({"ImageType": "DERIVED\\PRIMARY\\DIFFUSION\\ADC"}, "ADC"),
        ({"AcquisitionContrast": "FLUID_ATTENUATED"}, "FLAIR"),
        ({"EchoTime": "abc", "RepetitionTime": 500, "ScanningSequence": "SE"}, ""),
    ],
)  # fmt: skip
def test_that_an_mr_weighting_is_guessed_by_its_times(said: dict[str, Any], name: str) -> None:
    assert named("MR", "", **said) == name


@pytest.mark.parametrize(
    ("after_s", "name"),
    [(10, ""), (35, "arterial"), (50, ""), (70, "portal"), (110, ""), (300, "late"), (4000, "")],
)
def test_that_a_ct_phase_is_guessed_by_seconds_after_the_injection(after_s: int, name: str) -> None:
    taken = f"12{after_s // 60 % 60:02d}{after_s % 60:02d}.5" if after_s < 3600 else "130640"
    said = {"ContrastBolusStartTime": "120000.5", "AcquisitionTime": taken}
    assert named("CT", "Abdomen 2.0", **said) == name


def test_that_a_guess_names_what_it_was_told_by() -> None:
    said = header("CT", SeriesDescription="Abdomen porto-venös")
    assert guess_of(said) == Guess("portal", "SeriesDescription says 'porto-venos'")


def test_that_the_protocol_speaks_where_the_description_is_silent() -> None:
    said = header("CT", SeriesDescription="AXIAL 2.0", ProtocolName="Leber_arteriell")
    assert guess_of(said) == Guess("arterial", "ProtocolName says 'arteriell'")


def test_that_a_pet_is_a_pet() -> None:
    assert guess_of(header("PT", SeriesDescription="WB art")) == Guess("PET", "Modality PT")


@pytest.mark.parametrize("text", ["", "nonsense", "1234"])
def test_that_no_time_is_no_time(text: str) -> None:
    assert seconds_of(text) is None


def test_that_a_time_is_seconds_since_midnight() -> None:
    assert seconds_of("010203.5") == 3723.5


def test_that_phases_of_one_series_say_which_they_are(write: Write, tmp_path: Path) -> None:
    for number, time in ((1, "120030"), (2, "120105"), (3, "120500")):
        write([0.0, 3.0, 6.0], AcquisitionNumber=number, AcquisitionTime=time)
    guesses = [s.guess for s in scan(tmp_path / "dicom", Watch()).series]
    assert guesses == [
        Guess("", "phase 1 of 3"),
        Guess("", "phase 2 of 3, 35 s after the first"),
        Guess("", "phase 3 of 3, 270 s after the first"),
    ]


def test_that_phases_after_an_injection_are_named(write: Write, tmp_path: Path) -> None:
    for number, time in ((1, "120030"), (2, "120105")):
        write(
            [0.0, 3.0, 6.0], AcquisitionNumber=number, AcquisitionTime=time,
            ContrastBolusStartTime="120000", ContrastBolusAgent="Iomeprol",
        )  # fmt: skip
    names = [s.guess.name for s in scan(tmp_path / "dicom", Watch()).series]
    assert names == ["arterial", "portal"]


@pytest.mark.parametrize(
    ("time", "guess"),
    [
        ("120035", Guess("portal", "+35 s from the arterial series of the study")),
        ("120400", Guess("late", "+240 s from the arterial series of the study")),
        ("120010", Guess()),
        ("110000", Guess()),
    ],
)
def test_that_a_series_is_guessed_by_the_others_of_its_study(time: str, guess: Guess) -> None:
    study = {"StudyInstanceUID": "1.2", "ContrastBolusAgent": "Iomeprol"}
    first = header("CT", SeriesDescription="ART", AcquisitionTime="120000", **study)
    other = header("CT", SeriesDescription="Abdomen 2.0", AcquisitionTime=time, **study)
    assert in_order([(first, guess_of(first)), (other, guess_of(other))])[1] == guess


def test_that_a_series_without_contrast_is_not_guessed_by_others() -> None:
    said = {"StudyInstanceUID": "1.2"}
    first = header("CT", SeriesDescription="ART", AcquisitionTime="120000", **said)
    other = header("CT", SeriesDescription="Abdomen 2.0", AcquisitionTime="120035", **said)
    assert in_order([(first, guess_of(first)), (other, Guess())])[1] == Guess()


REAL = {
    "remind-022-brain-mr": {"T1c"},
    "sts-002/dicom": {"T1", "PET", ""},
    "ccth-a01-abdomen": {"CT for PET", "PET"},
    "ge-ct-tilt-nonuniform": {""},
    "odd-dicom-a/localizer-3-planes": {""},
    "odd-dicom-a/two-dates-abdomen": {""},
    "odd-dicom-a/seg-liver-3slices": {""},
}


@pytest.mark.parametrize("folder", REAL)
def test_that_real_series_are_guessed_or_left(shared: Path, folder: str) -> None:
    found = scan(shared / folder, Watch()).series
    assert {s.guess.name for s in found} == REAL[folder]


BOLUS = {"ContrastBolusAgent": "Iomeprol", "ContrastBolusStartTime": "120000"}
AT_70_S = {**BOLUS, "AcquisitionTime": "120110"}


@pytest.mark.parametrize(
    ("said", "guess"),
    [
        (
            {"SeriesDescription": "ABD W/WO"},
            Guess("portal", "acquired 70 s after ContrastBolusStartTime"),
        ),
        (
            {"SeriesDescription": "AX 5MM", "ProtocolName": "LIVER W WO"},
            Guess("portal", "acquired 70 s after ContrastBolusStartTime"),
        ),
        (
            {"SeriesDescription": "Abdomen venous", "ProtocolName": "Leber nativ"},
            Guess("portal", "SeriesDescription says 'venous'"),
        ),
        (
            {"SeriesDescription": "Abdomen nativ"},
            Guess(
                "",
                "SeriesDescription says 'nativ', but acquired 70 s after ContrastBolusStartTime",
            ),
        ),
        (
            {"SeriesDescription": "ART"},
            Guess(
                "", "SeriesDescription says 'art', but acquired 70 s after ContrastBolusStartTime"
            ),
        ),
    ],
)
def test_that_the_time_after_the_injection_goes_before_words(
    said: dict[str, str], guess: Guess
) -> None:
    assert guess_of(header("CT", **said, **AT_70_S)) == guess


def test_that_an_mr_before_contrast_by_name_and_after_it_by_time_is_not_guessed() -> None:
    said = header("MR", SeriesDescription="T1 vibe pre", **AT_70_S)
    assert guess_of(said).name == ""
    assert "no contrast, as 'pre' says, but acquired 70 s" in guess_of(said).reason


def test_that_between_two_phases_a_word_decides_and_native_is_none() -> None:
    between = {**BOLUS, "AcquisitionTime": "120050"}
    assert named("CT", "Abdomen arteriell", **between) == "arterial"
    assert named("CT", "Abdomen nativ", **between) == ""


def test_that_the_protocol_is_of_many_series_and_goes_last() -> None:
    assert named("CT", "Abdomen with contrast", ProtocolName="Leber nativ") == ""
    assert named("MR", "T1 pre", ProtocolName="Brain post contrast") == "T1"
    assert named("MR", "T1 tra", ProtocolName="Brain W/WO", ContrastBolusAgent="Gd") == "T1c"


def test_that_a_subtraction_by_its_type_is_not_guessed() -> None:
    assert named("MR", "T1 post", ImageType="DERIVED\\SECONDARY\\SUBTRACT") == ""


@pytest.mark.parametrize("table", [CONTRAST_TABLE, WEIGHTING_TABLE])
def test_that_no_word_has_two_meanings(table: Table) -> None:
    words = [
        word.strip()
        for languages in table.values()
        for text in languages.values()
        for word in text.split(",")
    ]
    assert "" not in words
    assert sorted(set(words)) == sorted(words)
