"""The words of a text."""


def normalise(text):
    """Return the text in small letters, without punctuation, one space between words."""
    raise NotImplementedError


def count(text):
    """Return how often each word stands in a normal text, as a dict."""
    raise NotImplementedError


def most_common(counts, n):
    """Return the n most frequent words of a dict as pairs (word, count), the most frequent first."""
    raise NotImplementedError
