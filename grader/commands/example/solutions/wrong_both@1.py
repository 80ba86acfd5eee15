def mean(x):
    if len(x) == 0:
        raise ValueError("no numbers")
    return sum(x)


class Scaler:
    def fit(self, X):
        self.mean, self.deviation = X.mean(), X.std()
        return self

    def transform(self, X):
        return (X - self.mean) / self.deviation
