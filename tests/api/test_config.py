"""Configuration: every setting has its place, and a wrong one is told with the way out."""

from pathlib import Path

import pytest

from interlock.api.config import TEMPLATE, Config, ConfigWrong, load
from interlock.cli.serve import access_settings


def wrong(tmp_path: Path, text: str = "", environ: dict[str, str] | None = None) -> str:
    file = tmp_path / "config.toml"
    file.write_text(text)
    with pytest.raises(ConfigWrong) as told:
        load(file, environ or {})
    return str(told.value)


def test_the_template_is_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(TEMPLATE)
    assert load(file, {}) == Config() == load(tmp_path / "none.toml", {})


def test_the_environment_wins(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[web]\nport = 9000\n")
    environ = {"INTERLOCK_WEB_PORT": "9001", "INTERLOCK_MARKET_SOURCE": "generated:4"}
    found = load(file, {**environ, "INTERLOCK_MASTER_KEY": "secret", "HOME": "/"})
    assert (found.web.port, found.market.source) == (9001, "generated:4")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[web]\nprot = 1", "Did you mean 'port'"),
        ("[wbe]\nport = 1", "Did you mean 'web'"),
        ("[web]\nport = 'x'", "web.port"),
        ("[web]\nport = 70000", "from 0 to 65535"),
        ("web = 3", "web"),
        ("[web", "not TOML"),
        ("environment = 'prod'", "paper, testnet and live"),
        ("[web]\nhost = '0.0.0.0'", "TLS"),
        ("[web]\ntls_key = 'k.pem'", "go together"),
        ("[limits]\nplacing_per_s = 0", "limits.placing_per_s"),
    ],
)
def test_what_is_wrong_is_told_with_the_way_out(tmp_path: Path, text: str, says: str) -> None:
    assert says in wrong(tmp_path, text)


def test_an_unknown_variable_is_refused_with_the_nearest(tmp_path: Path) -> None:
    told = wrong(tmp_path, environ={"INTERLOCK_WEB_PROT": "1"})
    assert "INTERLOCK_WEB_PORT" in told


def test_beyond_loopback_takes_tls_or_a_word(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    for more in ("tls_self_signed = true", "insecure = true"):
        file.write_text(f"[web]\nhost = '0.0.0.0'\n{more}")
        assert load(file, {}).web.host == "0.0.0.0"


def test_the_master_keys_place_and_the_journals_seal_are_settings(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[secrets]\nkey_file = "/k"\nkeyring = "desk"\n[journal]\nencrypt = true\n')
    found = load(file, {})
    asked = access_settings(found)
    assert (asked.key_file, asked.keyring_service) == (Path("/k"), "desk")
    assert found.journal.encrypt
