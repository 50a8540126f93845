"""Alerts and dashboard name metrics that there are, and each alert is raised by what it is for and by nothing less."""

import json
import operator
import re
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tidemark.errors import UnreachableError
from tidemark.operations import prometheus
from tidemark.settings import ROOT
from tidemark.stream.bookmark import Lag, PartitionLag
from tidemark.stream.engagement_figures import Rate

RULES: list[dict[str, Any]] = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yaml").read_text())["groups"][0]["rules"]
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy/grafana/tidemark.json").read_text())
METRIC = re.compile(r'(tidemark_\w+)(?:\{(\w+)="(\w+)"\})?')

Samples = dict[tuple[str, str], float]

RAISED: list[tuple[str, Samples]] = [
    ("TidemarkServerAway", {("tidemark_up", "kafka"): 0}),
    ("TidemarkNoChampion", {("tidemark_models", "champion"): 0}),
    ("TidemarkLagOverTenMarks", {("tidemark_lag", ""): 10_001}),
    ("TidemarkDeadLetters", {("tidemark_dead_letters_waiting", ""): 101}),
    ("TidemarkStaleChampion", {("tidemark_champion_age_seconds", ""): 15 * 86_400}),
    ("TidemarkIngestBehind", {("tidemark_ingest_behind", ""): 10_001}),
    ("TidemarkDiskFull", {("tidemark_disk_free_bytes", ""): 0}),
]
"""Each alert, and what it is for."""


class Anything:
    """A platform that works, a live model with figures and clicks among what it has."""

    def __init__(self, folder: str) -> None:
        self.config = SimpleNamespace(retrain_mark=1_000, artifacts_root=folder)

    def lag(self) -> Lag:
        return Lag("interactions", (PartitionLag(0, 0, 500, 100),))

    def progress(self) -> Any:
        from datetime import UTC, datetime

        return SimpleNamespace(next_offsets={0: 450}, updated_at=datetime.now(UTC))

    def ask(self, _question: Any) -> Any:
        return prometheus._of_registry(None)


@pytest.fixture
def exported(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Samples:
    """(name, value of the first label) -> value, of every metric that there can be."""
    from datetime import UTC, datetime

    live = {"created_at": datetime.now(UTC), "users_served": 5, "decision": {"contender": "candidate"},
            "metrics": {"candidate": {"ndcg_at_10": {"value": 0.1}}}}  # fmt: skip
    monkeypatch.setattr(prometheus.champion, "live", lambda *_: live)
    monkeypatch.setattr(prometheus.entries, "count_by_status", lambda _: {"champion": 1})
    monkeypatch.setattr(prometheus.engagement_figures, "by_model", lambda _: {"m": Rate(10, 5, 0)})
    monkeypatch.setattr(prometheus.figures, "of_contender", lambda model: model["metrics"]["candidate"])
    counted = SimpleNamespace(count_documents=lambda *_, **__: 3)
    of_registry = prometheus._of_registry
    monkeypatch.setattr(
        prometheus, "_of_registry", lambda _db: of_registry({prometheus.dead_letters.COLLECTION: counted})
    )
    return samples(Anything(str(tmp_path)))


def samples(platform: Any) -> Samples:
    text = prometheus.exposition(platform, {"train": 3.0}).decode()
    return {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def holds(expression: str, values: Samples) -> bool:
    """Whether an alert's expression, a comparison of products of metrics and numbers, holds for any series."""
    names = {match[1] for match in METRIC.finditer(expression)}
    series = {label for name, label in values if name in names} if len(names) == 1 else {""}
    left, sign, right = re.split(r" (==|<|>) ", expression)
    compare = {"==": operator.eq, "<": operator.lt, ">": operator.gt}[sign]
    return any(compare(product(left, values, label), product(right, values, label)) for label in series)


def product(text: str, values: Samples, label: str) -> float:
    """The value of `a * b / c`, each a metric or a number."""
    result, sign = 1.0, "*"
    for part in text.split(" "):
        if part in ("*", "/"):
            sign = part
            continue
        metric = METRIC.fullmatch(part)
        value = values[metric[1], metric[3] or label] if metric else float(part)
        result = result * value if sign == "*" else result / value
    return result


def test_every_metric_that_is_named_is_one_that_there_is(exported: Samples) -> None:
    there = {name for name, _ in exported}
    texts = [rule["expr"] for rule in RULES]
    texts += [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    assert len(texts) > 15
    for text in texts:
        named = {match[1] for match in METRIC.finditer(text)}
        assert named, text
        assert named <= there, f"{text}: there is no {named - there}"


def test_where_all_is_well_no_alert_is_raised(exported: Samples) -> None:
    assert [rule["alert"] for rule in RULES if holds(rule["expr"], exported)] == []


@pytest.mark.parametrize(("alert", "changed"), RAISED)
def test_each_alert_is_raised_by_what_it_is_for_alone(exported: Samples, alert: str, changed: Samples) -> None:
    assert changed.keys() <= exported.keys()
    assert [rule["alert"] for rule in RULES if holds(rule["expr"], exported | changed)] == [alert]
    assert {rule["alert"] for rule in RULES} >= {alert}
    (rule,) = [rule for rule in RULES if rule["alert"] == alert]
    assert {"summary", "what_to_do"} <= rule["annotations"].keys()


def test_what_is_away_is_left_out_and_said(tmp_path: Any) -> None:
    class Away(Anything):
        def lag(self) -> Lag:
            raise UnreachableError("away")

        def ask(self, _question: Any) -> Any:
            raise UnreachableError("away")

    found = samples(Away(str(tmp_path / "never written")))
    assert found["tidemark_up", "mongo"] == found["tidemark_up", "kafka"] == 0
    assert {name for name, _ in found} == {"tidemark_up", "tidemark_retrain_stage_seconds"}


def test_every_alert_has_its_test() -> None:
    assert {alert for alert, _ in RAISED} == {rule["alert"] for rule in RULES}
