"""A patient hidden where no rule looks: tails of pixels, comments, representations, short texts."""

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels import get_decoder, get_encoder
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless, RLELossless

from organtwin.core.errors import BadInput, OrganTwinError, UnreadableFile
from organtwin.core.watch import Watch
from organtwin.deidentifying.copying import TOP_LIMIT, copy_deidentified
from organtwin.deidentifying.datasets import deidentified
from organtwin.deidentifying.frames import bare_frame
from organtwin.deidentifying.profile import Profile
from organtwin.deidentifying.traces import traces_of
from tests.deidentifying.test_deidentifying import SECRET, an_image, written

PLANE = np.random.default_rng(1).integers(0, 200, (64, 64), np.uint8)


def patient(**said: Any) -> Dataset:
    made = an_image(PatientName="Meier^Anna", PatientID="PID4711", **said)
    made.PatientBirthDate = "19300102"
    return made


def treated(image: Dataset, **options: Any) -> Dataset:
    """Return what becomes of an image as a file."""
    return deidentified(dcmread(io.BytesIO(written(image))), Profile(**options), SECRET)


def with_element(image: Dataset, tag: int, vr: str, value: bytes) -> Dataset:
    """Return the image read from a file in which an element was written as somebody likes."""
    content = written(image)
    place = content.index(struct.pack("<HH", 0x7FE0, 0x0010))
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr.encode()
    if vr in ("OB", "OW", "UN", "SQ", "UT"):
        head += struct.pack("<HI", 0, len(value))
    else:
        head += struct.pack("<H", len(value))
    return dcmread(io.BytesIO(content[:place] + head + value + content[place:]))


@pytest.mark.parametrize(
    ("tag", "vr", "value"),
    [
        (0x00540016, "OB", b"\xfe\xff\x00\xe0\x08\0\0\0MEIERxxx"),
        (0x00282000, "OB", b"ICC MEIER"),
        (0x00283006, "OW", b"MEIERANNA!"),
        (0x00189073, "LO", b"MEIER1"),
        (0x00181151, "IS", b"MEIER1"),
        (0x00181151, "US", b"MEIER1"),
        (0x00280106, "OB", b"MEIER1"),
        (0x00189073, "FD", b"12MEIER3"),
        (0x00180024, "UN", b"MEIER "),
        (0x04000520, "OB", b"MEIER1"),
    ],
)
def test_that_bytes_under_another_name_do_not_stay(tag: int, vr: str, value: bytes) -> None:
    made = deidentified(with_element(patient(), tag, vr, value), Profile(), SECRET)
    assert b"MEIER" not in written(made)


def test_that_a_patient_whose_name_is_written_as_another_kind_is_known() -> None:
    content = written(patient(ProtocolName="Meier"))
    lying = content.replace(b"\x10\0\x10\0PN", b"\x10\0\x10\0LO")
    made = deidentified(dcmread(io.BytesIO(lying)), Profile(descriptors=True), SECRET)
    assert b"Meier" in lying
    assert b"Meier" not in written(made)


def test_that_an_object_whose_needed_elements_lie_is_refused() -> None:
    image = with_element(patient(), 0x00280010, "LO", b"MEIER1")
    with pytest.raises(OrganTwinError, match=r"pixels|kind or form|cannot be read"):
        deidentified(image, Profile(), SECRET)


def test_that_pixels_longer_than_they_say_are_refused() -> None:
    image = patient()
    image.PixelData += b"MEIER ANNA"
    with pytest.raises(UnreadableFile, match="bytes of pixels instead of"):
        treated(image)


@pytest.mark.parametrize("said", [{"Rows": 0}, {"NumberOfFrames": 10**9}, {"BitsAllocated": 13}])
def test_that_impossible_pixels_are_refused(said: dict[str, Any]) -> None:
    with pytest.raises(OrganTwinError, match=r"impossible pixels|pixels of 13 bits"):
        treated(patient(**said))


def jpeg(**said: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(PLANE).save(stream, "JPEG", quality=95, **said)
    return stream.getvalue()


def worded(syntax: str) -> bytes:
    """Return a compressed frame that holds a name beside the picture and after it."""
    if syntax == JPEGBaseline8Bit:
        exif = Image.Exif()
        exif[0x010E] = "MEIER EXIF"
        return jpeg(exif=exif, comment=b"MEIER COMMENT") + b"MEIER"
    said = {"rows": 64, "columns": 64, "samples_per_pixel": 1, "bits_allocated": 8}
    said |= {"bits_stored": 8, "pixel_representation": 0, "number_of_frames": 1}
    frame = get_encoder(syntax).encode(
        PLANE, photometric_interpretation="MONOCHROME2", **said
    )  # fmt: skip
    comment = {JPEG2000Lossless: b"\xff\x64\0\x09\0\1MEIER", JPEGLSLossless: b"\xff\xfe\0\7MEIER"}
    if syntax in comment:
        at = frame.index(b"\xff\x52") if syntax == JPEG2000Lossless else 2
        frame = frame[:at] + comment[syntax] + frame[at:]
    return bytes(frame) + b"MEIER"


def decoded(frame: bytes, syntax: str) -> Any:
    values, _ = get_decoder(syntax).as_array(
        encapsulate([frame]), rows=64, columns=64, samples_per_pixel=1, bits_allocated=8,
        bits_stored=8, pixel_representation=0, number_of_frames=1,
        photometric_interpretation="MONOCHROME2",
    )  # fmt: skip
    return values


@pytest.mark.parametrize(
    "syntax", [JPEGBaseline8Bit, JPEG2000Lossless, JPEGLSLossless, RLELossless]
)
def test_that_words_beside_a_compressed_picture_go_and_the_picture_stays(syntax: str) -> None:
    frame = worded(syntax)
    assert b"MEIER" in frame
    bare = bare_frame(frame, syntax, 64 * 64)
    assert b"MEIER" not in bare
    assert np.array_equal(decoded(bare, syntax), decoded(frame[:-5], syntax))
    assert bare_frame(bare, syntax, 64 * 64) == bare
    with pytest.raises(BadInput, match="looked through"):
        bare_frame(frame[: len(frame) // 2], syntax, 64 * 64)


def test_that_compressed_frames_are_wrapped_anew() -> None:
    image = patient(Rows=64, Columns=64, BitsAllocated=8, BitsStored=8, HighBit=7)
    image.PixelRepresentation, image.file_meta.TransferSyntaxUID = 0, JPEGBaseline8Bit
    image.PixelData = encapsulate([worded(JPEGBaseline8Bit)])
    image["PixelData"].is_undefined_length = True
    made = treated(image)
    assert b"MEIER" not in written(made)
    (frame,) = generate_frames(made.PixelData, number_of_frames=1)
    assert np.array_equal(decoded(frame, JPEGBaseline8Bit), decoded(jpeg(), JPEGBaseline8Bit))
    image.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.102"
    with pytest.raises(BadInput, match="looked through"):
        treated(image)


def test_that_recordings_of_sound_are_refused() -> None:
    sound = patient(SOPClassUID="1.2.840.10008.5.1.4.1.1.9.4.1")
    with pytest.raises(BadInput, match="recording of sound"):
        deidentified(sound, Profile(pixels_checked=True), SECRET)


@pytest.mark.parametrize(
    "text",
    ["MEIERANNA", "AnnaMeier coil", "AMeier1930", "AM1930", "für Meier", "PID-4711", "xPID4711y",
     "02.01.1930", "1930-01-02", "02/01/1930", "19300102", "2.1.1930", "30.01.02"],
)  # fmt: skip
def test_that_a_patient_is_found_however_written(text: str) -> None:
    assert traces_of(["Meier^Anna"], ["PID4711"], ["19300102"], []).tell(text)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("Wu^Li", "coil of Wu", True),
        ("Wu^Li", "WULI coil", True),
        ("Wu^Li", "wuensch limb", False),
        ("Müller^Jörg", "MUELLER", True),
        ("Müller^Jörg", "Muller 2", True),
        ("王^小东", "王小东", True),
        ("Meier^Anna^^Dr", "dr x", False),
        ("Meier^Anna", "portal venous 2.5 mm", False),
    ],
)
def test_that_names_of_any_length_are_found_and_other_words_are_not(
    name: str, text: str, told: bool
) -> None:
    assert traces_of([name], ["12345"], ["19300102"], []).tell(text) is told


def test_that_coded_strings_that_name_the_patient_are_replaced() -> None:
    image = patient(BodyPartExamined="ANNA MEIER", ScanOptions="MEIER", Modality="CT")
    image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL", "PID4711"]
    made = treated(image)
    assert "BodyPartExamined" not in made
    assert "ScanOptions" not in made
    assert list(made.ImageType) == ["ORIGINAL", "PRIMARY", "AXIAL", "REMOVED"]
    assert treated(an_image(PatientName="Ct^Axial", Modality="CT")).Modality == "CT"


def test_that_codes_and_kept_uids_do_not_name_the_patient() -> None:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "PID4711", "99MEIER", "Meier"
    image = patient(RelatedGeneralSOPClassUID="1.2.3.19300102.4")
    image.PatientID, image.ProcedureCodeSequence = "PID4711", [code]
    made = treated(image, uids=True)
    kept = made.ProcedureCodeSequence[0]
    assert (kept.CodeValue, kept.CodingSchemeDesignator) == ("REMOVED", "REMOVED")
    assert made.RelatedGeneralSOPClassUID.startswith("2.25.")
    assert made.SOPInstanceUID == image.SOPInstanceUID


def test_that_safe_private_texts_that_name_the_patient_go() -> None:
    image = patient()
    image.add_new(0x00430010, "LO", "GEMS_PARM_01")
    image.add_new(0x00431039, "LO", "Meier 2")
    image.add_new(0x00431027, "SH", "1:2")
    made = treated(image, private=True)
    assert [int(one.tag) for one in made if one.tag.is_private] == [0x00430010, 0x00431027]


def test_that_what_others_said_of_their_method_goes() -> None:
    made = treated(patient(DeidentificationMethod="Meier did it"))
    assert made.DeidentificationMethod == "OrganTwin, DICOM PS3.15 Annex E"


def test_that_a_flood_of_elements_is_refused(tmp_path: Path) -> None:
    whole = written(patient())
    start = whole.index(b"\x08\x00\x08\x00")
    flood = b"".join(
        struct.pack("<HH2sH", 0x0009 + 2 * (n >> 16), n & 0xFFFF, b"LO", 0)
        for n in range(TOP_LIMIT + 1)
    )
    deep = struct.pack("<HH2sHI", 8, 0x1140, b"SQ", 0, 8 * 400_001)
    deep += struct.pack("<HHI", 0xFFFE, 0xE000, 0) * 400_001
    for name, more in (("flat", flood), ("items", deep)):
        (tmp_path / name).write_bytes(whole[:start] + more + whole[start:])
    files = [tmp_path / "flat", tmp_path / "items"]
    done = copy_deidentified(files, tmp_path / "out", Profile(), SECRET, watch=Watch())
    assert (done.written, len(done.refused)) == ((), 2)
    assert all("more than" in why for _, why in done.refused)
