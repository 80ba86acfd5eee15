"""Whole-process times of the grader beside other graders, run in turn: `make bench`."""
