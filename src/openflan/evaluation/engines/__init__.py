"""Engines: the batched computations behind a scorer."""
