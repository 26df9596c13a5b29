"""What every part of the lab is: something that is closed when its block ends."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Part(ABC):
    """A running thing of the lab, as a context manager."""

    @abstractmethod
    def close(self) -> None:
        """End it and remove what it left."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
