"""The only files that run beside student code: the standard library and numpy, nothing of the grader."""
