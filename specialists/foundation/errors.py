"""The one hierarchy of errors.

::

    FinrouteError                 everything this project raises on purpose
    ├── ConfigError               a setting, file or argument is wrong; says what would be right
    ├── InputError                what a person sent cannot be used (question, file, id)
    │   ├── QuestionError         an empty or oversized question
    │   ├── IngestError           a file that cannot become a table or a document
    │   └── NotFound              a workspace, table, answer or specialist that does not exist
    ├── WorkspaceError            a workspace is damaged or locked
    ├── ToolError                 a tool refused or failed; the text goes back to the model
    │   ├── QueryRefused          SQL outside the allowed language
    │   ├── QueryFailed           SQL that was allowed and did not run
    │   └── ExpressionError       a calculator expression outside its language
    ├── EngineError               a model could not be loaded or did not answer
    │   ├── ContextOverflow       the prompt is longer than the model's context
    │   ├── Unavailable           a server did not answer: another replica may do better
    │   ├── Overloaded            more is asked than may wait; says when to come back
    │   └── AdapterError          an adapter is missing, altered or not for this base
    ├── AnswerError               a model's reply is not an answer to its task
    ├── PlanError                 a plan that is not sound
    ├── BudgetError               a call that the answer's budget has no room for
    ├── RecordError               a record is missing, altered or for something else
    ├── DataError                 samples of an evaluation that no verdict may come from
    └── Cancelled                 the caller left or the deadline passed

Each has an ``exit_code`` for the command line and a ``status`` for HTTP.
"""

from __future__ import annotations

from typing import ClassVar


class FinrouteError(Exception):
    """Base of every error raised on purpose. ``str(error)`` is fit to show to a person."""

    exit_code: ClassVar[int] = 1
    status: ClassVar[int] = 500


class ConfigError(FinrouteError):
    """A setting, file or argument is wrong."""

    exit_code = 2
    status = 400


class InputError(FinrouteError):
    """What a person sent cannot be used."""

    exit_code = 2
    status = 422


class QuestionError(InputError):
    """An empty or oversized question."""


class IngestError(InputError):
    """A file that cannot become a table or a document."""


class NotFound(InputError):
    """A workspace, table, answer or specialist that does not exist."""

    exit_code = 3
    status = 404


class WorkspaceError(FinrouteError):
    """A workspace is damaged, or another process is writing to it."""

    exit_code = 4
    status = 409


class ToolError(FinrouteError):
    """A tool refused or failed. Its text is shown to the model, so that it can mend the call."""


class QueryRefused(ToolError):
    """SQL outside the allowed language: never run."""


class QueryFailed(ToolError):
    """SQL that was allowed and did not run: unknown column, time or memory limit."""


class ExpressionError(ToolError):
    """A calculator expression outside its language, or with no finite result."""


class EngineError(FinrouteError):
    """A model could not be loaded or did not answer."""

    exit_code = 5
    status = 503


class ContextOverflow(EngineError):
    """The prompt is longer than the model's context."""

    status = 413


class Unavailable(EngineError):
    """A model server did not answer, broke off midway or failed: another replica may do better."""


class Overloaded(EngineError):
    """More is asked of the models than may wait."""

    status = 429

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds after which asking again is worth it."""

    def __reduce__(self) -> tuple[type[Overloaded], tuple[str, float]]:
        return type(self), (str(self), self.retry_after)


class AdapterError(EngineError):
    """An adapter is missing, altered, or not for this base."""


class AnswerError(FinrouteError):
    """A model's reply is not an answer to its task."""


class PlanError(FinrouteError):
    """A plan that is not sound: unknown specialist, missing input, cycle."""

    status = 422


class BudgetError(FinrouteError):
    """A call that the answer's budget has no room for."""

    status = 429


class RecordError(FinrouteError):
    """A record is missing, altered, or speaks of something else."""

    exit_code = 6


class DataError(FinrouteError):
    """Samples of an evaluation are missing, double, unjudged or of something else."""

    exit_code = 7


class Cancelled(FinrouteError):
    """The caller left or the deadline passed."""

    exit_code = 130
    status = 499
