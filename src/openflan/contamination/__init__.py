"""Overlap of what is measured with a corpus: which n-grams of it stand there, and what that did to the scores."""
