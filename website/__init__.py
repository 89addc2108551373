"""What makes the documentation site: pages generated from the code, and the tutorial's notebook."""
