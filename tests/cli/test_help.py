"""Help: every command shows how it is typed."""

import pytest

from interlock.cli.app import app
from interlock.main import run

Capture = pytest.CaptureFixture[str]
NAMES = [name for name in app if not name.startswith("-")]


@pytest.mark.parametrize("name", NAMES)
def test_every_command_shows_an_example_in_its_help(name: str, capsys: Capture) -> None:
    inner = [one for one in app[name] if not one.startswith("-")]
    for words in [[name, one] for one in inner] or [[name]]:
        assert run([*words, "--help"]) == 0
        shown = capsys.readouterr().out
        usage, _, rest = shown.partition("\n")
        assert f"interlock {' '.join(words)}" in rest.replace(usage, ""), shown
