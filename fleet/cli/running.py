"""Run a command's asynchronous part, and turn what it may meet into errors for people."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple

from fleet.cli.errors import CommandError

if TYPE_CHECKING:
    from connectors.errors import EngineError

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


def run(
    function: Callable[[*Ts], Awaitable[T]],
    *arguments: *Ts,
    expected: tuple[type[Exception], ...] = (),
) -> T:
    """Run `function` in trio.

    Args:
        function: What to run.
        arguments: Its arguments.
        expected: Further errors that the caller deals with, taken out of their groups.

    Raises:
        CommandError: An Engine could not be reached or refused.
        KeyboardInterrupt: Somebody pressed Ctrl-C; nurseries would wrap it in a group.
    """
    import trio

    from connectors.errors import EngineError

    try:
        return trio.run(function, *arguments)
    except EngineError as error:
        raise engine_failure(error) from error
    except BaseExceptionGroup as group:
        leaves = list(_leaves(group))
        for kind in (KeyboardInterrupt, BrokenPipeError, CommandError, *expected):
            for leaf in leaves:
                if isinstance(leaf, kind):
                    raise leaf from None
        if all(isinstance(leaf, EngineError) for leaf in leaves):
            first = leaves[0]
            assert isinstance(first, EngineError)  # noqa: S101 - tells mypy what all() has shown
            raise engine_failure(first) from group
        raise


def engine_failure(error: EngineError) -> CommandError:
    """The error of a command whose only host failed it."""
    return CommandError(
        f"{error.host}: {error.what}",
        error.hint or f"`fleet doctor {error.host}` looks at every step",
    )


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
