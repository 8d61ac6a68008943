"""``python -m bench.stats``: the table of error rates and delays, and whether each promise holds."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from bench.stats import delays, errors, others, product
from bench.stats.plan import FULL, QUICK, Plan
from bench.stats.rows import Row, printed

EXPERIMENTS: tuple[Callable[[Plan], Iterator[Row]], ...] = (
    errors.one_gate,
    errors.joint,
    errors.promotion,
    delays.harms,
    errors.moving,
    delays.late,
    delays.clock,
    delays.equal,
    product.checks,
    others.peers,
    others.power,
    others.wrong,
)


def main() -> int:
    """Exit code 1 when a promise fails."""
    args = _arguments()
    plan = replace(QUICK if args.quick else FULL, seed=args.seed)
    started = time.monotonic()
    rows: list[Row] = []
    for experiment in EXPERIMENTS:
        for row in experiment(plan):
            rows.append(row)
            _progress(f"{len(rows)} rows, {time.monotonic() - started:.0f} s: {row.what}")
    _progress("")
    if args.json:
        args.json.write_text(json.dumps([row.as_json() for row in rows], indent=1) + "\n")
    failed = [row for row in rows if row.holds is False]
    print(printed(rows))
    print(f"\n{plan.replicates} replicates, seed {plan.seed}, {time.monotonic() - started:.0f} s; ", end="")
    print(f"{len(failed)} promises fail" if failed else "all promises hold")
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.stats", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer replicates, under two minutes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there too")
    parser.add_argument("--seed", type=int, default=FULL.seed)
    return parser.parse_args()


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
