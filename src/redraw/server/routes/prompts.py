"""`POST /api/v1/tokens`: what a prompt means, and how many tokens it has."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from redraw.conditioning.chunks import COMMA_BACKTRACK, EmphasisMode, TextOptions
from redraw.conditioning.explain import Explained, Glossary, Vectors, as_json, evaluations, explain
from redraw.conditioning.tags import Tag
from redraw.errors import RequestError, UnknownName
from redraw.server.state import Parts, Shared
from redraw.server.views import API, problems

router = APIRouter(prefix=API, tags=["library"])

READ_AT_MOST: Final = 2_000_000
"""Letters times steps that are read; beyond that a prompt is read for fewer steps."""
CUT_AT_MOST: Final = 200_000
"""Letters that are cut into tokens."""
_SHELVES: Final = {"lora": "lora", "hypernet": "hypernetwork"}


class Prompt(BaseModel):
    """A prompt to be counted and explained."""

    model_config = ConfigDict(extra="forbid")

    prompt: str = Field(max_length=100_000)
    comma_backtrack: int = Field(COMMA_BACKTRACK, ge=0, le=74)
    steps: int = Field(20, ge=1, le=1000, description="Of the run; what the numbers of edits are measured by.")
    sampler: str | None = Field(None, max_length=100, description="Some evaluate the network twice a step.")
    strength: float | None = Field(None, ge=0, le=1, description="Of img2img, which leaves out the first steps.")
    negative: bool = Field(False, description="It is a negative prompt: without AND and networks.")
    emphasis: EmphasisMode = "original"
    prompt_timeline: str = Field("new", pattern="^(new|old)$")
    prompt_comments: bool = True


class WordOut(BaseModel):
    """A token. Parts of letters that take several tokens are shown as a replacement sign."""

    text: str
    weight: float
    vectors: int = Field(description="Of an embedding, how many tokens' places it takes; else 0.")


class TextOut(BaseModel):
    """A text that is used at some time, in chunks of at most 75 tokens."""

    text: str
    used: int
    limit: int
    chunks: list[list[WordOut]]


class TagOut(BaseModel):
    """A network a prompt asks for."""

    kind: str = Field(description="lora, hypernet, or a word that means nothing here.")
    name: str
    args: list[str]
    named: dict[str, str]


class SpanOut(BaseModel):
    """When a text is used: evaluations of the network, counted from 1."""

    first: int
    last: int
    text: str


class PartOut(BaseModel):
    """A part of AND."""

    weight: float
    schedule: list[SpanOut]
    tags: list[TagOut]


class Tokens(BaseModel):
    """What a prompt means: `used` of `limit` tokens in the longest text, which make up `chunks` pieces."""

    used: int
    limit: int
    chunks: int
    evaluations: int = Field(description="How many the run makes.")
    parts: list[PartOut]
    texts: list[TextOut] = Field(description="The texts in `parts`; of very long prompts only the first ones.")
    tags: list[TagOut]
    embeddings: list[str]
    warnings: list[str] = Field(description="What was probably meant otherwise; nothing is changed by them.")


@router.post("/tokens", responses=problems(422))
def tokens(body: Prompt, parts: Parts) -> Tokens:
    """Count a prompt's tokens as the text encoder will see them, and tell what is used when."""
    steps = max(1, min(body.steps, READ_AT_MOST // max(1, len(body.prompt))))
    measure, run = evaluations(steps, body.sampler, body.strength)
    files = parts.library.files("embedding")
    explained = explain(
        body.prompt,
        measure,
        run,
        options=TextOptions(emphasis=body.emphasis, backtrack=body.comma_backtrack),
        embeddings=_glossary(tuple(Vectors(file.stem, max(1, file.facts.vectors)) for file in files)),
        negative=body.negative,
        old_timeline=body.prompt_timeline == "old",
        comments=body.prompt_comments,
        letters=CUT_AT_MOST,
    )
    told = Tokens.model_validate(as_json(explained))
    told.warnings += _missing(parts, explained)
    return told


def _missing(parts: Shared, explained: Explained) -> list[str]:
    """Say which networks are not at hand."""
    found = (_trouble(parts, tag) for tag in explained.prompt.tags[:100] if tag.kind in _SHELVES)
    return [trouble for trouble in dict.fromkeys(found) if trouble]


def _trouble(parts: Shared, tag: Tag) -> str:
    try:
        parts.library.catalog.find_file(_SHELVES[tag.kind], tag.name, paths=False, read_at_most=0)
    except UnknownName as error:
        near = f"; perhaps {' or '.join(error.near)}" if error.near else ""
        return f"there is no {error.kind} called {error.name!r}{near}"
    except RequestError as error:
        return str(error)
    return ""


@lru_cache(maxsize=4)
def _glossary(names: tuple[Vectors, ...]) -> Glossary:
    return Glossary(names)
