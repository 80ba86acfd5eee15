"""Tests of grader/lab."""
