"""OrganTwin: an imaging-based twin of one organ. For research use only."""

__version__ = "0.1.0"
