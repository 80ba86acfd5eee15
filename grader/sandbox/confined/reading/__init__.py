"""Reads a submission: unpacks archives, decodes texts, parses notebooks and Python, and finds the program."""
