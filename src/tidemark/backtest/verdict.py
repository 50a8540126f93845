"""Verdict: what all origins together show, and what they recommend; nothing of it is applied by itself."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tidemark.backtest.measuring import FOLDED, FRESH, STALE
from tidemark.evaluation import evidence, ranking_metrics
from tidemark.evaluation.evidence import Evidence

Array = np.ndarray[Any, Any]
Document = dict[str, Any]

LOSSES = {"loss": FOLDED, "loss_without_fold_in": STALE}
"""Figure -> the lists that are held against those of a model trained anew."""


def of_lags(origins: Sequence[Mapping[int, Mapping[str, Array]]], mark: int) -> list[Document]:
    """A row for each lag: figures over the users of all origins.

    A user measured at two origins counts twice: what is measured is a list, not a person.

    Args:
        origins: as `measuring.lags` gives them.
        mark: interactions of a mark.

    Returns:
        `lag`, `interactions` that came since, `users`; NDCG@10 `stale`, `folded`, `fresh`; `loss` and `loss_without_fold_in`,
        what is lost by not training anew, each `{value, low, high}`; and `cpu_seconds` of one training.
    """
    rows = []
    for lag in origins[0]:
        found = {name: np.concatenate([one[lag][name] for one in origins]) for name in (STALE, FOLDED, FRESH)}
        columns = found | {name: found[FRESH] - found[of] for name, of in LOSSES.items()}
        cpu = float(np.mean([one[lag]["cpu_seconds"].mean() for one in origins]))
        rows.append({"lag": lag, "interactions": lag * mark} | _figures(columns) | {"cpu_seconds": cpu})
    return rows


def of_windows(origins: Sequence[Mapping[float, Mapping[str, Array]]]) -> list[Document]:
    """A row for each window, the shortest first: `share` of what there was, `pairs` (mean), `users`, `ndcg_at_10`, `loss` on
    the whole of it, and `cpu_seconds`."""
    rows = []
    whole = np.concatenate([one[1.0]["ndcg"] for one in origins])
    for share in origins[0]:
        ndcg = np.concatenate([one[share]["ndcg"] for one in origins])
        means = {
            name: float(np.mean([one[share][name].mean() for one in origins])) for name in ("pairs", "cpu_seconds")
        }
        rows.append({"share": share} | _figures({"ndcg_at_10": ndcg, "loss": whole - ndcg}) | means)
    return rows


def _figures(columns: Mapping[str, Array]) -> Document:
    """`users` and the figure of each column, all over the same resamples."""
    users = len(next(iter(columns.values())))
    if not users:
        return {"users": 0}
    values = np.stack(list(columns.values()), axis=1)
    replicates = ranking_metrics.resampled_means(values)
    figures = {
        name: ranking_metrics.figure(float(values[:, at].mean()), replicates[:, at]) for at, name in enumerate(columns)
    }
    return {"users": users} | figures


def of_gate(trials: Sequence[Document]) -> Document:
    """How often the gate was right: `decisions`, of these `right`, `wrong` and `open` (the future does not tell), `kept_worse`
    (it kept the worse model) and `published_worse`."""
    verdicts = [trial["verdict"] for trial in trials]
    wrong = [trial for trial in trials if trial["verdict"] == "wrong"]
    return {
        "decisions": len(trials),
        **{name: verdicts.count(name) for name in ("right", "wrong", "open")},
        "kept_worse": sum(not trial["published"] for trial in wrong),
        "published_worse": sum(trial["published"] for trial in wrong),
        "trials": list(trials),
    }


def shown_at(lags: Sequence[Document], loss: str = "loss") -> Document | None:
    """The first lag at which a loss is shown: its interval is above zero."""
    return next((row for row in lags if row["lag"] and loss in row and row[loss]["low"] > 0), None)


def recommended(lags: Sequence[Document], windows: Sequence[Document]) -> Document:
    """What to set, and why, in sentences.

    Returns:
        `mark`: the most interactions after which no loss is shown (one mark, where it is shown there already); `window`: the
        shortest whose loss is not shown, interactions; both None where too few users were measured; and `why`.
    """
    users = min(row["users"] for row in lags)
    if not Evidence(users).conclusive:
        return {
            "mark": None,
            "window": None,
            "why": [f"{users} users were measured: nothing can be concluded ({evidence.LEAST} are needed)"],
        }
    mark, why = _mark(lags)
    window = next(row for row in windows if row["share"] == 1 or row["loss"]["low"] <= 0)
    told = f"learned from the newest {window['share']:.0%} ({window['pairs']:,.0f} interactions)"
    if window["share"] == 1:
        why.append(f"every shorter window is shown to lose: a model is best {told}")
    else:
        why.append(f"no loss is shown of a model that {told}: {_text(window['loss'])}")
    return {"mark": mark, "window": round(window["pairs"]), "why": why}


def _mark(lags: Sequence[Document]) -> tuple[int, list[str]]:
    measured = [row for row in lags if row["lag"]]
    at = shown_at(lags)
    without = shown_at(lags, "loss_without_fold_in")
    fold_in = (
        "without fold-in none is shown either"
        if without is None
        else f"without fold-in one is shown after {without['interactions']:,}: {_text(without['loss_without_fold_in'])}"
    )
    if at is None:
        last = measured[-1]
        return last["interactions"], [
            f"no loss is shown up to {last['interactions']:,} interactions unlearned: {_text(last['loss'])}; {fold_in}"
        ]
    before = [row for row in measured if row["lag"] < at["lag"]]
    mark = before[-1] if before else at
    less = "" if before else "; less than a mark was not measured"
    return mark["interactions"], [
        f"a loss is first shown after {at['interactions']:,} interactions unlearned: {_text(at['loss'])}; {fold_in}{less}"
    ]


def _text(figure: Mapping[str, float]) -> str:
    return f"NDCG@10 {figure['value']:+.4f} ({figure['low']:+.4f} to {figure['high']:+.4f})"
