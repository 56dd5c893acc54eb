"""How A1111 says no: an HTTP status and a body of four texts."""

from __future__ import annotations

from redraw.errors import RedrawError


class Refusal(RedrawError):
    """A request A1111 refuses, or one for something Redraw cannot do yet.

    Args:
        status: the HTTP status A1111's clients expect; 501 for what is not built yet.
        detail: the sentence in `detail`.
        error: class name in `error`; A1111 puts its exception's there.
        errors: text in `errors`; where A1111 has an unforeseen exception its text stands here and `detail` is empty.
    """

    def __init__(self, status: int, detail: str = "", *, error: str = "HTTPException", errors: str = "") -> None:
        self.status, self.detail, self.error, self.errors = status, detail, error, errors
        super().__init__(detail or errors)

    @property
    def body(self) -> dict[str, str]:
        """The answer's JSON object."""
        return {"error": self.error, "detail": self.detail, "body": "", "errors": self.errors}


def not_built(what: str) -> Refusal:
    """Return the answer 501 for something A1111 does and Redraw does not do yet."""
    return Refusal(501, f"{what} is not available in Redraw yet", error="NotImplementedError")


def key_error(key: str) -> Refusal:
    """Return A1111's answer to a setting nobody knows: 500, with the key as Python's KeyError prints it."""
    return Refusal(500, error="KeyError", errors=repr(key))
