"""DICOM objects without their patient (PS3.15 Annex E), alone or whole folders of them."""
