"""A DICOM object without its patient: the basic profile of PS3.15 Annex E and chosen options.

Beyond Table E.1-1, what no table vouches for does not stay: elements outside the dictionary,
curves, overlays and private elements go; instance UIDs, names of persons, dates and free text that
the table does not list are treated as those it lists, and short texts that hold a name or the ID.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from pydicom.datadict import dictionary_has_tag, keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag
from pydicom.uid import UID_dictionary

from organtwin.core.errors import OrganTwinError, UnreadableFile
from organtwin.deidentifying.checking import CODES, checked, term
from organtwin.deidentifying.confidentiality import rules
from organtwin.deidentifying.forms import (
    BYTES,
    DEPTH_LIMIT,
    MEASURED,
    is_as_known,
    known_vr,
)
from organtwin.deidentifying.marking import file_meta, mark
from organtwin.deidentifying.pixels import PIXELS, bare_pixels
from organtwin.deidentifying.profile import Profile
from organtwin.deidentifying.pseudonyms import StandIns
from organtwin.deidentifying.required import types_of
from organtwin.deidentifying.safety import is_safe_private, refuse_visible
from organtwin.deidentifying.substitutes import (
    REMOVED,
    bare_document,
    capped_age,
    dummy,
    moved,
    removed_content,
    with_values,
)
from organtwin.deidentifying.traces import Traces, traces_in
from organtwin.deidentifying.wording import cleaned

CURVES, OVERLAYS = 0x5000, 0x6000
WHOSE: Final = ("PatientID", "PatientName", "StudyInstanceUID")
NAME, ID, AGE, DOCUMENT = 0x00100010, 0x00100020, 0x00101010, 0x00420011
CONTENT, ROI_NAME, SEGMENT_LABEL = 0x0040A730, 0x30060026, 0x00620005
NUMBERED: Final = {ROI_NAME: "ROINumber", SEGMENT_LABEL: "SegmentNumber"}
"""Names that masks are told apart by, and the number in the same item that may stand for them."""
ENCRYPTED: Final = 0x04000500
KINDS: Final = frozenset(
    [
        0x00080016, 0x0008001A, 0x0008001B, 0x00080062, 0x0008010C, 0x0008010D, 0x00080117,
        0x00080118, 0x0008040E, 0x00081150, 0x0008115A, 0x00083002, 0x00089123, 0x00340003,
        0x04000010, 0x04000510, 0x3010001F, 0x30100052, 0x30100053,
    ]
)  # fmt: skip
"""UIDs of classes, syntaxes and tables: they name a kind of thing, no instance."""
DATES: Final = frozenset(["DA", "DT", "TM"])
TEXTS: Final = frozenset(["LT", "ST", "UC", "UT"])
CLEANED_TEXTS: Final = TEXTS | {"LO", "SH"}


def deidentified(dataset: Dataset, profile: Profile, secret: bytes) -> Dataset:
    """Return an object without its patient; the one given is left as it is.

    Pixels stay bit for bit, and share their memory. UIDs, pseudonyms and shifted dates are the same
    in every object treated under one secret. Treating a treated object changes nothing.

    Args:
        dataset: with its file meta information where it has one.

    Raises:
        BadInput: pixels or a document may show the patient (`Profile.pixels_checked`).
        UnreadableFile: an element cannot be read, or sequences nest deeper than 16.
    """
    refuse_visible(dataset, profile)
    stand_ins = StandIns(secret)
    try:
        traces = traces_in(dataset, stand_ins, with_dates=profile.dates != "full")
        whose = [str(dataset.get(keyword) or "") for keyword in WHOSE]
        said = str(dataset.get("LongitudinalTemporalInformationModified") or "")
    except OrganTwinError:
        raise
    except Exception as error:
        raise UnreadableFile(f"a name or UID cannot be read ({type(error).__name__})") from error
    patient = stand_ins.patient(next(filter(None, whose), ""))
    shifted = stand_ins.is_pseudonym(whose[0]) and said == "MODIFIED"
    job = _Job(
        profile,
        stand_ins,
        patient,
        0 if shifted else stand_ins.days(patient),
        traces,
        types_of(str(dataset.get("SOPClassUID", ""))),
    )
    made = job.treated(dataset)
    made.PatientName = made.PatientID = patient
    mark(made, profile)
    if hasattr(dataset, "file_meta"):
        made.file_meta = file_meta(dataset.file_meta, made)
        made.preamble = bytes(128)
    return made


@dataclass(frozen=True)
class _Job:
    """How the elements of one object are treated.

    Args:
        patient: the pseudonym.
        days: by how many dates move.
        traces: of the persons in the object.
        types: how much an attribute is needed, None where nobody knows.
        depth: of the sequences around.
    """

    profile: Profile
    stand_ins: StandIns
    patient: str
    days: int
    traces: Traces
    types: Any
    depth: int = 0

    def treated(self, dataset: Dataset) -> Dataset:
        """Return a dataset or item with each element treated."""
        if self.depth > DEPTH_LIMIT:
            raise UnreadableFile(f"sequences are nested deeper than {DEPTH_LIMIT}")
        made = Dataset()
        made.set_original_encoding(*dataset.original_encoding, dataset.original_character_set)
        for tag in sorted(dataset.keys()):
            try:
                element = self._element(dataset, tag)
            except OrganTwinError:
                raise
            except Exception as error:
                raise UnreadableFile(
                    f"element ({tag.group:04X},{tag.element:04X}) cannot be read "
                    f"({type(error).__name__})"
                ) from error
            if element is not None:
                made[tag] = element
        return made

    def _element(self, dataset: Dataset, tag: BaseTag) -> Any:
        """Return what stands for one element, None for nothing."""
        raw = dataset.get_item(tag)
        vr = known_vr(tag, raw)
        action = self._action(dataset, tag, vr)
        if action == "X":
            return None
        if not is_as_known(tag, raw, vr) and (vr == "SQ" or action in ("K", "C", "U")):
            return self._without(tag)
        if action == "K" and vr != "SQ" and not tag.is_private:
            if tag in PIXELS:
                return bare_pixels(dataset, tag)
            action = self._final(tag, checked(dataset, tag, vr, self.traces))
            if action == "X":
                return self._without(tag)
            if action == "K" and vr not in ("AS", "CS"):
                return raw
        element = dataset[tag]
        if vr == "SQ":
            return self._sequence(element, action) if action != "K" or element.value else element
        if element.is_empty and tag not in (NAME, ID):
            return DataElement(tag, vr, element.value)
        if action == "K":
            change = capped_age if tag == AGE else self._term
            return element if tag.is_private else with_values(element, change)
        return self._replaced(dataset, element, action)

    def _without(self, tag: BaseTag) -> None:
        """Leave out what cannot be treated.

        Raises:
            UnreadableFile: the object needs it.
        """
        if self._weakest(tag, ["X", "Z", "D"]) != "X" and self.depth == 0 and self.types:
            where = f"element ({tag.group:04X},{tag.element:04X})"
            raise UnreadableFile(f"{where} is not of its kind or form, and the object needs it")

    def _action(self, dataset: Dataset, tag: BaseTag, vr: str) -> str:
        if tag.is_private:
            safe = self.profile.private and is_safe_private(dataset, tag, vr, self.traces)
            return "K" if safe else "X"
        if tag in PIXELS:
            return "K" if self.depth == 0 else "X"
        if tag.element == 0 or tag.group & 0xFF00 in (CURVES, OVERLAYS) or tag == ENCRYPTED:
            return "X"
        rule = rules().get(int(tag))
        code = rule.action(self.profile) if rule else self._unlisted(tag, vr)
        if "/" not in code:
            return code
        choices = code.split("/")
        if "U*" in choices:
            return "K"
        return self._weakest(tag, choices)

    def _term(self, text: str) -> str:
        return term(text, self.traces)

    def _final(self, tag: BaseTag, code: str) -> str:
        """Return one action of those that depend on the type."""
        return self._weakest(tag, code.split("/")) if "/" in code else code

    def _weakest(self, tag: BaseTag, choices: list[str]) -> str:
        """Return the action that leaves least and still leaves what the object needs."""
        needed = 1
        if self.types is not None and self.depth == 0:
            needed = self.types.get(keyword_for_tag(tag), 3)
        order = {1: ("D", "Z", "X"), 2: ("Z", "D", "X"), 3: ("X", "Z", "D")}[needed]
        return next(action for action in order if action in choices)

    def _unlisted(self, tag: BaseTag, vr: str) -> str:
        """Return the action for what the table does not list."""
        if not dictionary_has_tag(tag):
            return "X"
        if vr in BYTES and tag not in MEASURED:
            return "X"
        if vr == "UI":
            return "K" if tag in KINDS or self.profile.uids else "U"
        if vr == "PN":
            return "D"
        if vr in DATES:
            return {"full": "K", "modified": "C", "removed": "X/Z/D"}[self.profile.dates]
        if tag in CODES:
            return "K"
        if vr in ("AE", "UR"):
            return "X/Z/D"
        return "C" if vr in TEXTS or tag == SEGMENT_LABEL else "K"

    def _sequence(self, element: DataElement, action: str) -> Any:
        if action == "Z":
            return DataElement(element.tag, "SQ", Sequence())
        if action == "D" and element.tag == CONTENT:
            return DataElement(element.tag, "SQ", removed_content())
        inside = replace(self, depth=self.depth + 1)
        if action == "D":
            items = [inside.dummies(item) for item in element.value[:1]]
        else:
            items = [inside.treated(item) for item in element.value]
        return DataElement(element.tag, "SQ", Sequence(items))

    def dummies(self, item: Dataset) -> Dataset:
        """Return an item with the same elements, none of which means anything."""
        made = Dataset()
        for element in self.treated(item):
            if element.VR == "SQ":
                inside = replace(self, depth=self.depth + 1)
                items = [inside.dummies(one) for one in element.value[:1]]
                made[element.tag] = DataElement(element.tag, "SQ", Sequence(items))
            elif not element.tag.is_private:
                value = element.value if element.VR == "UI" else dummy(element.VR)
                made[element.tag] = DataElement(element.tag, element.VR, value)
        return made

    def _replaced(self, dataset: Dataset, element: DataElement, action: str) -> Any:
        tag = element.tag
        vr = known_vr(tag, element)
        if tag in (NAME, ID):
            return DataElement(tag, vr, self.patient)
        if tag == DOCUMENT:
            kind = str(dataset.get("MIMETypeOfEncapsulatedDocument", ""))
            return DataElement(tag, vr, bare_document(element.value, kind))
        if action == "U":
            return with_values(element, self._uid)
        if action == "C":
            found = self._cleaned(element)
            if found is not None:
                return found
            rule = rules().get(int(tag))
            basic = rule.basic if rule else "D" if vr in TEXTS else "X/Z/D"
            action = self._weakest(tag, basic.split("/"))
        if tag in NUMBERED:
            return DataElement(tag, vr, f"{REMOVED} {dataset.get(NUMBERED[int(tag)], '')}")
        if action == "X":
            return None
        return DataElement(tag, vr, None if action == "Z" else dummy(vr))

    def _cleaned(self, element: DataElement) -> DataElement | None:
        """Return a cleaned element, None where nothing is left or it cannot be cleaned."""
        if element.VR == "TM":
            return element
        if element.VR in DATES:
            made = with_values(element, lambda text: moved(str(text), self.days))
        elif element.VR in CLEANED_TEXTS:
            made = with_values(element, self._worded)
        else:
            return None
        values = made.value if made.VM > 1 else [made.value]
        told = element.VR not in DATES and any(self.traces.tell(str(one)) for one in values)
        return made if all(values) and not told else None

    def _worded(self, text: object) -> str:
        return cleaned(self.traces.without_ids(str(text)), self.traces.words)

    def _uid(self, uid: str) -> str:
        return uid if not uid or uid in UID_dictionary else self.stand_ins.uid(str(uid))
