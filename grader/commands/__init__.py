"""The commands: each parses its options, makes one call, and returns an exit code."""
