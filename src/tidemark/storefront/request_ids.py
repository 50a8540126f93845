"""The id of a request, by which its answer, its problem and its lines in the log are found again."""

import random
import re

HEADER = "X-Request-ID"

_usable = re.compile(r"[A-Za-z0-9._-]{1,64}").fullmatch


def of(sent: str | None) -> str:
    """The id that the caller sent, where it can be one; else a new one."""
    if sent and _usable(sent):
        return sent
    # It tells requests apart and keeps no secret. Asking the system for random bytes would give other threads the turn.
    return f"{random.getrandbits(64):016x}"
