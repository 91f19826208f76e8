"""A Case on disk: an append-only journal and write-once objects named by their hash.

::

    CASE/
      journal.sqlite   every step, hash-chained (journal.py)
      objects/ab/…     nouns by their SHA-256 (objects.py)
      jobs/            solver job folders; a cache, may be deleted when nothing runs
      case.lock        held while somebody writes (lock.py)
"""

from organtwin.casefolder.folder import CaseFolder
from organtwin.casefolder.objects import ObjectFolder

__all__ = ["CaseFolder", "ObjectFolder"]
