"""What security asks to be remembered: who signed in, who was refused, who acted as whom. One line of JSON each, no secrets.

They go to this module's logger, at INFO; where they are kept is for whoever sets up logging.
"""

import json
import logging
from datetime import UTC, datetime

LOGGER = __name__

_log = logging.getLogger(LOGGER)


def shortened(email: str) -> str:
    """`anna@shop.example` -> `a***@shop.example`: enough for its owner to know it by. Of what is no email, nothing."""
    name, at, domain = email.rpartition("@")
    return f"{name[:1]}***@{domain[:100]}" if at else "***"


def note(event: str, **facts: str | int | None) -> None:
    """Write one line: `event`, when (UTC), and `facts`, of which `account` is an email and is shortened.

    The JSON is ASCII, so nothing that a person typed can begin a line of its own or colour a terminal.
    """
    if facts.get("account"):
        facts["account"] = shortened(str(facts["account"]))
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    _log.info("%s", json.dumps({"audit": event, "at": at, **facts}))
