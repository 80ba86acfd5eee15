"""Many submissions: find them, whose they are, grade them, keep what came of it."""
