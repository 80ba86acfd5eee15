"""Tests of grader/labs."""
