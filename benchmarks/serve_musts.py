"""What the figures of `benchmarks/serve.py` must be, and whether they are.

The peer is Gorse 0.5.9, measured on a machine of two cores that did nothing else: 1,705 lists a second, 1,022 while it fitted.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

EMPTY, STORED, KNOWN, HALF = "empty Flask", "stored", "304", "open loop at half of stored"
EMPTY_GUNICORN, STORED_GUNICORN = "empty Flask, gunicorn gthread", "stored, gunicorn gthread"
FITTING = "stored, while a model is fitted"
CALM, GUESSED = "stored, 1,000 a second", "the same, 250 passwords a second guessed"
FOLDED, FILTERED, POPULAR = "fold-in, nothing cached", "filtered, history cached", "popular of a category"
BIG, BIG_WHOLE = "1 M items x 64, exact", "the same, of all items"
SENT = "interactions sent"

OF_EMPTY, OF_GUNICORN = 0.55, 1.0
PEER, PEER_FITTING, OF_PEER = 1_705, 1_022, 1.5
OWN_MIB = 150
OF_CALM = 2.0

Lines = Mapping[str, Mapping[str, Any]]


class Must(NamedTuple):
    """One thing that a row must be.

    Args:
        row: which.
        text: what it must be.
        met: whether it is, by the lines of the table; it may miss one (KeyError): then nobody can say.
    """

    row: str
    text: str
    met: Callable[[Lines], bool]


def _p99(row: str, most: float) -> Must:
    return Must(row, f"p99 <= {most:g} ms", lambda of: of[row]["p99_ms"] <= most)


def _rate(row: str, least: float, why: str) -> Must:
    return Must(row, f">= {least:,.0f} a second ({why})", lambda of: of[row]["rate"] >= least)


def _of(row: str, share: float, base: str) -> Must:
    return Must(row, f">= {share:.0%} of {base}", lambda of: of[row]["rate"] >= share * of[base]["rate"])


MUSTS = (
    _of(STORED, OF_EMPTY, EMPTY),
    _of(STORED, OF_GUNICORN, EMPTY_GUNICORN),
    _p99(STORED, 25),
    _rate(STORED, OF_PEER * PEER, "1.5 x the peer"),
    _rate(FITTING, OF_PEER * PEER_FITTING, "1.5 x the peer while it fits"),
    _p99(HALF, 10),
    Must(
        GUESSED,
        f"p99 <= {OF_CALM:g} x that without",
        lambda of: of[GUESSED]["p99_ms"] <= OF_CALM * of[CALM]["p99_ms"],
    ),
    _of(KNOWN, 1.0, STORED),
    _p99(FOLDED, 40),
    _p99(BIG, 50),
    _p99(BIG_WHOLE, 50),
    _rate(SENT, 5_000, "acknowledged"),
    _p99(SENT, 500),
)


def judged(lines: Lines) -> list[tuple[str, str, str]]:
    """Row, what it must be, and `met`, `missed`, or `-` where a row that it needs was not measured; of all rows that were."""
    return [(must.row, must.text, _said(must, lines)) for must in MUSTS if must.row in lines]


def _said(must: Must, lines: Lines) -> str:
    try:
        return "met" if must.met(lines) else "missed"
    except KeyError:
        return "-"


def of_streams(streams: Mapping[str, float]) -> list[tuple[str, str, str]]:
    """The same of `serve_streams.measure`."""
    wanted = (
        ("gaps", 0, "no gap"),
        ("late_p99_ms", 1_000, "p99 <= 1 s"),
        ("cpu_share", 0.5, "<= 0.5 core"),
        ("pss_mib", 150, "<= 150 MiB"),
    )
    return [("streams", text, "met" if streams[name] <= most else "missed") for name, most, text in wanted]


def of_memory(workers: list[float]) -> list[tuple[str, str, str]]:
    """The same of the workers' PSS in MiB."""
    return (
        [("worker", f"<= {OWN_MIB} MiB each (PSS)", "met" if max(workers) <= OWN_MIB else "missed")] if workers else []
    )
