"""Scoring: requests to a model, and the scorers that answer them."""
