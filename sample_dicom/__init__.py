"""The scripts that make OrganTwin's sample patient, beside the images that they made.

They import nothing of `organtwin` or `solvers`: the truth must not come from the twin's own code.
Frame LPS mm (x to the left, y to the back, z to the head), arrays indexed [i, j, k], HU, days.
"""
