"""One grade: stage, check imports, run the suite, score."""
