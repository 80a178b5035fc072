"""``script/bench NAME [--json] [--quick]``: run one benchmark, or all of them."""

import argparse
import json
import sys
from collections.abc import Callable
from typing import Any

from bench import memory, place, recover, tick

BENCHES: dict[str, Callable[[bool], list[dict[str, Any]]]] = {
    "tick": tick.run,
    "place": place.run,
    "memory": memory.run,
    "recover": recover.run,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    parser.add_argument("name", choices=[*BENCHES, "all"])
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it runs")
    given = parser.parse_args()
    names = list(BENCHES) if given.name == "all" else [given.name]
    out: dict[str, list[dict[str, Any]]] = {}
    for name in names:
        print(f"{name} ...", file=sys.stderr)
        out[name] = BENCHES[name](given.quick)
    if given.json:
        print(json.dumps(out, indent=2))
        return 0
    for name, rows in out.items():
        print(f"\n{name}")
        for row in rows:
            print("  " + "  ".join(f"{key} {value}" for key, value in row.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
