"""The paper's limits, where configurations can read them without the libraries that read rows."""

from typing import Literal

ROW_LIMIT = 30_000
"""Training rows per dataset (paper section 2.4)."""

RATE_CAP = 3_000
"""A dataset's rows beyond this add no weight (paper section 2.4)."""

RateRule = Literal["dataset", "template"]
"""Whether the rate cap is one of a dataset's or of each of its templates (`openflan.data.mixture.rate_of`)."""

TARGET_TOKENS = 256
"""Longest target in training (paper section 2.4), and so the longest answer that is written unless asked otherwise."""
