"""Asks a worker directly, below the interface that suites use."""

from __future__ import annotations

from typing import Any

from grader.core.faults import Fault
from grader.lab.values import pack, unpack
from grader.sandbox.client import Worker
from grader.sandbox.replies import Reply


def called(worker: Worker, name: str = "f", *arguments: Any, time_s: float | None = None) -> Any:
    """Call a function of the program, in time_s seconds at most; return its value, or the fault that it ended in."""
    blocks: dict[str, Any] = {}
    settings = {"name": name, "object": None, "keep": None, "arguments": pack((arguments, {}), blocks)}
    return value_of(worker.request("call", settings, blocks, time_s))


def operated(worker: Worker, operation: str, **values: Any) -> Any:
    """Do an operation of the lab; return its value, or the fault that it ended in."""
    blocks: dict[str, Any] = {}
    settings = {"name": operation, "arguments": pack(((), values), blocks)}
    return value_of(worker.request("operate", settings, blocks))


def value_of(reply: Reply | Fault) -> Any:
    """Return the value in a reply; a fault as it is."""
    return unpack(reply.words(dict[str, Any])["value"], reply.arrays) if isinstance(reply, Reply) else reply
