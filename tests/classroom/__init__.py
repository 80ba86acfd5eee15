"""Tests of grader/classroom."""
