"""Drives the objects of a submission: how a network is stored, how it is called, and what it answers."""
