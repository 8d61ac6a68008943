"""How fast ``canary inventory`` reads a large repository: ``python -m bench.inventory [--files N]``.

The tree is made for the run: source files of eight languages of a few kilobytes each, a hundredth with a word of the
protocol in other senses (``setStatus`` of an order, text messages), fifty real call sites, some binaries, a huge file.
"""

import random
import string
import tempfile
from pathlib import Path
from time import perf_counter

import click
from rich.console import Console

from canary.gateway.config import shipped_profile
from canary.toolkit.inventory.tree import LIMIT, take

FILES = 100_000
TARGET = 20.0
"""Seconds for ``FILES`` files."""

CALLERS = 50
_FOLDER = 200  # files each

_SUFFIXES = ("py", "js", "ts", "php", "go", "java", "rb", "cs", "md", "yml")
_OTHER_SENSES = (
    "order.setStatus(6);\nsendSms(order.phone, 'shipped');\n",
    "GET /orders?action=getStatus&id=7\n",
    "the mechanisms of the system\n",
)
_CALL = (
    "import requests\n\n\ndef balance(key):\n"
    "    return requests.get('https://api.sms-activate.org/stubs/handler_api.php',\n"
    "        params={'api_key': key, 'action': 'getBalance'}).text\n"
)


def made(root: Path, files: int, seed: int = 1) -> None:
    """Write the tree."""
    draw = random.Random(seed)
    words = ["".join(draw.choices(string.ascii_lowercase, k=draw.randint(2, 11))) for _ in range(3000)]
    bodies = [_body(draw, words) for _ in range(200)]
    for number in range(files):
        folder = root / f"part{number // _FOLDER:04d}"
        if number % _FOLDER == 0:
            folder.mkdir()
        text = draw.choice(bodies)
        if number % 100 == 0:
            text += draw.choice(_OTHER_SENSES)
        name = f"file{number}.{draw.choice(_SUFFIXES)}"
        if number % max(1, files // CALLERS) == 7:
            name, text = f"sms{number}.py", _CALL + text
        (folder / name).write_text(text)
    (root / "dump.json").write_text("x" * (LIMIT + 1))
    (root / "picture.md").write_bytes(b"\x89PNG\0sms-activate.org" * 100)


def _body(draw: random.Random, words: list[str]) -> str:
    lines = (
        f"{draw.choice(words)}({draw.choice(words)}, '{' '.join(draw.choices(words, k=6))}');"
        for _ in range(64)
    )
    return "\n".join(lines) + "\n"


@click.command()
@click.option("--files", default=FILES, show_default=True, help="How many.")
def main(files: int) -> None:
    """Make a tree, take its inventory, and say whether it was fast enough."""
    console = Console(width=120)
    with tempfile.TemporaryDirectory(prefix="canary-bench-") as name:
        root = Path(name)
        with console.status("writing the tree"):
            made(root, files)
            size = sum(file.stat().st_size for file in root.rglob("*") if file.is_file())
        began = perf_counter()
        found = take([root], shipped_profile("verifysms"))
        seconds = perf_counter() - began
    target = TARGET * files / FILES
    console.print(
        f"{found.seen} files, {size / 1e6:.0f} MB: {seconds:.1f} s, {found.seen / seconds:.0f} files a second; "
        f"{len(found.sites)} sites in {len(found.files)} files; skipped {dict(found.skipped)}"
    )
    console.print(f"target: {target:.1f} s: {'met' if seconds <= target else 'missed'}")


if __name__ == "__main__":
    main()
