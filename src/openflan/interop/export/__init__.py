"""Mixtures and evaluations in the files of other tools, each with the configuration that one command of it runs."""
