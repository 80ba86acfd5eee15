"""Everything that touches untrusted code: the worker process, its limits and the pipe to it."""
