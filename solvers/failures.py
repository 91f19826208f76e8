"""How a job can fail; the class name is what `Result.error` says."""

from __future__ import annotations


class Failure(Exception):
    """A job that ends without an answer; the message says what, where and what to do."""


class BadInput(Failure):
    """The job or its arrays cannot be used as they are."""


class NotConverged(Failure):
    """A member could not be solved to its tolerance."""
