"""Scoring: what is asked of a model, and who answers."""
