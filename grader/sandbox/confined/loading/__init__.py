"""Runs a program statement by statement, with the files beside it, files in memory and stubs."""
