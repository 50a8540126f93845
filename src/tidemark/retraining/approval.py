"""Approval: what a person is asked about a model that was decided for, between `decide` and `publish`: its figures and reasons."""

from collections.abc import Mapping
from typing import Any

from pymongo.database import Database

from tidemark.evaluation import evidence
from tidemark.registry import approvals, entries
from tidemark.registry.names import NAMES

Document = dict[str, Any]

SHOWN = {"ndcg_at_10": "NDCG@10", "recall_at_20": "recall@20", "coverage": "coverage"}
BESIDE = ("champion", "popularity", "popularity_recent", "item_knn")


def questions(db: Database[Document], decided: Document, required: bool) -> list[dict[str, str]]:
    """What a person is asked about a model: nothing, or one question.

    Args:
        db: the platform's database.
        decided: what `decide.register` gave.
        required: whether a person is to be asked.

    Returns:
        `subject` and `body` (Markdown): the figures, and why the gate decided as it did.
    """
    if not (required and decided["publish"]):
        return []
    model = entries.get(db, decided["model"])
    approvals.wait(db, model["_id"])
    return [{"subject": f"Put the model {model['_id']} live?", "body": _body(model)}]


def _body(model: Document) -> str:
    measured = evidence.of(model)
    lines = [f"**{model['engine']}**, {model['why']['engine']}.", "", measured.doubt() or measured.text(), ""]
    metrics = model["metrics"]
    if measured.conclusive:
        contender = model["decision"]["contender"]
        lines += ["| | " + " | ".join(SHOWN.values()) + " |", "|---" * (len(SHOWN) + 1) + "|"]
        for name in dict.fromkeys((contender, *BESIDE)):
            if name in metrics:
                cells = [_figure(metrics[name].get(metric)) for metric in SHOWN]
                lines.append(f"| {NAMES.get(name, name)} | {' | '.join(cells)} |")
        lines.append("")
    lines += [f"- {reason}" for reason in model["decision"]["reasons"]]
    return "\n".join(lines)


def _figure(figure: Mapping[str, float] | None) -> str:
    return f"{figure['value']:.4f} ({figure['low']:.4f} to {figure['high']:.4f})" if figure else ""
