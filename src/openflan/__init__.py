"""openflan: instruction tuning and held-out evaluation after FLAN (Wei et al., 2021)."""

__version__ = "0.1.0"
