"""Drives the objects of a submission: finds out how a network is stored and called, and calls it."""
