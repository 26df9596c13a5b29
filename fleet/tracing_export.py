"""Spans on their way to a collector: a bounded queue and a thread, so that nothing waits for it."""

from __future__ import annotations

import logging
import threading
from collections import deque

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

MOST_SPANS = 4096
BATCH = 512
PAUSE_SECONDS = 2.0  # spans are collected for so long
CLOSE_SECONDS = 3.0

_logger = logging.getLogger("fleet.tracing")


class Exporting(SpanProcessor):
    """Takes ended spans and sends them in batches; what finds no room is dropped and counted.

    Attributes:
        sent: Spans that the collector took.
        dropped: Spans for which there was no room.
        refused: Spans that the collector did not take.
    """

    def __init__(self, exporter: SpanExporter, where: str) -> None:
        self._exporter = exporter
        self._where = where
        self._waiting: deque[ReadableSpan] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._is_taken = True
        self.sent = self.dropped = self.refused = 0
        self._said = LastWord()
        self._thread = threading.Thread(target=self._run, name="traces", daemon=True)
        self._thread.start()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Nothing is sent of what has only begun."""

    def on_end(self, span: ReadableSpan) -> None:
        """Queue a span; called from any thread, never waits for the collector."""
        with self._changed:
            if len(self._waiting) >= MOST_SPANS:
                self.dropped += 1
                return
            self._waiting.append(span)
            if len(self._waiting) == BATCH:
                self._changed.notify()

    def shutdown(self) -> None:
        """Send what waits, for three seconds at most."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(CLOSE_SECONDS)
        self._exporter.shutdown()
        self._thread.join(CLOSE_SECONDS)
        self._said.close()

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._closing and len(self._waiting) < BATCH:
                    self._changed.wait(PAUSE_SECONDS)
                closing = self._closing
                count = min(BATCH, len(self._waiting))
                batch = [self._waiting.popleft() for _ in range(count)]
            if batch:
                self._send(batch)
                closing = closing and self._is_taken  # it would only be refused again
            if closing and not batch:
                return
            if self._closing and not self._is_taken:
                return

    def _send(self, batch: list[ReadableSpan]) -> None:
        taken = self._exporter.export(batch) is SpanExportResult.SUCCESS
        if taken:
            self.sent += len(batch)
        else:
            self.refused += len(batch)
        if taken is self._is_taken:
            return
        self._is_taken = taken
        if taken:
            lost = self.refused + self.dropped
            _logger.info("traces are taken again by %s; %d spans were lost", self._where, lost)
        else:
            text = "traces are not taken by %s, and lost meanwhile: %s"
            _logger.warning(text, self._where, self._said.text)


class LastWord(logging.Handler):
    """Keeps what the exporter says last, instead of a line of the log for each attempt."""

    def __init__(self) -> None:
        super().__init__()
        self.text = "it did not say why"
        self._loggers = [
            logging.getLogger(name) for name in ("opentelemetry", "urllib3.connectionpool")
        ]
        for logger in self._loggers:
            logger.addHandler(self)
            logger.propagate = False

    def emit(self, record: logging.LogRecord) -> None:
        """Remember one."""
        self.text = record.getMessage()

    def close(self) -> None:
        """Let the log have them again."""
        for logger in self._loggers:
            logger.removeHandler(self)
            logger.propagate = True
        super().close()
