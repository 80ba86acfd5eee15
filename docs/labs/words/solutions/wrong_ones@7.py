def normalise(text):
    return " ".join("".join(c if c.isalnum() else " " for c in text.lower()).split())


def count(text):
    found = {}
    for word in text.split():
        found[word] = 1
    return found


def most_common(counts, n):
    return sorted(counts.items(), key=lambda pair: -pair[1])[:n]
