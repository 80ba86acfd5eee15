"""The worker's end of the connection, in the frames of protocol.py.

A frame is two little-endian uint32 (length of the JSON header, length of the data), the header and
the data: the arrays that the header lists by name, dtype and shape, one after the other.
"""

from __future__ import annotations

import json
import os
import struct
import sys
from typing import Any

FRAME = struct.Struct("<II")
MOST_DESCRIPTORS = 65_536

np: Any = None  # numpy, from worker.preload on

Arrays = dict[str, Any]


def arrange(requests: int, replies: int, output: int) -> tuple[int, int]:
    """Rearrange file descriptors: /dev/null on 0, output on 1 and 2; close all others but requests and replies.

    Returns the new descriptors of requests and replies.
    """
    requests, replies = os.dup(requests), os.dup(replies)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((output, 1), (1, 2), (nothing, 0)):
        if source != target:
            os.dup2(source, target)
    low = 3
    for kept in sorted((requests, replies)):
        os.closerange(low, kept)
        low = kept + 1
    os.closerange(low, MOST_DESCRIPTORS)
    if os.name == "nt":
        import msvcrt

        for descriptor in (requests, replies, 1, 2):
            msvcrt.setmode(descriptor, os.O_BINARY)  # type: ignore[attr-defined]
    return requests, replies


class Pipe:
    """The worker's end of the connection."""

    def __init__(self, requests: int, replies: int) -> None:
        self._requests, self._replies, self._output = requests, replies, 2
        sys.stdin = open(0, encoding="utf-8")
        sys.stdout, sys.stderr = (
            open(number, "w", encoding="utf-8", errors="replace", buffering=1, closefd=False) for number in (1, 2)
        )
        sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr  # type: ignore[misc]
        self._loads, self._dumps = json.loads, json.dumps
        self._read, self._write = os.read, os.write

    def receive(self) -> tuple[dict[str, Any], Arrays] | None:
        """Return the next request and its arrays, or None if the trusted side has closed the connection."""
        lengths = self._exactly(FRAME.size)
        if lengths is None:
            return None
        header_bytes, data_bytes = FRAME.unpack(lengths)
        header, data = self._exactly(header_bytes), self._exactly(data_bytes)
        if header is None or data is None:
            return None
        request = self._loads(header)
        return request, unpack(data, request["arrays"])

    def send(self, header: dict[str, Any], arrays: Arrays) -> None:
        """Send one reply; its arrays are those of numpy, or bytes while numpy is not imported."""
        blocks = {name: packed(array) for name, array in arrays.items()}
        header["arrays"] = [[name, dtype, shape] for name, (dtype, shape, _) in blocks.items()]
        text = self._dumps(header, ensure_ascii=False).encode("utf-8", "replace")
        data = b"".join(content for _, _, content in blocks.values())
        self._all(self._replies, FRAME.pack(len(text), len(data)) + text + data)

    def mark(self, name: str) -> None:
        """Write a mark into the output, so that the trusted side can tell where a case ends."""
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except BaseException:
                pass
        self._all(self._output, name.encode())

    def _all(self, descriptor: int, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._write(descriptor, view) :]

    def _exactly(self, count: int) -> bytes | None:
        parts: list[bytes] = []
        while count:
            part = self._read(self._requests, min(count, 1 << 16))
            if not part:
                return None
            parts.append(part)
            count -= len(part)
        return b"".join(parts)


def packed(array: Any) -> tuple[str, list[int], bytes]:
    """Return dtype, shape and bytes of an array as a frame has them."""
    if isinstance(array, bytes):
        return "|u1", [len(array)], array
    block = np.asarray(array, dtype=array.dtype.newbyteorder("<"))
    return block.dtype.str, list(block.shape), block.tobytes()


def unpack(data: bytes, layout: list[tuple[str, str, list[int]]]) -> Arrays:
    arrays, start = {}, 0
    for name, dtype, shape in layout:
        kind = np.dtype(dtype)
        size = int(np.prod(shape, dtype=int))
        arrays[name] = np.frombuffer(data, kind, size, start).reshape(shape).astype(kind.newbyteorder("="))
        start += kind.itemsize * size
    return arrays
