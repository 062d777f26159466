"""Settings: flags before environment before .env, and one clear line for what cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from loader.errors import SettingsError
from loader.settings import API_MODEL, CLASHING_NAMES, EMBEDDED_MODEL, PUBLIC_DATASET, ROOT, read_settings

NAMES = ("MISTRAL_API_KEY", "MISTRAL_SERVER_URL", "RECEIPTS", "RECEIPTS_CURRENCY", "MODEL", "WAREHOUSE", "BI_DATABASE")


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (*NAMES, "MAX_COST_USD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def test_without_anything_samples_go_to_the_embedded_server() -> None:
    settings = read_settings()
    assert settings.is_embedded
    assert (settings.receipts, settings.model, settings.api) == ("samples", EMBEDDED_MODEL, "embedded")
    assert settings.warehouse == ROOT / "data" / "warehouse.duckdb"
    assert settings.bi_database == ROOT / "data" / "bi.duckdb"
    assert settings.max_cost_usd == 1.0


def test_a_key_means_the_real_api_and_the_public_dataset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MISTRAL_API_KEY", "secret-key")
    settings = read_settings()
    assert (settings.receipts, settings.model) == (PUBLIC_DATASET, API_MODEL)
    assert "secret-key" not in repr(settings)


def test_flags_override_environment_overrides_env_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("RECEIPTS=from-file\nMODEL=from-file\nRECEIPTS_CURRENCY=EUR\n")
    monkeypatch.setenv("RECEIPTS", "from-environment")
    monkeypatch.setenv("MODEL", "from-environment")
    settings = read_settings({"receipts": "from-flag", "model": None})
    assert (settings.receipts, settings.model, settings.currency) == ("from-flag", "from-environment", "EUR")


def test_a_relative_path_in_env_file_is_relative_to_that_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("WAREHOUSE=elsewhere/w.duckdb\n")
    inner = tmp_path / "inner"
    inner.mkdir()
    monkeypatch.chdir(inner)
    assert read_settings().warehouse == tmp_path / "elsewhere" / "w.duckdb"
    monkeypatch.setenv("WAREHOUSE", "here.duckdb")
    assert read_settings().warehouse == inner / "here.duckdb"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("RECEIPTS_CURRENCY", "RUPIAH", "unknown currency 'RUPIAH'"),
        ("MAX_COST_USD", "much", "MAX_COST_USD is 'much'"),
        ("MAX_COST_USD", "-1", "MAX_COST_USD"),
        ("MAX_COST_USD", "inf", "MAX_COST_USD"),
        ("MISTRAL_SERVER_URL", "http://127.0.0.1:1", "MISTRAL_API_KEY is not"),
        ("MISTRAL_API_KEY", "two words", "MISTRAL_API_KEY holds a space"),
        ("WAREHOUSE", "~no-such-user-1/w.duckdb", "WAREHOUSE is"),
        ("WAREHOUSE", "/", "WAREHOUSE is '/', which is a folder"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=words) as raised:
        read_settings()
    assert "\n" not in str(raised.value)


def test_a_currency_is_read_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECEIPTS_CURRENCY", " myr ")
    assert read_settings().currency == "MYR"


@pytest.mark.parametrize(
    "url", ["ftp://x", "http://", "http://a b/", "http://[::1", "http://h:port", "https://me:pass@host"]
)
def test_a_server_url_that_is_none_or_holds_a_password_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("MISTRAL_API_KEY", "key")
    monkeypatch.setenv("MISTRAL_SERVER_URL", url)
    with pytest.raises(SettingsError, match="MISTRAL_SERVER_URL") as raised:
        read_settings()
    assert "pass@" not in str(raised.value)


def test_an_env_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"MODEL=\xff\xfe")
    with pytest.raises(SettingsError, match=r"\.env cannot be read"):
        read_settings()


def test_receipts_in_an_env_file_may_stand_beside_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("RECEIPTS=my/receipts\n")
    (tmp_path / "my" / "receipts").mkdir(parents=True)
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    assert read_settings().receipts == str(tmp_path / "my" / "receipts")


@pytest.mark.parametrize(
    ("name", "spellings"),
    [
        ("api.mistral.ai", ["", "https://API.mistral.ai/", "https://api.mistral.ai:443", "https://api.mistral.ai./v1/"]),
        ("127.0.0.1:8765", ["http://localhost:8765", "http://127.0.0.1:8765/", "http://LocalHost:8765", "http://[::1]:8765"]),
        ("127.0.0.1", ["http://localhost", "http://127.0.0.1:80/"]),
        ("proxy.example.com:8443", ["https://proxy.example.com:8443", "https://Proxy.Example.com:8443/mistral"]),
        ("[fe80::1]:8765", ["http://[FE80::1]:8765"]),
    ],
)  # fmt: skip
def test_one_api_has_one_name(monkeypatch: pytest.MonkeyPatch, name: str, spellings: list[str]) -> None:
    monkeypatch.setenv("MISTRAL_API_KEY", "key")
    for url in spellings:
        monkeypatch.setenv("MISTRAL_SERVER_URL", url)
        assert read_settings().api == name


# (setting, name, whether it can be used)
FILE_NAMES = [
    *((setting, f"{name}.duckdb", False) for setting in ("WAREHOUSE", "BI_DATABASE") for name in CLASHING_NAMES),
    ("BI_DATABASE", "MARTS.duckdb", False),
    ("BI_DATABASE", "marts.db", False),
    ("BI_DATABASE", "marts", False),
    ("BI_DATABASE", "marts.2026.duckdb", False),
    ("BI_DATABASE", "my-marts.duckdb", True),
    ("BI_DATABASE", "2026.marts.duckdb", True),
    ("BI_DATABASE", "published.duckdb", True),
    ("BI_DATABASE", "select.duckdb", True),
    ("BI_DATABASE", 'it\'s "ours".duckdb', True),
    ("WAREHOUSE", "ware.house.duckdb", False),
    ("WAREHOUSE", ".duckdb", False),
    ("WAREHOUSE", "w.files", False),
    ("WAREHOUSE", "receipts", True),
]


@pytest.mark.parametrize(("setting", "name", "is_good"), FILE_NAMES)
def test_a_file_name_that_clashes_is_refused_by_name(
    setting: str, name: str, is_good: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(setting, str(tmp_path / name))
    if is_good:
        read_settings()
        return
    with pytest.raises(SettingsError) as refusal:
        read_settings()
    assert f"{setting} is {tmp_path / name}" in str(refusal.value) and "\n" not in str(refusal.value)
