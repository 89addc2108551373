"""A local page, and the same over HTTP: type an instruction and see how several models answer it."""
