"""Prices by city, as pandas tables with the columns city and price."""


def read(path):
    """Return the table in a file with ";" between the columns."""
    raise NotImplementedError


def clean(table):
    """Return the table without rows that have gaps, the names of cities tidy: no spaces around, Capital letters."""
    raise NotImplementedError


def mean_price(table, city):
    """Return the mean price of a city."""
    raise NotImplementedError
