"""Runs a program statement by statement, with its other files, files in memory and stubs."""
