"""What de-identification must not let through: pixels that show names, documents, private elements.

Cleaning pixels is not offered; who has looked at them says so (`Profile.pixels_checked`).
"""

from __future__ import annotations

from typing import Final

from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from organtwin.core.errors import BadInput
from organtwin.deidentifying.forms import is_as_known
from organtwin.deidentifying.profile import Profile
from organtwin.deidentifying.substitutes import bare_document
from organtwin.deidentifying.traces import Traces

SCREENS: Final = ("1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.5.1.4.1.1.77.1")
ULTRASOUND: Final = ("1.2.840.10008.5.1.4.1.1.3", "1.2.840.10008.5.1.4.1.1.6")
"""SOP classes whose pixels commonly show text: secondary capture, photographs, ultrasound."""
SAFE_VRS: Final = frozenset(
    ["CS", "DS", "FD", "FL", "IS", "LO", "SH", "SL", "SS", "UL", "US", "UN"]
)
SAFE_PRIVATE: Final = {
    ("Philips PET Private Group", 0x7053): {0x00, 0x09},
    ("Philips Imaging DD 001", 0x2001): {0x03, 0x04},
    ("Philips MR Imaging DD 001", 0x2005): {0x0D, 0x0E},
    ("ELSCINT1", 0x00E1): {0x21, 0x50},
    ("ELSCINT1", 0x01E1): {0x26},
    ("ELSCINT1", 0x01F1): {0x01, 0x07, 0x26, 0x27},
    ("GEMS_ACQU_01", 0x0019): {0x23, 0x24, 0x27, 0x9E},
    ("GEMS_SERS_01", 0x0025): {0x07},
    ("GEMS_PARM_01", 0x0043): {0x27, 0x39, 0x6F},
    ("GEMS_HELIOS_01", 0x0045): {0x01, 0x02},
    ("SIEMENS MR HEADER", 0x0019): {0x0C, 0x0D, 0x0E, 0x27},
}
"""Private creator and group → elements that tell nobody: PS3.15 Table E.3.10-1, CT, MR and PET."""


AUDIO: Final = "1.2.840.10008.5.1.4.1.1.9.4."
WAVES: Final = "1.2.840.10008.5.1.4.1.1.9."
"""SOP classes of signals; those of voice and other sound among them."""


def refuse_visible(dataset: Dataset, profile: Profile) -> None:
    """Raise BadInput where pixels, a document or a recording may show whose they are."""
    sop_class = str(dataset.get("SOPClassUID", ""))
    sounds = "WaveformSequence" in dataset and not sop_class.startswith(WAVES)
    if sounds or sop_class.startswith(AUDIO):
        raise BadInput(
            "a recording of sound may say anything, and cannot be cleaned",
            where="waveform",
            advice="leave it out",
        )
    kind = dataset.get("MIMETypeOfEncapsulatedDocument")
    if "EncapsulatedDocument" in dataset:
        content = dataset.EncapsulatedDocument or b""
        if bare_document(content, str(kind or "")) is None:
            raise BadInput(
                "an encapsulated document may say anything, and cannot be cleaned",
                where=str(kind or "encapsulated document"),
                advice="leave it out, or make it anew without the patient",
            )
    if not profile.pixels_checked and (why := _visible(dataset)):
        raise BadInput(
            why,
            where="pixels",
            advice="look at the image; only when it shows no name and no face, "
            "treat it with the option pixels-checked",
        )


def _visible(dataset: Dataset) -> str:
    burned = str(dataset.get("BurnedInAnnotation", "")).upper()
    sop_class = str(dataset.get("SOPClassUID", ""))
    image_type = str(dataset.get("ImageType", "")).upper()
    if burned == "YES":
        return "this image says that text is burned into it"
    if str(dataset.get("RecognizableVisualFeatures", "")).upper() == "YES":
        return "this image says that a face can be recognised in it"
    screen = sop_class.startswith(SCREENS) or f"{sop_class}.".startswith(
        tuple(f"{uid}." for uid in ULTRASOUND)
    )
    if burned != "NO" and (screen or "SCREEN" in image_type):
        return "images of this kind often show names, and this one does not say that it does not"
    for group in range(0x6000, 0x6100, 2):
        if (group, 0x0102) in dataset and int(dataset[group, 0x0102].value or 0):
            return "an overlay lies in the unused bits of the pixels"
    return ""


def is_safe_private(dataset: Dataset, tag: BaseTag, vr: str, traces: Traces) -> bool:
    """Return whether a private element, or the creator of a block of them, is on the list.

    And tells no patient: the list names places for numbers, but any text may stand there.
    """
    if 0x10 <= tag.element <= 0xFF:
        return (_creator(dataset, tag.group, tag.element), tag.group) in SAFE_PRIVATE
    creator = _creator(dataset, tag.group, tag.element >> 8)
    safe = SAFE_PRIVATE.get((creator, tag.group), set())
    if tag.element & 0xFF not in safe or vr not in SAFE_VRS:
        return False
    raw = dataset.get_item(tag)
    if not is_as_known(tag, raw, vr):
        return False
    value = raw.value
    text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    return not traces.tell(text)


def _creator(dataset: Dataset, group: int, element: int) -> str:
    return str(dataset[group, element].value).strip() if (group, element) in dataset else ""
