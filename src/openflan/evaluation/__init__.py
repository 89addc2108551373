"""Evaluation: the prompts of the protocol, scoring, generation, metrics and their analysis."""
