"""The nouns: numpy, the standard library and `solvers.contract` only."""
