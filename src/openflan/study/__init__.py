"""Whole studies: tune and measure as a recipe says, and what comes of it."""
