"""A grading harness for the XOR laboratory work: decides where the student's code cannot reach."""

__version__ = "0.1.0"
