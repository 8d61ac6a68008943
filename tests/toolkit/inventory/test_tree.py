"""Which files of a repository are looked into, and that the passes over them find what the whole scan finds."""

import os
import subprocess
from pathlib import Path

import pytest

from canary.gateway.config import shipped_profile
from canary.toolkit.inventory import scan
from canary.toolkit.inventory.model import Inventory
from canary.toolkit.inventory.tree import LIMIT, TreeError, take
from tests.toolkit.inventory.labels import labelled
from tests.toolkit.inventory.small import URL

PROFILE = shipped_profile("verifysms")
CALL = f"get('{URL}?action=getBalance')\n"


def write(root: Path, **files: str | bytes) -> None:
    """Files under a folder; ``a__b_py`` is ``a/b.py``."""
    for name, content in files.items():
        stem, _, suffix = name.replace("__", "/").rpartition("_")
        path = root / f"{stem}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def git(root: Path, *words: str) -> None:
    subprocess.run(["git", "-C", str(root), *words], check=True, capture_output=True)


def paths(found: Inventory, root: Path) -> list[str]:
    """The files of an inventory, from the root."""
    return [Path(file.path).relative_to(root).as_posix() for file in found.files]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a tracked, an ignored and a new file."""
    git(tmp_path, "init", "--quiet")
    write(tmp_path, a_py=CALL, ignored_py=CALL, node_modules__b_js=CALL)
    (tmp_path / ".gitignore").write_text("ignored.py\n")
    git(tmp_path, "add", "a.py", ".gitignore", "node_modules")
    write(tmp_path, new_py=CALL)
    return tmp_path


def test_what_git_tracks(repository: Path) -> None:
    """And nothing else; what is tracked is ours, wherever it is."""
    assert paths(take([repository], PROFILE), repository) == ["a.py", "node_modules/b.js"]


def test_everything_on_request(repository: Path) -> None:
    """Ignored and new files too, but not git's own."""
    write(repository, **{".git__x_py": CALL})
    found = take([repository], PROFILE, everything=True)
    assert paths(found, repository) == ["a.py", "ignored.py", "new.py", "node_modules/b.js"]


def test_a_part_of_a_repository(repository: Path) -> None:
    """A folder or file alone; twice the same is once."""
    write(repository, sub__c_py=CALL)
    git(repository, "add", "sub")
    assert paths(take([repository / "sub"], PROFILE), repository) == ["sub/c.py"]
    assert paths(take([repository / "new.py"], PROFILE), repository) == ["new.py"]
    assert len(take([repository / "sub", repository / "sub" / "c.py"], PROFILE).files) == 1


def test_without_git_other_peoples_code_is_left_out(tmp_path: Path) -> None:
    """Unless asked for."""
    write(tmp_path, a_py=CALL, node_modules__b_js=CALL, vendor__c_php=CALL, **{".venv__d_py": CALL})
    assert paths(take([tmp_path], PROFILE), tmp_path) == ["a.py"]
    assert len(take([tmp_path], PROFILE, everything=True).files) == 4


def test_what_is_skipped_is_counted(tmp_path: Path) -> None:
    """Binaries, huge files, links and pipes, files of no known type; none of them holds anything up."""
    write(tmp_path, a_py=CALL, b_py=b"\0" + CALL.encode(), c_json="x" * LIMIT + URL, d_png=URL)
    (tmp_path / "e.py").symlink_to(tmp_path / "a.py")
    os.mkfifo(tmp_path / "f.py")
    (tmp_path / "g.py").symlink_to(tmp_path / "nowhere")
    found = take([tmp_path], PROFILE)
    assert paths(found, tmp_path) == ["a.py"]
    assert found.skipped["binary"] == 1
    assert found.skipped["too large"] == 1
    assert found.skipped["unknown type"] == 1
    assert found.skipped["unreadable"] >= 2
    assert found.seen == 2  # a pipe without a writer is empty


def test_text_in_any_encoding(tmp_path: Path) -> None:
    """What is no UTF-8 is read as far as it goes."""
    write(tmp_path, a_py=b"# \xff\xfe\n" + CALL.encode())
    assert [site.line for site in take([tmp_path], PROFILE).sites] == [2]


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    """Is named."""
    with pytest.raises(TreeError, match=r"nowhere: there is no such file or folder"):
        take([tmp_path / "nowhere"], PROFILE)


def test_progress_is_told_to_the_end(tmp_path: Path) -> None:
    """From nothing to all."""
    write(tmp_path, **{f"a{n}_py": "x" for n in range(600)})
    told: list[tuple[int, int]] = []
    take([tmp_path], PROFILE, progress=lambda done, total: told.append((done, total)))
    assert told == [(0, 600), (512, 600), (600, 600)]


def test_the_passes_find_what_the_whole_scan_finds(tmp_path: Path) -> None:
    """Sorting files out by their bytes loses nothing: all labelled client code, from a disk and at once."""
    known = labelled()
    for path, text in known.texts.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    found, whole = take([tmp_path], PROFILE, everything=True), scan.take(known.texts.items(), PROFILE)
    assert paths(found, tmp_path) == [file.path for file in whole.files]
    assert [(site.line, site.kind) for site in found.sites] == [
        (site.line, site.kind) for site in whole.sites
    ]
    assert [(one.line, one.rule) for one in found.hazards] == [(one.line, one.rule) for one in whole.hazards]


def test_callers_are_found_whatever_their_wrapper_is_called(tmp_path: Path) -> None:
    """A wrapper whose name says nothing of text messages has callers that say nothing of them either."""
    wrapper = f"class Gate:\n  def buy(self):\n    return get('{URL}?action=getNumber')\n"
    write(
        tmp_path,
        x__gate_py=wrapper,
        use_py="from x.gate import Gate\ng = Gate()\ng.buy()\n",
        other_py="g.buy()\n",
    )
    found = take([tmp_path], PROFILE)
    assert paths(found, tmp_path) == ["use.py", "x/gate.py"]
