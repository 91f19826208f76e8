"""Solvers of tissue deformation and tumour growth, each run as a job in a process of its own.

This package knows nothing of `organtwin` or of Qt; `solvers.contract` is the only module that
both sides import. A cluster node needs this package and DOLFINx, nothing else.
"""
