"""The commands and their help.

Decides what is called how. Invariant: every command shows an example in its help.
"""

from importlib.metadata import version as installed

from cyclopts import App

from interlock.cli.alerts import alerts
from interlock.cli.credentials import credentials
from interlock.cli.demo import demo
from interlock.cli.facts import facts
from interlock.cli.keys import keys, profiles
from interlock.cli.looking import fills, incidents, order, positions, reconcile, risk, venues
from interlock.cli.mending import decrypt, encrypt, rebuild, repair
from interlock.cli.orders import orders
from interlock.cli.paper_venue import paper_venue
from interlock.cli.place import place
from interlock.cli.prices import prices
from interlock.cli.replay import replay
from interlock.cli.risk_control import blocks, countdown, limits
from interlock.cli.sandbox import sandbox
from interlock.cli.serve import config, serve
from interlock.cli.sim import sim
from interlock.cli.text import err
from interlock.cli.trading import amend, cancel, close, kill, resume
from interlock.cli.watch import watch
from interlock.runtime.build import built

HELP = """Interlock works orders of several legs: brackets, OCOs, ladders, straddles, trails.

One position, one exit: a leg that has won stops its siblings, nothing is left behind at the venue,
and nothing accepted is forgotten.

The usual path:

    interlock demo                                       see it live through a flash crash

    interlock replay --orders O.jsonl --market M.csv     your orders in a recorded market

    interlock replay ... --journal DIR --check           keep it, and verify every guarantee

    interlock orders DIR --order ID                      what became of an order, and why

    interlock serve                                      orders over HTTP, on a paper exchange

    interlock keys create NAME --scopes read,trade --save default

    interlock place --buy 0.5 BTCUSDT.PAPER --take-profit +3% --stop-loss -1%

    interlock watch                                      what becomes of it, live
"""
EPILOGUE = """Exit codes: 0 fine · 1 a check failed · 2 bad usage or input · 3 trouble with the \
world (journal locked or damaged, disk) · 130 interrupted · 70 a bug of Interlock's."""

app = App(
    name="interlock",
    help=HELP,
    help_format="markdown",
    help_epilogue=EPILOGUE,
    version=installed("interlock"),
    result_action="return_value",
    suppress_keyboard_interrupt=False,
    exit_on_error=False,
    print_error=False,
    help_on_error=False,
    error_console=err(),
)
app.command(demo)
app.command(replay)
app.command(orders)
app.command(facts)
app.command(rebuild)
app.command(repair)
app.command(encrypt)
app.command(decrypt)
app.command(sim)
app.command(serve)
app.command(alerts)
app.command(sandbox)
app.command(paper_venue)
app.command(config)
app.command(keys)
app.command(profiles)
app.command(credentials)
app.command(prices)
for command in (place, order, watch, amend, cancel, close, positions, risk, fills, incidents):
    app.command(command)
app.command(reconcile)
app.command(venues)
app.command(kill)
app.command(limits)
app.command(blocks)
app.command(countdown)
app.command(resume)


@app.command
def version() -> int:
    """Print the version, and whether the engine runs compiled or as pure Python.

    For example:

        interlock version
    """
    print(f"interlock {installed('interlock')}, engine {built()}")
    return 0
