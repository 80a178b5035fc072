"""The composition root and the outermost edge: arguments in, an exit code out.

Decides what a person is told when something fails. Invariant: a mistake of the person's and trouble
with the world are one paragraph with a way out; only a bug of ours shows a traceback.
"""

import os
import sqlite3
import sys
import traceback
from collections.abc import Callable, Sequence

from cyclopts.exceptions import CycloptsError

from interlock.api.access.errors import AccessError
from interlock.cli.app import app
from interlock.cli.errors import BadInput, Exit, WorldTrouble
from interlock.journal.errors import JournalError
from interlock.market.errors import MarketFileError
from interlock.runtime.errors import RuntimeTrouble


def main() -> None:
    """The ``interlock`` command."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """One command; never raises for what a person or the world can do."""
    return guarded(lambda: app(list(arguments)))


def guarded(action: Callable[[], object]) -> int:
    """The outermost edge around any action: its exit code, and for every trouble a sentence."""
    try:
        code = action()
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has gone, as in ``interlock facts DIR | head``. Python would complain on exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    except (BadInput, MarketFileError) as error:
        return _told(str(error), Exit.BAD_INPUT)
    except CycloptsError as error:
        return _told(f"{error}\nTry: interlock --help", Exit.BAD_INPUT)
    except (JournalError, RuntimeTrouble, AccessError, WorldTrouble) as error:
        return _told(_sentence(str(error)), Exit.WORLD_TROUBLE)
    except (OSError, sqlite3.Error) as error:
        return _told(_sentence(str(error)), Exit.WORLD_TROUBLE)
    except KeyboardInterrupt:
        return _told("Interrupted.", Exit.INTERRUPTED)
    except Exception:  # noqa: BLE001 - the outermost edge: nothing else may swallow a bug
        traceback.print_exc()
        return _told(
            "This is a bug of Interlock's. Please report it with the lines above.", Exit.BUG
        )
    return code if isinstance(code, int) else Exit.OK


def _told(message: str, code: Exit) -> int:
    sys.stderr.write(f"interlock: {message}\n")
    return code


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
