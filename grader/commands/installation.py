"""Finds out how this grader was installed: its address for pip, and the command that installs a further package.

Installers record the address in direct_url.json (PEP 610). It is used only if it is pinned: a repository with
its commit, an archive with its hash.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import msgspec

from grader.core.messages import Message, say

NAME = "xor-lab-grader"
SEGMENTS = r"[\w.~%+-]+(?:/[\w.~%+-]+)*"
ADDRESS = re.compile(rf"(?:(?:https?|git)://|ssh://git@)[\w.-]+(?::\d+)?/{SEGMENTS}/?", re.ASCII)
CREDENTIALS = re.compile(r"\w+://[^/]*@", re.ASCII)
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
PATH = re.compile(SEGMENTS, re.ASCII)
HASH = re.compile(r"(?:sha256|sha384|sha512)=[0-9a-f]{64,128}")

HERE = say("a path on this machine")
ODD = say("an address that no workflow can use")


class Vcs(msgspec.Struct):
    """`vcs_info` of a direct_url.json."""

    vcs: str
    commit_id: str


class ArchiveInfo(msgspec.Struct):
    """`archive_info` of a direct_url.json; older versions of pip write `hash` alone."""

    hash: str = ""
    hashes: dict[str, str] = {}


class DirectUrl(msgspec.Struct):
    """Content of a direct_url.json."""

    url: str
    vcs_info: Vcs | None = None
    archive_info: ArchiveInfo | None = None
    subdirectory: str = ""


def source() -> str | Message:
    """Return the address for pip of the running grader, or if it has none, a description of where it is from."""
    try:
        found = metadata.distribution(NAME)
    except metadata.PackageNotFoundError:
        return HERE
    if os.path.realpath(str(found.locate_file("grader/commands/installation.py"))) != os.path.realpath(__file__):
        return HERE  # an editable checkout, or a checkout that shadows the installed package
    return recorded(found.read_text("direct_url.json"))


def recorded(text: str | None) -> str | Message:
    """Return the address in a direct_url.json (None: there is none), or if it is not pinned, a description."""
    if text is None:
        return say("a package index, by name only")
    try:
        found = msgspec.json.decode(text, type=DirectUrl)
    except msgspec.MsgspecError:
        return ODD
    if found.url.startswith("file:"):
        return HERE
    if not ADDRESS.fullmatch(found.url):
        return say("an address with a user name or password") if CREDENTIALS.match(found.url) else ODD
    if found.vcs_info is not None and found.vcs_info.vcs == "git" and COMMIT.fullmatch(found.vcs_info.commit_id):
        address, joined = f"git+{found.url}@{found.vcs_info.commit_id}", "#"
    elif found.archive_info is not None and (pin := pinned(found.archive_info)):
        address, joined = f"{found.url}#{pin}", "&"
    else:
        return say("an address without a commit or a hash")
    if not found.subdirectory:
        return address
    return f"{address}{joined}subdirectory={found.subdirectory}" if PATH.fullmatch(found.subdirectory) else ODD


def pinned(archive: ArchiveInfo) -> str:
    """Return ALGORITHM=DIGEST of an archive, "" if no strong hash is known."""
    known = [archive.hash, *(f"{name}={digest}" for name, digest in archive.hashes.items())]
    return next((item for item in known if HASH.fullmatch(item)), "")


def adding(package: str) -> str:
    """Return the command that installs a package into the environment of this grader."""
    if Path(sys.prefix, "pipx_metadata.json").is_file():
        command = ["pipx", "inject", Path(sys.prefix).name, package]
    elif importlib.util.find_spec("pip") is None:  # an environment created by uv
        command = ["uv", "pip", "install", "--python", sys.executable, package]
    else:
        command = [sys.executable, "-m", "pip", "install", package]
    return subprocess.list2cmdline(command) if os.name == "nt" else shlex.join(command)
