"""Values that all packages share; this package imports nothing else from the grader."""
