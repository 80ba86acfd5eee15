"""The bank of known mistakes, and the diagnosis of which one explains what was observed."""
