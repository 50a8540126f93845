"""Records of loads and refused rows, as the jobs leave them."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo.database import Database

from tidemark.contracts import conformance
from tidemark.storage import mongo

Document = dict[str, Any]
FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def load(number: int, kind: str = "interactions", name: str = "shop", **more: Any) -> Document:
    """The record of a load: 100 rows read, `number` of them refused for one reason."""
    counts = {"read": 100, "stored": 95 - number, "duplicates": 5, "rejected": number, "last": f"2026-01-0{number + 1}"}
    reasons = [{"reason": "rating: too large", "rows": number}] if number else []
    made = {
        "_id": f"{kind}-{name}-{number}",
        "kind": kind,
        "name": name,
        "source": f"/data/{name}/{number}.csv",
        "preset": "",
        "columns": [{"role": "user", "column": "who", "why": "given"}],
        "unit": "s",
        "scale": "0.5-5",
        "until": "",
        "counts": counts | {"rejected_by_reason": reasons},
        **{"erased": 0, "deleted": 0, "older": 0},
        "loaded_at": FIRST + timedelta(days=number),
        "dag_id": f"load_{kind}",
        "run_key": f"run-{number}",
    } | more
    assert conformance.reasons("load", made) == []
    return made


def reject(load_id: str, number: int, raw: str) -> Document:
    """A refused row of a load."""
    made = {
        "_id": hashlib.sha256(f"{load_id}{number}".encode()).hexdigest(),
        **{"kind": "interaction", "raw": raw, "raw_base64": None, "raw_bytes": len(raw), "cut": False},
        **{"reasons": ["rating: 9 is greater than the maximum of 5"], "kinds": ["rating: too large"]},
        **{"file": "/data/x.csv", "load": load_id, "copies": 1, "user_id": None},
    }
    assert conformance.reasons("reject", made) == []
    return made


def fill(db: Database[Document], raw: str) -> None:
    """Two loads by day of `shop`, with refused rows of the text `raw`; one of products; and one as it was noted before."""
    for name in ("loads", "rejects"):
        mongo.ensure(db, name)
    days = [load(n, until=(FIRST + timedelta(days=n)).isoformat()) for n in (2, 3)]
    db["loads"].insert_many([*days, load(0, "products", "catalogue")])
    db["rejects"].insert_many([reject(days[1]["_id"], n, f"{n} {raw}") for n in range(12)])
    before = {
        "_id": "before",
        "source": "builtin",
        "release": "2018",
        "products": None,
        "counts": {"reviews": {"read": 7, "stored": 7, "duplicates": 0, "rejected": 0, "rejected_by_reason": []}},
        "loaded_at": FIRST,
    }
    db.command("insert", "loads", documents=[before], bypassDocumentValidation=True)
