"""The trusted end of the pipe trusts nothing: any bytes are a valid reply or a ProtocolError."""

from __future__ import annotations

import contextlib
import json
import struct

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.sandbox import protocol
from grader.sandbox.protocol import Inbox, ProtocolError, decode, decode_data, encode


def header(**fields: object) -> bytes:
    return json.dumps({"id": 1, "arrays": [], "data": {}} | fields).encode()


def test_arrays_come_back_as_they_were() -> None:
    """A frame that we write and read gives the same arrays, including non-finite numbers."""
    arrays = {"x": np.array([[1.5, np.nan], [np.inf, -0.0]]), "y": np.zeros((0, 3))}
    frame = encode(7, "forward", {}, arrays)
    lengths = protocol.FRAME.unpack(frame[:8])
    layout = json.loads(frame[8 : 8 + lengths[0]])["arrays"]

    _, decoded = decode(header(arrays=layout), frame[8 + lengths[0] :])

    for name, array in arrays.items():
        np.testing.assert_array_equal(decoded[name], array)


@pytest.mark.parametrize(
    ("text", "data"),
    [
        (b"", b""),
        (b"null", b""),
        (b"[]", b""),
        (b"{}", b""),
        (header(id="1"), b""),
        (header(id=1.5), b""),
        (header(extra=1), b""),
        (header(arrays=[["x", "<f8", [-1]]]), b""),
        (header(arrays=[["x", "<f8", [-1, -1]]]), b"\0" * 8),
        (header(arrays=[["x", "<f8", [-2, -1, 0]]]), b""),
        (header(arrays=[["x", "<f8", [1]]]), b"\0" * 7),
        (header(arrays=[["x", "<f8", [1]], ["y", "<f8", [1]]]), b"\0" * 8),
        (header(arrays=[["x", "<f8", [2**20 + 1, 0]]]), b""),
        (header(arrays=[["x", "<f8", [2**62, 0, 2**62]]]), b""),
        (header(arrays=[["x", "<f8", [2]]]), b"\0" * 8),
        (header(arrays=[["x", "<f8", [1]]]), b"\0" * 16),
        (header(arrays=[["x", "<f8", [1, 1, 1, 1, 1, 1, 1, 1, 1]]]), b"\0" * 8),
        (header(arrays=[["x", "<f8", [10**9, 10**9]]]), b""),
        (header(arrays=[["x", "<f8", [10**30]]]), b""),
        (header(arrays=[["x", "<f8", [True]]]), b"\0" * 8),
        (header(fault={"kind": "raised"}), b""),
        (header(fault={"kind": "", "type": "", "message": "", "line": None, "more": 1}), b""),
        (b'{"id": 1e999, "arrays": []}', b""),
        (b'{"id": ' + b"9" * 100_000 + b"}", b""),
        (b"[" * 200_000, b""),
        (b'{"id": NaN}', b""),
        (b"\xff\xfe", b""),
        (header(data="\ud800"), b""),
    ],
)
def test_invalid_replies_are_refused(text: bytes, data: bytes) -> None:
    """Wrong types, lying shapes and hostile JSON end in ProtocolError."""
    with pytest.raises(ProtocolError):
        decode_data(decode(text, data)[0].data, dict[str, str])


def test_a_huge_frame_is_refused_by_its_first_bytes() -> None:
    """Nothing beyond the limits is read: 4 MiB of header, and 16 MiB of data."""
    for lengths in [(2**32 - 1, 0), (0, 2**32 - 1), (2**22 + 1, 0), (0, 2**24 + 1)]:
        with pytest.raises(ProtocolError):
            list(Inbox().feed(struct.pack("<II", *lengths)))
    inbox = Inbox()
    assert list(inbox.feed(struct.pack("<II", 2**22, 2**24))) == []
    assert not inbox.is_empty


@pytest.mark.parametrize("shape", [[], [40], [2, 3, 1, 4], [0], [2**20, 0]])
def test_what_the_caps_allow(shape: list[int]) -> None:
    """Arrays of up to four dimensions come one after the other, empty ones with up to 2**20 rows."""
    size = int(np.prod(shape))
    values = np.arange(size + 33.0)

    _, arrays = decode(header(arrays=[["x", "<f8", shape], ["y", "<f8", [33]]]), values.tobytes())

    np.testing.assert_array_equal(arrays["x"], values[:size].reshape(shape))
    np.testing.assert_array_equal(arrays["y"], values[size:])


@pytest.mark.parametrize("raw", [b"", b"[1]", b'{"a": 1}', b'"\xff"', b"[" * 100_000])
def test_data_of_another_form_is_refused(raw: bytes) -> None:
    """The data of an answer must have the requested type."""
    with pytest.raises(ProtocolError):
        decode_data(msgspec.Raw(raw), dict[str, str])


def test_a_request() -> None:
    """A request has its id, operation and settings, the layout of its arrays, and their numbers in order."""
    frame = encode(2**53 - 1, "call", {"name": "f"}, {"x": np.array([[1, 2]]), "y": np.array([3.5])})
    lengths = struct.unpack("<II", frame[:8])

    assert json.loads(frame[8 : 8 + lengths[0]]) == {
        "id": 2**53 - 1, "op": "call", "settings": {"name": "f"}, "arrays": [["x", "<i8", [1, 2]], ["y", "<f8", [1]]],
    }  # fmt: skip
    assert frame[8 + lengths[0] :] == struct.pack("<2qd", 1, 2, 3.5)
    assert lengths[1] == 24


def test_a_fault_comes_back() -> None:
    """A reply without a fault has None; a fault is not in the making unless it says so."""
    fault = {"kind": "raised", "type": "E", "message": "", "line": 3}

    assert decode(header(), b"")[0].fault is None
    assert decode(header(fault=fault), b"")[0].fault == protocol.WorkerFault("raised", "E", "", 3, is_in_making=False)


@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    """Random bytes are replies, the start of one, or a ProtocolError."""
    with contextlib.suppress(ProtocolError):
        for reply, arrays in Inbox().feed(data):
            assert [name for name, _, _ in reply.arrays] == list(arrays)


@given(st.lists(st.integers(1, 40), max_size=20))
def test_replies_come_in_any_parts(sizes: list[int]) -> None:
    """Two replies arrive in order, with nothing left over, however their bytes are split."""
    text, data = header(arrays=[["x", "<f8", [2]]]), np.arange(2.0).tobytes()
    frames = b"".join(struct.pack("<II", len(text), len(data)) + text + data for _ in range(2))
    inbox, found = Inbox(), []
    for size in [*sizes, len(frames)]:
        part, frames = frames[:size], frames[size:]
        found += [arrays["x"].tolist() for _, arrays in inbox.feed(part)]
    assert found == [[0.0, 1.0]] * 2
    assert inbox.is_empty


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


@given(
    st.dictionaries(st.sampled_from(["id", "arrays", "data", "fault", "op"]), JSON),
    st.binary(max_size=64),
)
def test_any_header(fields: dict[str, object], data: bytes) -> None:
    """Any JSON in the header is a reply or a ProtocolError."""
    with contextlib.suppress(ProtocolError):
        reply, arrays = decode(json.dumps({"id": 1, "arrays": []} | fields).encode(), data)
        assert reply.id == fields.get("id", 1)
        assert {name for name, _, _ in reply.arrays} == set(arrays)
