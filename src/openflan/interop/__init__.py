"""Other people's tools: what they have that openflan reads, and what openflan writes for them."""
