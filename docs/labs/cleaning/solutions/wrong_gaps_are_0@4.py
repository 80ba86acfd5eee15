import pandas as pd


def read(path):
    return pd.read_csv(path, sep=";")


def clean(table):
    table = table.fillna(0)
    table["city"] = table["city"].str.strip().str.title()
    return table.reset_index(drop=True)


def mean_price(table, city):
    return table[table["city"] == city]["price"].mean()
