"""One page per arrow of the river, found by its constant PAGE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from organtwin.core.registry import registered

if TYPE_CHECKING:
    from organtwin.ui.pages.page import Page


def pages() -> tuple[type[Page], ...]:
    """Return the pages in the order of the river."""
    import organtwin.ui.pages as package

    return tuple(sorted(registered(package, "PAGE").values(), key=lambda page: page.order))
