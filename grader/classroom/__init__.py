"""Grades a class: finds submissions, assigns them to students, grades them and stores the results."""
