"""The detector: what a fit leaves, and the verbs fit, calibrate and predict."""
