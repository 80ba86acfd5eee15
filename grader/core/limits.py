"""What a submission may use."""

from __future__ import annotations

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a submission may use. Times are seconds of student code on a processor, and of waiting for something."""

    total_time_s: float = 60.0
    load_time_s: float = 30.0
    call_time_s: float = 5.0
    memory_bytes: int = 2**30
    output_bytes: int = 64 * 2**20
