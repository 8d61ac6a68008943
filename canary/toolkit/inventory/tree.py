"""A repository's files, read fast: listed by git, sorted out by their bytes, scanned when they may matter."""

import os
import posixpath
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from canary.core.policy.model import Profile
from canary.toolkit.inventory.languages import Role, language_of
from canary.toolkit.inventory.model import Inventory
from canary.toolkit.inventory.scan import Scan
from canary.toolkit.inventory.signs import NEAR, may_matter
from canary.toolkit.inventory.wrappers import Wrapper

LIMIT = 512 * 1024
"""Bytes of a file that is read; a longer one is data or was generated."""

HEAD = 8192
"""Bytes in which a binary file shows itself."""

VERSIONED = frozenset({".git", ".hg", ".svn"})
FOREIGN = frozenset(
    {"node_modules", "vendor", ".venv", "venv", "site-packages", "__pycache__", ".tox", "bower_components"}
)
"""Folders of other people's code: looked into on request alone, where no git says which files are ours."""

type Progress = Callable[[int, int], None]
"""Is told how many files of how many were looked at."""


class TreeError(Exception):
    """A path cannot be looked at; the message names it."""


def take(
    roots: Sequence[Path], profile: Profile, *, everything: bool = False, progress: Progress | None = None
) -> Inventory:
    """The inventory of the files under some paths.

    Args:
        profile: the new provider's.
        everything: also files that git does not track, and folders of other people's code.

    Raises:
        TreeError: a path is not there, or git cannot list it.
    """
    paths = list(dict.fromkeys(path for root in roots for path in listed(root, everything)))
    reading = _Reading(profile, paths, progress or _quiet)
    reading.first()
    reading.second()
    return replace(reading.scan.inventory(), seen=reading.seen, skipped=dict(sorted(reading.skipped.items())))


def _quiet(done: int, total: int) -> None:
    """Tell nobody."""


class _Reading:
    """The two passes over the files: what has to do with the API by itself, then what calls through that."""

    def __init__(self, profile: Profile, paths: Sequence[str], progress: Progress) -> None:
        self.scan = Scan(profile)
        self.seen = 0
        self.skipped: Counter[str] = Counter()
        self._paths = [path for path in paths if language_of(path) is not None]
        self._progress = progress
        self._near: list[str] = []  # not of the family by themselves, but with a word of it
        self.skipped["unknown type"] = len(paths) - len(self._paths)

    def first(self) -> None:
        """Every file, as far as its bytes say that it may matter."""
        for number, path in enumerate(self._paths):
            if number % 512 == 0:
                self._progress(number, len(self._paths))
            data = self._read(path)
            if data is None:
                continue
            found = may_matter(data) and self.scan.see(path, data.decode("utf-8", "replace"))
            if not found and _is_near(data.lower()):
                self._near.append(path)
        self._progress(len(self._paths), len(self._paths))

    def second(self) -> None:
        """The files that may call through those that were found."""
        wrappers = self.scan.wrappers()
        for path in self._callers(wrappers) if wrappers else ():
            data = content(path)
            if isinstance(data, bytes):
                self.scan.link(wrappers, path, data.decode("utf-8", "replace"))

    def _callers(self, wrappers: Iterable[Wrapper]) -> Iterable[str]:
        words = [word.lower().encode() for wrapper in wrappers for word in wrapper.words]
        near = all(map(_is_near, words))
        return [*self.scan.seen, *self._near] if near else [path for path in self._paths if _is_code(path)]

    def _read(self, path: str) -> bytes | None:
        data = content(path)
        if isinstance(data, str):
            self.skipped[data] += 1
            return None
        self.seen += 1
        return data


def _is_near(lower: bytes) -> bool:
    return any(word in lower for word in NEAR)


def _is_code(path: str) -> bool:
    language = language_of(path)
    return language is not None and language.role is Role.CODE


_FLAGS = (
    os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
)


def content(path: str) -> bytes | str:
    """A file's bytes, or in a word why it is not looked into. Links are not followed, pipes not waited for."""
    try:
        handle = os.open(path, _FLAGS)
    except OSError:
        return "unreadable"
    try:
        data = os.read(handle, LIMIT + 1)
    except OSError:
        return "unreadable"
    finally:
        os.close(handle)
    if len(data) > LIMIT:
        return "too large"
    return "binary" if b"\0" in data[:HEAD] else data


# --- listing --------------------------------------------------------------------------------------------------


def listed(root: Path, everything: bool) -> Iterator[str]:
    """The files under a path, with slashes: those that git tracks, or without git all but other people's code.

    Raises:
        TreeError: the path is not there, or git cannot list it.
    """
    if root.is_file():
        yield root.as_posix()
        return
    if not root.is_dir():
        raise TreeError(f"{root}: there is no such file or folder")
    tracked = None if everything else _tracked(root)
    names = _walked(root, everything) if tracked is None else tracked
    base = root.as_posix()
    yield from (posixpath.normpath(posixpath.join(base, name)) for name in names)


def _tracked(root: Path) -> list[str] | None:
    """What git tracks; ``None`` where there is no git or no repository."""
    try:
        # safe.directory: a checkout of another user's is only listed, nothing of it is run
        command = ["git", "-c", "safe.directory=*", "-C", str(root), "ls-files", "-z", "--", "."]
        done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603  fixed words and a folder
    except OSError:
        return None
    if done.returncode:
        return None
    return [name for name in os.fsdecode(done.stdout).split("\0") if name]


def _walked(root: Path, everything: bool) -> Iterator[str]:
    skipped = VERSIONED if everything else VERSIONED | FOREIGN
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in skipped)
        inner = Path(folder).relative_to(root).as_posix()
        yield from (posixpath.join(inner, name) for name in sorted(files))
