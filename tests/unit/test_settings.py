"""Settings: one place, clear errors, no secret in what a person sees."""

import pytest

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
        if any(word in name for word in ("password", "secret", "webhook", "_key")):
            assert "SecretStr" in str(field.annotation), name
