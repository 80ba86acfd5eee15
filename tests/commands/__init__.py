"""Tests of grader/commands."""
