"""Timings next to the peers, each runnable with one command."""
