"""Values of options in the notation of a policy: ``85%``, ``24h``."""

from collections.abc import Callable

import click

from canary.core.policy import notation


class Written(click.ParamType[float]):
    """A value that a parser of the policy's notation reads; its sentence says what is expected.

    Args:
        name: shown in the help.
    """

    def __init__(self, name: str, parse: Callable[[object], float]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return self._parse(value)
        except ValueError as error:
            self.fail(f"{value!r}: {error}", param, ctx)


def _duration(value: object) -> float:
    return notation.duration(_number(value))


def _share(value: object) -> float:
    return notation.share(_number(value))


def _number(value: object) -> object:
    """A bare number is text on a command line and a number in a policy."""
    try:
        return float(str(value))
    except ValueError:
        return value


DURATION = Written("duration", _duration)
SHARE = Written("share", _share)
