"""Settings: one place, clear errors, no secret in what a person sees."""

import pytest
from pymongo.uri_parser import parse_uri

from tidemark.errors import SettingError
from tidemark.settings import Settings, settings


@pytest.fixture(autouse=True)
def _fresh_settings():
    settings.cache_clear()
    yield
    settings.cache_clear()


def test_a_wrong_value_names_its_variable_and_not_its_value(monkeypatch):
    monkeypatch.setenv("TIDEMARK_RETRAIN_MARK", "-5")
    monkeypatch.setenv("TIDEMARK_ENGINE", "hunter2")
    with pytest.raises(SettingError) as error:
        settings()
    assert "TIDEMARK_RETRAIN_MARK" in str(error.value)
    assert "TIDEMARK_ENGINE" in str(error.value)
    assert "hunter2" not in str(error.value)


def test_an_empty_variable_means_the_default(monkeypatch):
    monkeypatch.setenv("TIDEMARK_TOP_N", "")
    assert settings().top_n == 20


def test_passwords_are_escaped_in_the_uri_and_hidden_elsewhere(monkeypatch):
    monkeypatch.setenv("TIDEMARK_MONGO_PASSWORD", "p@ss:/word")
    assert "p%40ss%3A%2Fword@" in settings().mongo_uri
    assert "p@ss" not in repr(settings())


def test_every_password_is_a_secret():
    for name, field in Settings.model_fields.items():
        is_folder = name == "cluster_secrets"
        if any(word in name for word in ("password", "secret", "webhook", "_key")) and not is_folder:
            assert "SecretStr" in str(field.annotation), name


def test_further_properties_of_spark_are_read_as_a_shell_reads_words():
    given = "spark.executor.instances=4 spark.executor.extraJavaOptions='-Xss4m -Da=b'"
    assert Settings(_env_file=None, spark_conf=given).spark_properties == {
        "spark.executor.instances": "4",
        "spark.executor.extraJavaOptions": "-Xss4m -Da=b",
    }
    assert Settings(_env_file=None).spark_properties == {}


@pytest.mark.parametrize("given", ["spark.executor.instances", "--jars=x", "spark.a='1", "executor.memory=4g"])
def test_what_is_no_property_of_spark_is_refused_at_the_start(monkeypatch, given):
    monkeypatch.setenv("TIDEMARK_SPARK_CONF", given)
    with pytest.raises(SettingError, match="TIDEMARK_SPARK_CONF"):
        settings()


def test_mongodb_is_known_by_the_authority_that_is_set_where_it_speaks_tls() -> None:
    plain = Settings(_env_file=None, tls_ca="/run/a b/ca.pem")
    assert "tls" not in plain.mongo_uri
    known = plain.model_copy(update={"mongo_tls": True})
    assert parse_uri(known.mongo_uri, validate=False)["options"]["tlsCAFile"] == "/run/a b/ca.pem"
    assert known.model_copy(update={"tls_ca": ""}).mongo_uri.endswith("&tls=true")
