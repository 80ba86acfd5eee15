"""Values that everybody uses; imports nothing of the grader."""
