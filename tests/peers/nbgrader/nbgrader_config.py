"""A course with one assignment, `xor`, whose notebook is source/xor/lab.ipynb."""

config = get_config()  # type: ignore[name-defined]
config.CourseDirectory.course_id = "lab"
