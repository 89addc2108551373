"""From rows to token sequences, without torch: sources, prompts, mixture, encoding and packing."""
