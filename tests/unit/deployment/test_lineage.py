"""Lineage: off, to a file, or to a URL, and never a secret in an option that Airflow's pages could show."""

import json
from pathlib import Path

from pydantic import SecretStr

from tidemark.deployment import lineage
from tidemark.settings import Settings


def config(tmp_path: Path, where: str, key: str = "") -> Settings:
    return Settings(_env_file=None, state=tmp_path, lineage=where, lineage_api_key=SecretStr(key))


def test_off_by_default_so_that_no_task_pays_for_it(tmp_path):
    assert Settings.model_fields["lineage"].default == ""
    assert lineage.environment(config(tmp_path, "")) == {}


def test_a_file_is_below_the_state_folder_and_its_folder_is_made(tmp_path):
    found = lineage.environment(config(tmp_path, "lineage/events.jsonl"))
    transport = json.loads(found["AIRFLOW__OPENLINEAGE__TRANSPORT"])
    where = tmp_path / "lineage" / "events.jsonl"
    assert transport == {"type": "file", "log_file_path": str(where), "append": True}
    assert where.parent.is_dir()
    assert lineage.file(config(tmp_path, "/elsewhere/x.jsonl")) == Path("/elsewhere/x.jsonl")


def test_a_url_is_tried_once_and_briefly(tmp_path):
    transport = lineage.transport(config(tmp_path, "https://lineage.example"))
    assert transport["url"] == "https://lineage.example"
    assert transport["timeout"] <= 2
    assert transport["retry"]["total"] == 0
    assert "auth" not in transport


def test_the_key_is_in_a_connection_and_in_no_option(tmp_path):
    found = lineage.environment(config(tmp_path, "https://lineage.example", "very-secret"))
    assert [name for name, value in found.items() if "very-secret" in value] == ["AIRFLOW_CONN_OPENLINEAGE"]


def test_spark_jobs_and_source_code_are_left_out_and_every_option_exists(tmp_path):
    from airflow.providers.openlineage.get_provider_info import get_provider_info

    known = get_provider_info()["config"]["openlineage"]["options"]
    found = lineage.environment(config(tmp_path, "events.jsonl"))
    assert {name.removeprefix("AIRFLOW__OPENLINEAGE__").lower() for name in found} <= set(known)
    assert found["AIRFLOW__OPENLINEAGE__SPARK_INJECT_PARENT_JOB_INFO"] == "False"
    assert json.loads(found["AIRFLOW__OPENLINEAGE__EMISSION_POLICY"])[0]["controls"] == {"include_source_code": False}
