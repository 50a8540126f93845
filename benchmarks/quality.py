"""How good the platform's own pick is, beside each of its members and public models, on every data set that is there.

By the platform's split, ranking and metrics. Every model's settings are chosen on validation periods inside what may be
learned from; public models have small grids (`public_models.GRIDS`). An interval is that of the pick's lead over the model, paired
over users, 95 %: where it lies below 0, the model beats the pick.

make bench-quality
make bench-quality ARGS="--sets Gift_Cards,builtin --users 4000"
"""

import argparse
import logging
from collections.abc import Callable
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import public_models, quality_sets, subjects
from tidemark.evaluation import ranking_metrics
from tidemark.models import fallback
from tidemark.models.interface import Recommender, recommend
from tidemark.models.pairs import Pairs
from tidemark.models.recipes import Recipe
from tidemark.retraining import grids, portfolio, search
from tidemark.retraining.portfolio import Period

BUDGET = grids.BUDGETS["implicit"]
PICK = "the pick"


class Bench:
    """One data set: what is learned from, what is held out, who is measured, and the rows of its table."""

    def __init__(self, name: str, train: Pairs, held: Pairs, most_users: int | None) -> None:
        self.name, self.train, self.held = name, train, held
        users = ranking_metrics.measurable_users(train, held)
        self.users = ranking_metrics.drawn(users, most_users)
        self.rows: list[dict[str, Any]] = []
        self.ndcg: dict[str, np.ndarray] = {}

    def periods(self) -> list[Period]:
        """What settings are chosen on, as `portfolio.search` does."""
        return portfolio.periods(search.sample_users(self.train, BUDGET.pairs), BUDGET.users)

    def measure(self, name: str, choose: Callable[[], Recommender]) -> Recommender:
        """Choose settings, fit, and rank for everybody who is measured; one row."""
        chosen: dict[str, float] = {}
        made: dict[str, float] = {}
        with subjects.measured(chosen):
            recommender = choose()
        with subjects.measured(made):
            fitted = fallback.fit(recommender, self.train)
            lists, _ = recommend(fitted, self.users, 20, self.train.weights, self.train.item_counts > 0)
        hit, n_true = ranking_metrics.hits(lists, self.users, self.held.weights), self.held.user_counts[self.users]
        self.ndcg[name] = ranking_metrics.ndcg(hit, n_true, 10)
        self.rows.append(
            {
                "model": name,
                "ndcg_at_10": float(self.ndcg[name].mean()),
                "recall_at_20": float(ranking_metrics.recall(hit, n_true, 20).mean()),
                "ndcg_at_20": float(ranking_metrics.ndcg(hit, n_true, 20).mean()),
                "search_cpu": chosen["cpu_seconds"],
                "fit_cpu": made["cpu_seconds"],
                "settings": Recipe.of(recommender).text(),
            }
        )
        print(f"{self.name}: {name}: {self.rows[-1]}", flush=True)
        return recommender

    def tuned(self, recommenders: tuple[Recommender, ...]) -> Recommender:
        """The best of several on the validation periods; of one, nothing is to be chosen."""
        if len(recommenders) == 1:
            return recommenders[0]
        periods = self.periods()

        def quality(recommender: Recommender) -> float:
            return float(np.concatenate([p.ndcg(fallback.fit(recommender, p.train)) for p in periods]).mean())

        return max(recommenders, key=quality)

    def pick(self) -> tuple[Recommender, ...]:
        """Measure what the platform picks by itself; its members, with their settings."""
        found: list[portfolio.Portfolio] = []

        def choose() -> Recommender:
            choice = search.choose(self.train, "implicit", "implicit", {}, None)
            fit = choice.search.fit if choice.search else None
            found.append(portfolio.search(self.train, choice.recommender, BUDGET, fit))
            return found[0].recommender

        self.measure(PICK, choose)
        return found[0].members

    def leads(self) -> None:
        """Add to each row how far the pick is ahead of it."""
        for row in self.rows:
            gain = (self.ndcg[PICK] - self.ndcg[row["model"]])[:, np.newaxis]
            figure = ranking_metrics.figure(float(gain.mean()), ranking_metrics.resampled_means(gain)[:, 0])
            row["lead"] = figure


def run(name: str, most_users: int | None, also: list[str]) -> list[dict[str, Any]]:
    """The rows of one data set."""
    train, held = quality_sets.SETS[name][1]()
    bench = Bench(name, train, held, most_users)
    print(f"{name}: {len(train):,} pairs of {train.shape[0]:,} users and {train.shape[1]:,} items, "
          f"{len(bench.users):,} users measured", flush=True)  # fmt: skip
    for member in bench.pick():
        bench.measure(f"member {member.name}", lambda member=member: member)
    for public in also:
        grid = public_models.GRIDS[public]
        bench.measure(public, lambda grid=grid: bench.tuned(grid))
    bench.leads()
    return bench.rows


def show(name: str, rows: list[dict[str, Any]]) -> None:
    """Print the table of one data set."""
    table = Table(title=name)
    for column in (
        "model",
        "NDCG@10",
        "recall@20",
        "NDCG@20",
        "search CPU-s",
        "fit CPU-s",
        "lead of the pick",
        "settings",
    ):
        table.add_column(column, justify="left" if column in ("model", "settings") else "right")
    for row in rows:
        lead = row["lead"]
        table.add_row(
            row["model"],
            *(f"{row[key]:.4f}" for key in ("ndcg_at_10", "recall_at_20", "ndcg_at_20")),
            *(f"{row[key]:.1f}" for key in ("search_cpu", "fit_cpu")),
            f"{lead['value']:+.4f} [{lead['low']:+.4f}, {lead['high']:+.4f}]",
            row["settings"],
        )
    Console(width=200).print(table)


def main() -> None:
    """Every set that is there, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", default=",".join(quality_sets.SETS), help="which, by commas")
    parser.add_argument("--models", default=",".join(public_models.GRIDS), help="which public models, by commas")
    parser.add_argument("--users", type=int, help="measure at most so many of each set, drawn by a seed")
    parser.add_argument("--verbose", action="store_true", help="show each trial of the searches")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO if arguments.verbose else logging.WARNING, format="%(message)s")
    also = [name for name in arguments.models.split(",") if name]
    figures: dict[str, Any] = {}
    for name in arguments.sets.split(","):
        file = quality_sets.SETS[name][0]
        if file is not None and not file.exists():
            print(f"{name}: skipped, {file} is not there")
            continue
        figures[name] = run(name, arguments.users, also)
        show(name, figures[name])
    subjects.save("quality", figures)


if __name__ == "__main__":
    main()
