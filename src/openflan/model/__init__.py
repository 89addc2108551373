"""Models: load them, keep packed examples apart, adapt them."""
