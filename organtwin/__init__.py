"""OrganTwin: an imaging-based twin of one organ. For research use only."""

__version__ = "0.1.0"
IMPLEMENTATION_UID = "2.25.271302196431735290374112297146521735613"
"""ImplementationClassUID of DICOM files written here: a random number, drawn once (PS3.5 B.2)."""
