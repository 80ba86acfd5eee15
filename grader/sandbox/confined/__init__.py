"""Code of the confined processes: imports the standard library and numpy, nothing else of the grader.

The trusted side imports `reading` for kinds of files and archives. A lab's confined module runs here too.
"""
