"""The bank of known mistakes, and which one explains the numbers that were seen."""
