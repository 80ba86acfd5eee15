"""A course with one assignment, `xor`, whose notebook is source/xor/lab.ipynb."""

config = get_config()  # type: ignore[name-defined]  # noqa: F821
config.CourseDirectory.course_id = "lab"
