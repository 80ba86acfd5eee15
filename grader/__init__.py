"""A grading harness for laboratory work in Python: decides where the student's code cannot reach."""

__version__ = "0.1.0"
