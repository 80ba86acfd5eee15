"""Tests of grader/core."""
