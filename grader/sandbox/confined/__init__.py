"""Code of the confined processes: it imports the standard library and numpy, nothing of the grader.

The trusted side imports `reading` for its names of files and archives. What a lab brings runs here as well.
"""
