"""Chooses the modules that the zygote imports before a worker is confined, from fixed lists.

What a submission imports and mentions decides which modules of the lists are imported; no other module is.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

# Always: modules that numpy and Python load on first use.
BASE = """
numpy.random numpy.ma numpy.fft numpy.polynomial numpy.char numpy.rec numpy.strings numpy.ctypeslib numpy.typing
numpy.lib.recfunctions numpy.core
contextlib linecache random secrets tokenize traceback unicodedata warnings _strptime
""".split()

READING = ("urllib.parse", "urllib.request", "csv", "gzip", "bz2", "lzma")  # modules for reading data files

# If the submission imports the package or contains the word.
NAMED = """
abc argparse array ast asyncio atexit base64 binascii bisect bz2 calendar cmath cmd code collections colorsys
configparser copy copyreg csv ctypes dataclasses datetime decimal difflib dis enum errno faulthandler fileinput fnmatch
fractions functools gc getopt getpass glob graphlib gzip hashlib heapq inspect io itertools json keyword locale logging
lzma math mmap numbers operator optparse os pathlib pdb pickle pkgutil platform pprint pstats queue re reprlib runpy
sched select selectors shelve shlex shutil signal socket sqlite3 stat statistics string struct subprocess sys tarfile
tempfile textwrap threading time timeit token trace tracemalloc types typing uuid wave weakref zipfile zlib zoneinfo
""".split()

# The same, with the modules that these load later or that have another name.
TOGETHER = {
    "argparse": ("shutil", "locale"),
    "cProfile": ("cProfile", "pstats", "profile"),
    "concurrent": ("concurrent.futures.thread",),
    "doctest": ("doctest", "pdb", "difflib"),
    "html": ("html.parser",),
    "importlib": ("importlib.util", "importlib.metadata"),
    "matlib": ("numpy.matlib",),
    "multiprocessing": ("multiprocessing.pool", "multiprocessing.shared_memory"),
    "profile": ("profile", "pstats"),
    "npz": ("zipfile", "encodings.cp437"),
    "savez": ("zipfile", "encodings.cp437"),
    "savez_compressed": ("zipfile", "encodings.cp437"),
    "statistics": ("decimal", "fractions"),
    "testing": ("numpy.testing",),
    "unittest": ("unittest", "unittest.mock", "difflib", "pprint"),
    "urllib": ("urllib.parse", "urllib.request"),
    **dict.fromkeys(("fromregex", "genfromtxt", "loadtxt", "savetxt"), READING),
    "zipfile": ("zipfile", "encodings.cp437"),
    "xml": ("xml.etree.ElementTree",),
}
CODECS = ("encode", "decode", "encoding", "codecs")  # words for which all encodings are imported
ENCODINGS = tuple(
    f"encodings.{name}"
    for name in """
aliases ascii base64_codec big5 bz2_codec charmap cp037 cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257
cp1258 cp437 cp850 cp852 cp855 cp858 cp866 cp932 cp949 cp950 euc_jp euc_kr gb18030 gbk hex_codec idna iso8859_1
iso8859_15 iso8859_2 iso8859_5 koi8_r koi8_u latin_1 mac_cyrillic mac_roman punycode quopri_codec
raw_unicode_escape rot_13 shift_jis unicode_escape utf_16 utf_16_be utf_16_le utf_32 utf_32_be utf_32_le utf_7
utf_8 utf_8_sig uu_codec zlib_codec
""".split()
)


# For a zygote that serves many submissions: everything that any of them may mention.
EVERY = (*BASE, *sorted({*NAMED, *ENCODINGS, *(module for modules in TOGETHER.values() for module in modules)}))


def modules_for(imported: Iterable[str], texts: Iterable[str], optional: Collection[str]) -> list[str]:
    """Return the modules to import for a submission.

    imported are the dotted names of its imports, texts its source files, optional the packages that the lab allows.
    """
    names = set(imported)
    words = {word for text in texts for word in re.findall(r"\w+", text)}
    mentioned = words | {name.partition(".")[0] for name in names}
    if "numpy.*" in names:
        mentioned |= {"testing", "matlib"}
    chosen = {name for name in NAMED if name in mentioned}
    chosen |= {module for name, modules in TOGETHER.items() if name in mentioned for module in modules}
    if words & set(CODECS):
        chosen |= set(ENCODINGS)
    chosen |= {module for module in optional if any(name == module or name.startswith(module + ".") for name in names)}
    return [*BASE, *sorted(chosen)]
