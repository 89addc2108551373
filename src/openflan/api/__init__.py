"""What `import openflan` offers, each name imported when it is first used; the command line is written on it."""
