"""What the pages show of the models: rows of the registry, the champion, and what it can be rolled back to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pymongo import DESCENDING
from pymongo.database import Database

from tidemark.errors import ContractError
from tidemark.evaluation import evidence
from tidemark.models.recipes import from_document
from tidemark.registry import approvals, champion, figures

Document = dict[str, Any]

PAGE = 25
"""Models of one page."""

BASELINES = ("popularity", "popularity_recent", "item_knn")
_FIGURES = ("ndcg_at_10", "recall_at_10", "coverage")
SHOWN = dict.fromkeys(
    (
        "status",
        "engine",
        "feedback",
        "created_at",
        "published_at",
        "users_served",
        "artifacts",
        "params",
        "data.pairs",
        "data.users",
        "data.items",
        "data.measured_users",
        "data.measured_ratings",
        "data.split",
        "data.split_rule",
        "decision.publish",
        "decision.contender",
        "decision.promote",
        "decision.reasons",
        "approval",
        *figures.fields(*_FIGURES),
        *(f"metrics.ratings.{model}.rmse" for model in ("als", "bias", "global_mean")),
    ),
    1,
)
"""The projection of a model document: trials of a search and the leads of every pair stay where they are."""


@dataclass(frozen=True)
class Figure:
    """A measured value and its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def half(self) -> float:
        """Half the width of the interval."""
        return (self.high - self.low) / 2

    @staticmethod
    def of(stored: Document | None) -> "Figure | None":
        """From `{value, low, high}`; None where there is none."""
        return Figure(float(stored["value"]), float(stored["low"]), float(stored["high"])) if stored else None


@dataclass(frozen=True)
class ModelRow:
    """One model of the registry, as a page shows it.

    Figures are those of what went live: where popularity was the contender, popularity's. Where too few users (or, for
    `rmse`, ratings) were measured to conclude anything, they are None, and `doubt` (`stars_doubt`) says so in a
    sentence; `measured` says how many users were measured, and on what.
    """

    model_id: str
    status: str
    engine: str
    feedback: str
    created_at: datetime | None
    published_at: datetime | None
    users_served: int | None
    run_key: str
    settings: str
    data: Document
    ndcg: Figure | None
    recall: Figure | None
    coverage: Figure | None
    popularity: Figure | None
    baselines: dict[str, Figure]
    rmse: Figure | None
    rmse_mean: Figure | None
    measured: str
    doubt: str
    stars_doubt: str
    decision: str
    reasons: tuple[str, ...]

    @property
    def lead(self) -> float | None:
        """How far its NDCG@10 is ahead of popularity's."""
        return self.ndcg.value - self.popularity.value if self.ndcg and self.popularity else None

    @property
    def good_stars(self) -> bool:
        """Whether its ratings are better than always predicting the mean."""
        return bool(self.rmse and self.rmse_mean and self.rmse.value < self.rmse_mean.value)

    @staticmethod
    def of(model: Document) -> "ModelRow":
        """From a model document, whole or projected by `SHOWN`; what is missing is None or empty."""
        decision = model.get("decision") or {}
        ranking, rating = evidence.of(model), evidence.of_stars(model)
        own = figures.of_contender(model) if ranking.conclusive else {}
        baselines = BASELINES if ranking.conclusive else ()
        stars = figures.of_stars(model) if rating.conclusive else {}
        ndcg = {name: Figure.of(figures.of(model, name).get("ndcg_at_10")) for name in baselines}
        return ModelRow(
            model_id=str(model["_id"]),
            status=str(model.get("status", "")),
            engine=str(model.get("engine", "")),
            feedback=str(model.get("feedback", "")),
            created_at=_moment(model.get("created_at")),
            published_at=_moment(model.get("published_at")),
            users_served=model.get("users_served"),
            run_key=str(model.get("artifacts") or "").rstrip("/").rpartition("/")[2],
            settings=_settings(model),
            data=dict(model.get("data") or {}),
            ndcg=Figure.of(own.get("ndcg_at_10")),
            recall=Figure.of(own.get("recall_at_10")),
            coverage=Figure.of(own.get("coverage")),
            popularity=ndcg.get("popularity"),
            baselines={name: figure for name, figure in ndcg.items() if figure},
            rmse=Figure.of((stars.get("als") or {}).get("rmse")),
            rmse_mean=Figure.of((stars.get("global_mean") or {}).get("rmse")),
            measured=ranking.text(),
            doubt=ranking.doubt(),
            stars_doubt=rating.doubt() if figures.of_stars(model) else "",
            decision=_decision(model, decision),
            reasons=tuple(map(str, [*(decision.get("reasons") or ()), *_approval(model)])),
        )


def _moment(stored: Any) -> datetime | None:
    moment = datetime.fromisoformat(stored) if isinstance(stored, str) else stored
    if not isinstance(moment, datetime):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _settings(model: Document) -> str:
    params = model.get("params")
    if not params or str(model.get("engine", "")).startswith("popularity"):
        return "popularity is the model"
    try:
        return from_document(params).text()
    except ContractError:
        return "settings of another version of Tidemark"


def _decision(model: Document, decision: Document) -> str:
    if model.get("published_at"):
        return "published"
    if not decision:
        return "not decided"
    answered = (model.get("approval") or {"approved": True})["approved"]
    if answered is None:
        return "waits for approval"
    if decision.get("publish") and answered:
        return "to be published"
    return "held back" if decision.get("promote") == "never" else "rejected"


def _approval(model: Document) -> list[str]:
    return [approvals.text(model["approval"])] if model.get("approval") else []


@dataclass(frozen=True)
class ModelPage:
    """One page of the registry, newest first; `number` starts at 1."""

    rows: tuple[ModelRow, ...]
    number: int
    total: int

    @property
    def pages(self) -> int:
        """How many there are; at least one."""
        return max(1, -(-self.total // PAGE))


def page(db: Database[Document], number: int) -> ModelPage:
    """Models of the page `number`; a number beyond the last gives the last."""
    total = db["models"].estimated_document_count()
    number = min(max(1, number), max(1, -(-total // PAGE)))
    rows = db["models"].find({}, SHOWN).sort("_id", DESCENDING).skip((number - 1) * PAGE).limit(PAGE)
    return ModelPage(tuple(map(ModelRow.of, rows)), number, total)


@dataclass(frozen=True)
class Champion:
    """The live model, since when, and by which run it became that."""

    row: ModelRow
    moved_at: datetime | None
    moved_by: str
    previous: str | None


def live(db: Database[Document]) -> Champion | None:
    """The model that is live; None before the first publication."""
    at = champion.pointer(db)
    model = db["models"].find_one({"_id": at["model_id"]}, SHOWN) if at else None
    if not at or not model:
        return None
    return Champion(ModelRow.of(model), _moment(at.get("moved_at")), str(at.get("moved_by", "")), at.get("previous"))


def choices(db: Database[Document]) -> list[str]:
    """Models that can be made the champion: kept whole, and not it already; newest first."""
    at = champion.pointer(db)
    return [model_id for model_id in champion.kept(db) if at and model_id != at["model_id"]]


def find(db: Database[Document], model_id: str) -> ModelRow | None:
    """One model; None where there is none of that id."""
    model = db["models"].find_one({"_id": model_id}, SHOWN)
    return ModelRow.of(model) if model else None


def newest(db: Database[Document], limit: int) -> Sequence[ModelRow]:
    """The newest `limit` models, oldest of them first: what the history is drawn from."""
    wanted = {"status": 1, "published_at": 1, "created_at": 1, "decision.contender": 1, "decision.publish": 1}
    wanted |= dict.fromkeys((*figures.fields("ndcg_at_10"), "data.measured_users", "data.split_rule"), 1)
    models = db["models"].find({}, wanted).sort("_id", DESCENDING).limit(limit)
    return list(map(ModelRow.of, models))[::-1]
