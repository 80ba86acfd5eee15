"""Tests of grader/labs/xor."""
