"""The modules that a worker may have: imported by the zygote before the doors close, from fixed lists only.

A hand-in chooses among them by what it imports and mentions; a name of its own is never imported there.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

# Always: what numpy and the standard library load when it is used, and what nearly every hand-in uses.
BASE = """
numpy.random numpy.ma numpy.fft numpy.polynomial numpy.char numpy.rec numpy.strings numpy.ctypeslib numpy.typing
numpy.lib.recfunctions numpy.core
abc argparse array bisect calendar cmath collections.abc concurrent.futures.thread contextlib copy csv dataclasses
datetime decimal enum errno fnmatch fractions functools gc glob hashlib heapq io itertools json linecache locale
logging math numbers operator os pathlib pickle platform pprint queue random re secrets shutil signal stat statistics
string struct sys tempfile textwrap threading time timeit tokenize traceback types typing unicodedata uuid warnings
weakref zipfile _strptime
""".split()

# Where the hand-in names the package, or has the word: with what these load later.
NAMED = {
    name: tuple(modules.split()) or (name,)
    for name, modules in {
        "ast": "", "asyncio": "", "atexit": "", "base64": "", "binascii": "", "bz2": "", "cProfile": "cProfile pstats",
        "cmd": "", "code": "", "collections": "", "colorsys": "", "configparser": "", "copyreg": "", "ctypes": "",
        "difflib": "", "dis": "", "doctest": "doctest pdb difflib", "faulthandler": "", "fileinput": "", "getopt": "",
        "getpass": "", "graphlib": "", "gzip": "", "html": "html html.parser", "importlib": "importlib.util importlib.metadata",
        "inspect": "", "keyword": "", "lzma": "", "mmap": "", "multiprocessing": "multiprocessing.pool multiprocessing.shared_memory",
        "optparse": "", "pdb": "pdb", "pkgutil": "", "profile": "profile pstats", "pstats": "", "reprlib": "",
        "runpy": "", "sched": "", "select": "", "selectors": "", "shelve": "", "shlex": "", "socket": "", "sqlite3": "",
        "subprocess": "", "tarfile": "", "token": "", "trace": "", "tracemalloc": "", "unittest": "unittest unittest.mock difflib pprint",
        "urllib": "urllib.parse urllib.request", "wave": "", "xml": "xml.etree.ElementTree", "zlib": "", "zoneinfo": "",
        "testing": "numpy.testing", "matlib": "numpy.matlib",
    }.items()
}  # fmt: skip
CODECS = ("encode", "decode", "encoding", "codecs")  # words that call for every encoding
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


def modules_for(imported: Iterable[str], texts: Iterable[str], allowed: Collection[str]) -> list[str]:
    """Return what to import for a hand-in: its imports (dotted names), its source texts, the rubric's allowed modules."""
    names = set(imported)
    words = {word for text in texts for word in re.findall(r"\w+", text)}
    packages = {name.partition(".")[0] for name in names}
    is_star = "numpy.*" in names
    chosen = {module for name, modules in NAMED.items() if name in packages | words or is_star for module in modules}
    if words & set(CODECS):
        chosen |= set(ENCODINGS)
    chosen |= {module for module in allowed if any(name == module or name.startswith(module + ".") for name in names)}
    return [*BASE, *sorted(chosen)]
