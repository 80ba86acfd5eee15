"""Runs untrusted code: the worker process, its limits and the connection to it."""
