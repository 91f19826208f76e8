"""Labels of one visit carried to another that has none: where its images say that they lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from organtwin.core.case import Case, ObjectStore, Work
from organtwin.core.errors import BadArgument, BadInput
from organtwin.core.labelmap import LabelMap
from organtwin.core.watch import Watch
from organtwin.pipeline.imaging import labels_of, refuse_withheld, without_what_followed

if TYPE_CHECKING:
    from organtwin.updating import Followed

UNSEEN = "carried, not measured"


def propagate(
    case: Case,
    store: ObjectStore,
    watch: Watch,
    *,
    visit: int,
    start: int = 0,
    replace: bool = False,
) -> tuple[Case, str]:
    """Carry the labels of a visit to another by registration of their images.

    Every structure is marked "carried": its shape is that of the start, moved. A tumour's volume is
    no observation until a person has corrected it, or marked it as done.

    Args:
        start: the visit whose labels are carried.
        replace: labels that the visit has already.
    """
    from organtwin import updating

    wanted = case.visit(visit)
    if visit == start:
        raise BadArgument("labels are carried from one visit to another", where="propagate")
    if wanted.labels and not replace:
        raise BadArgument(
            f"visit {visit} has labels already",
            where="propagate",
            advice="say that they shall be replaced, or leave them",
        )
    refuse_withheld(case, store, [start, visit])
    earlier, later = store.get(case.visit(start).volume), store.get(wanted.volume)
    labels: LabelMap = labels_of(case, store, start)
    found = updating.follow(earlier, labels, later, watch=watch.part(0.0, 0.9))
    watch.tell(0.9, "painting")
    carried = updating.propagated(labels, found.registration, later)
    after = without_what_followed(case, visit)
    work = tuple(Work(s.name, "carried") for s in carried.structures)
    after = after.with_visit(visit, labels=store.put(carried), work=work)
    said = f"visit {visit} from visit {start}: {told(labels, carried, found)}"
    return after, f"{said}; {found.registration.method}"


def told(labels: LabelMap, carried: LabelMap, found: Followed) -> str:
    """Return what a person has to know of labels that were carried."""
    volumes = ", ".join(f"{s.name} {carried.volume_ml(s.name):.1f} mL" for s in carried.structures)
    left = {s.name for s in labels.structures} - {s.name for s in carried.structures}
    outside = 1.0 - found.inside
    return "; ".join(
        filter(
            None,
            [
                f"{volumes} ({UNSEEN})",
                f"correlation {found.likeness:.2f}",
                f"borders {found.registration.residual_mm:.1f} mm off",
                f"{outside:.0%} lies outside the image" if outside >= 0.005 else "",
                f"left out: {', '.join(sorted(left))}" if left else "",
            ],
        )
    )


def refuse_carried(case: Case, store: ObjectStore, visits: Sequence[int]) -> None:
    """Raise BadInput where a visit's tumours were carried there and nobody has looked at them."""
    for number in visits:
        visit = case.visit(number)
        if not any(work.state == "carried" for work in visit.work):
            continue
        tumours = [
            s.name
            for s in labels_of(case, store, number).of_kind("tumour")
            if visit.work_on(s.name).state == "carried"
        ]
        if tumours:
            raise BadInput(
                f"{', '.join(tumours)} of visit {number} was {UNSEEN}",
                where=f"visit {number}",
                advice="correct it by hand or segment it, or mark it as done where it is right",
            )
