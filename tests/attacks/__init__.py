"""Attacks that a submission may try, and canaries outside of the worker that tell whether one has won."""
