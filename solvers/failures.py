"""How a job can fail; the class name is what `Result.error` says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Failure(Exception):
    """A job that ends without an answer; the message says what, where and what to do.

    Attributes:
        kept: arrays of what was still good, by name: beside the log as `contract.LAST_FILE`.
    """

    def __init__(self, message: str, kept: Mapping[str, NDArray[np.generic]] | None = None) -> None:
        """Fail, and keep what was still good."""
        super().__init__(message)
        self.kept: dict[str, NDArray[Any]] = dict(kept or {})


class BadInput(Failure):
    """The job or its arrays cannot be used as they are."""


class NotConverged(Failure):
    """A member could not be solved to its tolerance."""
