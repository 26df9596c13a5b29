"""The last answers in memory, within a bound of bytes."""

from __future__ import annotations

from collections import OrderedDict

OVERHEAD = 200  # bytes of an entry besides its data, about


class Memory:
    """Those used least are let go.

    Args:
        most_bytes: Of all together.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._entries: OrderedDict[str, bytes] = OrderedDict()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str) -> bytes | None:
        """What was put last, if it is still there."""
        found = self._entries.get(key)
        if found is not None:
            self._entries.move_to_end(key)
        return found

    def put(self, key: str, data: bytes) -> None:
        """Keep it, in place of others if need be."""
        before = self._entries.pop(key, None)
        self.bytes -= 0 if before is None else len(before) + OVERHEAD
        self._entries[key] = data
        self.bytes += len(data) + OVERHEAD
        while self.bytes > self._most:
            _, gone = self._entries.popitem(last=False)
            self.bytes -= len(gone) + OVERHEAD
