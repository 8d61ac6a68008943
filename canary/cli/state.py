"""Where a rollout's state is kept when the command line does not say."""

from pathlib import Path

from canary.cli.errors import UsageError

FOLDER = Path(".canary")


def default_state(name: str) -> Path:
    """The SQLite file of the rollout ``name``, below the working directory."""
    return FOLDER / f"{name}.db"


def existing_state(state: str | None) -> str | Path:
    """The state that a command should act on: as given, or the only one below ``.canary/``.

    Raises:
        UsageError: there is none, or more than one.
    """
    if state is not None:
        if "://" not in state and not Path(state).is_file():
            raise UsageError(
                f"there is no state file {state}; name the one that canary run uses with --state"
            )
        return state
    found = sorted(FOLDER.glob("*.db"))
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError(
            "there is no state below .canary/ here; name it with --state, or a harness with --admin"
        )
    names = ", ".join(str(path) for path in found)
    raise UsageError(f"there is more than one state here ({names}); choose one with --state")
