"""Tests of grader/renderers."""
