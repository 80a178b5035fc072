"""``script/bench NAME [PART ...] [--json] [--quick] [--pure]``: run one benchmark, or all."""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from bench import (
    encrypt,
    gates,
    instructions,
    memory,
    place,
    recall,
    recover,
    serve,
    snapshot,
    tick,
    wire,
)
from bench.goals import goals
from bench.timing import shown
from interlock.runtime.build import built

BENCHES: dict[str, Callable[[bool], list[dict[str, Any]]]] = {
    "tick": tick.run,
    "place": place.run,
    "memory": memory.run,
    "recover": recover.run,
    "recall": recall.run,
    "snapshot": snapshot.run,
    "instructions": instructions.run,
    "serve": serve.run,
    "encrypt": encrypt.run,
    "gates": gates.run,
    "wire": wire.run,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    parser.add_argument("name", choices=[*BENCHES, "all"])
    parser.add_argument("parts", nargs="*", help=f"of serve: {', '.join(serve.PARTS)}")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it runs")
    given = parser.parse_args()
    unknown = [part for part in given.parts if given.name != "serve" or part not in serve.PARTS]
    if unknown:
        parser.error(f"no part of {given.name}: {', '.join(unknown)}")
    names = list(BENCHES) if given.name == "all" else [given.name]
    out: dict[str, Any] = {}
    for name in names:
        print(f"{name} ...", file=sys.stderr)
        bench = partial(serve.run, parts=given.parts) if name == "serve" else BENCHES[name]
        out[name] = bench(given.quick)
    machine = {"engine": built(), "python": platform.python_version(), "cores": os.cpu_count()}
    met = goals(out)
    if given.json:
        print(json.dumps({"machine": machine, "goals": met, **out}, indent=2))
        return 0
    print("  ".join(f"{key} {value}" for key, value in machine.items()))
    for name, rows in [*out.items(), ("goals", met)]:
        print(f"\n{name}" if rows else "")
        for row in rows:
            print("  " + "  ".join(f"{key} {shown(value)}" for key, value in row.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
