"""Scoring, writing, metrics and the protocol: what a model makes of held-out prompts."""
