"""A visit enters the twin: registered to the baseline, observed, assimilated, scored."""
