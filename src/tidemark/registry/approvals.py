"""Approvals: what people decided about models before they went live, kept with each; only where somebody was asked."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pymongo.database import Database

Document = dict[str, Any]

log = logging.getLogger(__name__)

APPROVE, REJECT = "Approve", "Reject"


def wait(db: Database[Document], model_id: str) -> None:
    """Note that a person is asked about a model."""
    db["models"].update_one({"_id": model_id}, {"$set": {"approval": {"approved": None}}})


def record(db: Database[Document], model_id: str, answer: Mapping[str, Any]) -> Document:
    """Keep with the model who decided, and why; said again, it changes nothing.

    Args:
        db: the platform's database.
        model_id: the model.
        answer: `chosen_options`, `params_input` (`reason`), `responded_at`, `responded_by_user` (`name`; None where the time was
            over), as Airflow has them.

    Returns:
        `approved`, `by`, `reason`, `at`.
    """
    by, at = answer.get("responded_by_user") or {}, answer["responded_at"]
    approved = list(answer["chosen_options"]) == [APPROVE]
    kept = {
        "approved": approved,
        "by": str(by.get("name") or by.get("id") or ""),
        "reason": str((answer.get("params_input") or {}).get("reason") or "")[:2_000],
        "at": datetime.fromisoformat(at) if isinstance(at, str) else at,
    }
    rejected = {} if approved else {"status": "rejected"}
    db["models"].update_one({"_id": model_id, "published_at": None}, {"$set": {"approval": kept, **rejected}})
    log.info("%s", text(kept))
    return kept


def text(approval: Mapping[str, Any]) -> str:
    """In a sentence: who decided what, and why."""
    if approval["approved"] is None:
        return "waits for a person's approval"
    done = "approved" if approval["approved"] else "rejected"
    who = f"{done} by {approval['by']}" if approval["by"] else f"{done}: nobody answered in time"
    return f"{who}: {approval['reason']}" if approval["reason"] else who
