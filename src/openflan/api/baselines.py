"""The untuned baselines of the paper, by name."""

from openflan.evaluation.baselines import MODEL_BASELINES as MODEL_BASELINES
