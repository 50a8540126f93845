"""What spark-submit is told: by where the job runs, and by what was set besides."""

from pathlib import Path

import pytest

from tidemark.settings import Settings
from tidemark.spark import session


def conf(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, **given: str) -> dict[str, str]:
    jar = tmp_path / "a connector.jar"
    jar.touch()
    config = Settings(_env_file=None, state=tmp_path, **given)  # type: ignore[arg-type]
    monkeypatch.setattr(session, "JARS", tmp_path)
    monkeypatch.setattr(session, "settings", lambda: config)
    return session.submit_conf()


@pytest.mark.parametrize("master", ["local[2]", "spark://far:7077"])
def test_elsewhere_than_on_kubernetes_a_file_is_a_path(monkeypatch, tmp_path, master):
    assert conf(monkeypatch, tmp_path, spark_master=master)["spark.jars"] == f"{tmp_path}/a connector.jar"


def test_on_kubernetes_nothing_is_uploaded_since_each_pod_has_it(monkeypatch, tmp_path):
    given = conf(monkeypatch, tmp_path, spark_master="k8s://https://kubernetes.default.svc:443")
    assert given["spark.jars"] == f"local://{tmp_path}/a connector.jar"
    assert "spark.driver.host" not in given, "pods have addresses of their own"


def test_what_was_set_wins_over_what_the_jobs_have_by_themselves(monkeypatch, tmp_path):
    own = conf(monkeypatch, tmp_path)
    given = conf(monkeypatch, tmp_path, spark_conf="spark.sql.shuffle.partitions=400 spark.executor.instances=4")
    assert own["spark.sql.shuffle.partitions"] == "8"
    assert given == own | {"spark.sql.shuffle.partitions": "400", "spark.executor.instances": "4"}
