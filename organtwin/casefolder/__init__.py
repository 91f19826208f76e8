"""A Case on disk: a journal and write-once objects named by their hash."""
