"""What goes wrong when a fleet is asked."""

from __future__ import annotations

from typing import Literal

from web.problem_documents import ProblemDocument

Stage = Literal["connect", "answer", "body"]


class ClientError(Exception):
    """Base of all: the answer was not had."""


class UnreachableError(ClientError):
    """Nothing answered, or not to the end.

    Attributes:
        url: The fleet's.
        stage: How far it came: `connect` (nothing is there), `answer` (nothing was said), `body`
            (what was said broke off).
        reason: What the system says.
    """

    def __init__(self, url: str, stage: Stage, reason: str) -> None:
        """A sentence of all three."""
        began = {"connect": "nothing answers at", "answer": "no answer came from"}
        super().__init__(f"{began.get(stage, 'the answer broke off from')} {url}: {reason}")
        self.url = url
        self.stage = stage
        self.reason = reason


class CertificateError(ClientError):
    """Its certificate is not accepted: name its authority as `ca`.

    Attributes:
        url: The fleet's.
        reason: What is wrong with it.
    """

    def __init__(self, url: str, reason: str) -> None:
        """A sentence of both."""
        super().__init__(f"the certificate of {url} is not accepted: {reason}")
        self.url = url
        self.reason = reason


class AnswerTooLargeError(ClientError):
    """The answer has more bytes than are taken (`most`)."""


class ForeignAnswerError(ClientError):
    """What answers is no fleet, or of a version that this client does not understand.

    Attributes:
        path: What was asked for.
        reason: Why it is not understood.
        status: Of HTTP; 200 where the answer is no document of the API.
    """

    def __init__(self, path: str, reason: str, status: int) -> None:
        """A sentence of the first two."""
        super().__init__(f"{path} was answered with what is not understood: {reason}")
        self.path = path
        self.reason = reason
        self.status = status


class ProblemError(ClientError):
    """The fleet says why it does not answer.

    Attributes:
        problem: All that it says.
        status: Of HTTP.
        kind: What is after `urn:fleet:problem:`, such as `unknown-host`.
        detail: What happened and the next step, for people.
        suggestions: What may have been meant.
        request_id: What its log has in each line about the request.
        retry_after: Seconds after which to ask again, where it says so.
    """

    def __init__(self, problem: ProblemDocument, retry_after: float | None = None) -> None:
        """Speaks with the words of the fleet."""
        super().__init__(problem.detail)
        self.problem = problem
        self.status = problem.status
        self.kind = problem.type.rpartition(":")[2]
        self.detail = problem.detail
        self.suggestions = problem.suggestions
        self.request_id = problem.request_id
        self.retry_after = retry_after


class WrongQuestionError(ProblemError):
    """400: a parameter or a body is not what it should be."""


class NotAllowedError(ProblemError):
    """401 and 403: a token is needed, or one of a higher role."""


class NotFoundError(ProblemError):
    """404: there is none, or none that this token may see."""


class AmbiguousError(ProblemError):
    """409: a reference means several containers; `problem.candidates` has them."""


class TooManyError(ProblemError):
    """429: more than one client may ask."""


class UnavailableError(ProblemError):
    """503: not now; `retry_after` may tell when."""


_KINDS: dict[int, type[ProblemError]] = {
    400: WrongQuestionError,
    401: NotAllowedError,
    403: NotAllowedError,
    404: NotFoundError,
    429: TooManyError,
    503: UnavailableError,
}


def problem_error(problem: ProblemDocument, retry_after: float | None) -> ProblemError:
    """The problem as the exception of its kind."""
    ambiguous = problem.type.endswith(":ambiguous-container")
    kind = AmbiguousError if ambiguous else _KINDS.get(problem.status, ProblemError)
    return kind(problem, retry_after)
