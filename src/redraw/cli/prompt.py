"""`redraw prompt`: what a prompt means before a picture is made of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from redraw.cli.options import json_option, models_dir_option, option
from redraw.conditioning.chunks import Chunks, TextOptions
from redraw.conditioning.explain import Explained, Glossary, Vectors, evaluations, explain, runs
from redraw.conditioning.explain import as_json as plain
from redraw.conditioning.tags import Tag, strengths
from redraw.errors import RedrawError
from redraw.models.catalog import Catalog, ModelFile
from redraw.models.places import places
from redraw.settings import Settings

_SHELVES: Final[Mapping[str, str]] = {"lora": "lora", "hypernet": "hypernetwork"}
_FAMILIES: Final[Mapping[tuple[int, ...], str]] = {(768,): "sd1", (1024,): "sd2", (768, 1280): "sdxl", (1280,): "sdxl"}


@dataclass(frozen=True)
class Wanted:
    """A network a prompt asks for: the tag, the file it means, and what is wrong with that, if anything."""

    tag: Tag
    file: ModelFile | None
    trouble: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        how = strengths(self.tag)
        return {
            "kind": self.tag.kind,
            "name": self.tag.name,
            "text": how.text,
            "unet": how.unet,
            "dyn": how.dyn,
            "path": None if self.file is None else str(self.file.path),
            "trouble": self.trouble,
        }


@click.command()
@click.argument("prompt")
@option("--steps", type=click.IntRange(1, 1000), default=20, help="Steps of the run. [20]")
@option("--sampler", default=None, help="Sampler; some evaluate the network twice a step, and edits count that.")
@option("--strength", type=click.FloatRange(0, 1), default=None, help="Of img2img, which leaves out the first steps.")
@option("--negative", is_flag=True, help="Read it as a negative prompt: without AND and networks.")
@option("--model", default=None, help="Checkpoint it is for; networks and embeddings that do not fit are then named.")
@option(
    "--emphasis",
    type=click.Choice(["original", "no-norm", "ignore", "none", "old"]),
    default="original",
    help="How weights are read; see docs/prompts.md. [original]",
)
@option("--comma-backtrack", type=click.IntRange(0, 74), default=20, help="Tokens to look back for a comma. [20]")
@option("--prompt-timeline", type=click.Choice(["new", "old"]), default="new", help="How edits count. [new]")
@option("--prompt-comments/--no-prompt-comments", default=True, help="Leave out what stands behind #. [on]")
@models_dir_option
@json_option
def prompt(prompt: str, as_json: bool, **asked: Any) -> None:  # the argument is named for the help
    """Tell what a prompt means: what is used when, its tokens and weights, its networks, and what looks wrong.

    PROMPT is the text, or - for stdin.

    \b
      redraw prompt "a [cat:fox:0.5] in (deep:1.3) snow" --steps 20
      redraw prompt "a castle <lora:ink:0.8>" --model dreamshaper
    """
    text = sys.stdin.read().removesuffix("\n") if prompt == "-" else prompt
    settings = Settings.load()
    found = places(asked["models_dirs"] or settings.models_dirs, settings.a1111_dir, settings.comfyui_dir)
    catalog = Catalog(found, cache=settings.models_cache)
    model = None if asked["model"] is None else catalog.find(asked["model"])
    fitting, others = _embeddings(catalog, model)
    measure, run = evaluations(asked["steps"], asked["sampler"], asked["strength"])
    explained = explain(
        text,
        measure,
        run,
        options=TextOptions(emphasis=asked["emphasis"], backtrack=asked["comma_backtrack"]),
        embeddings=Glossary(fitting),
        negative=asked["negative"],
        old_timeline=asked["prompt_timeline"] == "old",
        comments=asked["prompt_comments"],
    )
    networks = [_wanted(catalog, tag, model) for tag in explained.prompt.tags if tag.kind in _SHELVES]
    warnings = [*explained.warnings, *(w.trouble for w in networks if w.trouble), *_unfit(explained, others, model)]
    if as_json:
        told = {**plain(explained), "networks": [w.as_json() for w in networks], "warnings": warnings}
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        _show(Console(), explained, networks, warnings, asked["negative"])


def _embeddings(catalog: Catalog, model: ModelFile | None) -> tuple[list[Vectors], list[Vectors]]:
    """Return the embeddings that fit the model, and those that do not."""
    fitting: list[Vectors] = []
    others: list[Vectors] = []
    for file in catalog.files("embedding"):
        widths = model.facts.widths if model is not None else ()
        fits = not widths or not file.facts.widths or file.facts.widths == widths
        (fitting if fits else others).append(Vectors(file.stem, max(1, file.facts.vectors)))
    return fitting, others


def _unfit(explained: Explained, others: Sequence[Vectors], model: ModelFile | None) -> Iterator[str]:
    """Yield a warning for each embedding of another family that the prompt names."""
    if others and model is not None:
        found = Glossary(others)
        for name in dict.fromkeys(name for text in explained.chunks for name in found.names_in(text)):
            yield f"the embedding {name} is not made for {model.name}; its name is read as plain words"


def _wanted(catalog: Catalog, tag: Tag, model: ModelFile | None) -> Wanted:
    """Return the file a tag means."""
    try:
        file = catalog.find_file(_SHELVES[tag.kind], tag.name, paths=False, read_at_most=0)
    except RedrawError as error:
        return Wanted(tag, None, str(error))
    family = None if model is None else _FAMILIES.get(tuple(model.facts.widths))
    if model is not None and family and file.family and file.family != family:
        return Wanted(tag, file, f"{tag.name} is made for {file.family}, {model.name} is {family}: it cannot be used")
    return Wanted(tag, file)


def _show(
    console: Console, explained: Explained, networks: Sequence[Wanted], warnings: Sequence[str], negative: bool
) -> None:
    longest = explained.longest
    many = f" in {len(longest.chunks)} chunks" if len(longest.chunks) > 1 else ""
    what = "negative prompt" if negative else "prompt"
    run = f"{what} of a run of {explained.evaluations} evaluations"
    _line(console, f"{longest.used} of {longest.limit} tokens{many}, as the {run}")
    for number, (part, spans) in enumerate(zip(explained.prompt.parts, explained.spans, strict=True), 1):
        alone = len(explained.prompt.parts) == 1
        weight = f", weight {part.weight:g}" if part.weight != 1 or not alone else ""
        tags = f", {' '.join(map(str, part.tags))}" if part.tags and not alone else ""
        if not alone or weight:
            _line(console, f"\nPart {number}{weight}{tags}", "bold")
        when: dict[str, list[tuple[int, int]]] = {}
        for span in spans:
            when.setdefault(span.text, []).append((span.first, span.last))
        times_and_texts = [(_ranges(times), text.strip() or "(nothing)") for text, times in when.items()]
        _table(console, ("evaluations", "text"), times_and_texts)
    _line(console, "\nTokens", "bold")
    for text, chunks in explained.chunks.items():
        _tokens(console, text, chunks, alone=len(explained.chunks) == 1)
    if networks:
        rows = [
            (w.tag.kind, w.tag.name, _strength(w), "not found" if w.file is None else w.file.name) for w in networks
        ]
        _line(console, "\nNetworks", "bold")
        _table(console, ("kind", "name", "strength", "file"), rows)
    if explained.embeddings:
        _line(console, f"\nEmbeddings: {', '.join(explained.embeddings)}")
    for warning in warnings:
        _line(console, f"{chr(10) if warning is warnings[0] else ''}warning: {warning}", "yellow")


def _tokens(console: Console, text: str, chunks: Chunks, *, alone: bool) -> None:
    """Print the chunks of one text; stressed words are bold, weak ones dim, with their weight behind them."""
    if not alone:
        flat = " ".join(text.split())
        _line(console, f"{chunks.used:>4} of {chunks.limit}: {flat[:70]}{'…' if len(flat) > 70 else ''}", "dim")
    for number, chunk in enumerate(chunks.chunks, 1):
        line = Text(f"  chunk {number} ({chunk.used} of 75): ")
        for run in runs(chunk):
            count = f"[{run.vectors} vectors]" if run.vectors else ""
            style = "" if run.weight == 1 else ("bold" if abs(run.weight) > 1 else "dim")
            line.append(f"{run.text}{count}", style)
            line.append(f" ×{run.weight:.3g} " if run.weight != 1 else " ", "cyan")
        console.print(line, highlight=False, soft_wrap=not console.is_terminal)


def _row(wanted: Wanted) -> tuple[str, str, str, str]:
    file = "not found" if wanted.file is None else wanted.file.name
    return wanted.tag.kind, wanted.tag.name, _strength(wanted), file


def _strength(wanted: Wanted) -> str:
    how = strengths(wanted.tag)
    dyn = "" if how.dyn is None else f", {how.dyn} ranks"
    if wanted.tag.kind == "hypernet" or how.text == how.unet:
        return f"{how.text:g}{dyn}"
    return f"text {how.text:g}, picture {how.unet:g}{dyn}"


def _ranges(times: Sequence[tuple[int, int]]) -> str:
    """Return spans as people write them: 1-2, 4, 6."""
    return ", ".join(f"{first}-{last}" if last > first else f"{first}" for first, last in times)


def _table(console: Console, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(" ".join(cell.split())) for cell in row))
    console.print(table, highlight=False)


def _line(console: Console, text: str, style: str = "") -> None:
    console.print(Text(text, style), highlight=False, soft_wrap=True)
