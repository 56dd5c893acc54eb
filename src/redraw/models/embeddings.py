"""Textual inversions: vectors that stand in a prompt where their name is written.

A file's name without its ending is the name people write; a picture that carries an embedding says the name itself.
Names are found in a prompt by their tokens, so case and spacing matter as little as in any other word, and the
longest name that fits wins. Hashes, names and choices are A1111's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from redraw.errors import ModelError
from redraw.models.embedding_files import Embedding, load_embedding
from redraw.models.embedding_pictures import PICTURE_ENDINGS, picture_content
from redraw.models.tokenizer import Tokenizer, clip_tokenizer

if TYPE_CHECKING:
    from redraw.models.model import Model

__all__ = ["EMBEDDING_ENDINGS", "Embedding", "Embeddings", "LeftOut", "load_embedding", "load_embeddings"]

EMBEDDING_ENDINGS: Final = (".pt", ".bin", ".safetensors", *PICTURE_ENDINGS)
_REFINER: Final = "clip_g"
_MADE_FOR: Final[Mapping[tuple[int, ...], str]] = {
    (768,): "Stable Diffusion 1",
    (1024,): "Stable Diffusion 2",
    (1280,): "the SDXL refiner",
    (768, 1280): "SDXL",
}


@dataclass(frozen=True, eq=False)
class LeftOut:
    """An embedding that is not used, and why.

    Attributes:
        name: what people would write.
        why: a phrase for the user.
        path: the file, if it is one.
        embedding: what was read, unless reading failed.
    """

    name: str
    why: str
    path: Path | None = None
    embedding: Embedding | None = None


class Embeddings:
    """Embeddings by the tokens of their names.

    Of several with one name the last counts, as in A1111; so give those of a network before those of the user's folder.

    Attributes:
        left_out: what cannot be used here, with reasons.
        notes: remarks for the user: names that two embeddings share.
    """

    def __init__(
        self, found: Iterable[Embedding] = (), tokenizer: Tokenizer | None = None, left_out: Iterable[LeftOut] = ()
    ) -> None:
        self._tokenizer = tokenizer or clip_tokenizer()
        self._by_ids: dict[tuple[int, ...], Embedding] = {}
        self._lengths: dict[int, tuple[int, ...]] = {}
        missing, notes = list(left_out), []
        for embedding in found:
            ids = tuple(self._tokenizer.ids(embedding.name))
            if not ids:
                missing.append(LeftOut(embedding.name, "its name has no letters", embedding.path, embedding))
                continue
            before = self._by_ids.pop(ids, None)
            if before is not None:
                notes.append(_shared(before, embedding))
            self._by_ids[ids] = embedding
            self._lengths[ids[0]] = tuple(sorted({len(ids), *self._lengths.get(ids[0], ())}, reverse=True))
        self.left_out, self.notes = tuple(missing), tuple(notes)

    def match(self, ids: Sequence[int], at: int) -> tuple[Embedding, int] | None:
        """Return the embedding whose name begins at place `at` of some tokens, and how many tokens the name takes.

        The longest name wins. The time this takes does not grow with the number of embeddings.
        """
        for length in self._lengths.get(ids[at], ()) if 0 <= at < len(ids) else ():
            name = tuple(ids[at : at + length])
            found = self._by_ids.get(name)
            if found is not None:
                return found, len(name)
        return None

    def for_model(self, model: Model) -> Embeddings:
        """Return those that fit the model's text encoders; the others are in `left_out` of the result."""
        widths = {encoder.name: encoder.width for encoder in model.text_encoders}
        kept, missing = [], list(self.left_out)
        for embedding in self:
            fitted = _fitted(embedding, widths)
            if fitted is not None:
                kept.append(fitted)
            else:
                missing.append(LeftOut(embedding.name, _misfit(embedding, widths), embedding.path, embedding))
        fitting = Embeddings(kept, self._tokenizer, missing)
        fitting.notes = self.notes
        return fitting

    def names(self) -> list[str]:
        """Return the names in the order in which the embeddings were given."""
        return [e.name for e in self]

    def __iter__(self) -> Iterator[Embedding]:
        return iter(self._by_ids.values())

    def __len__(self) -> int:
        return len(self._by_ids)


def load_embeddings(paths: Iterable[Path], tokenizer: Tokenizer | None = None) -> Embeddings:
    """Return the embeddings in some files, in that order.

    A file that cannot be read goes into `left_out` with the reason. Pictures without an embedding are previews of
    other files and are passed over, as is everything whose ending is not one of `EMBEDDING_ENDINGS`. Files that have
    not changed since an earlier call are not read again.
    """
    found: list[Embedding] = []
    missing: list[LeftOut] = []
    for path in paths:
        if path.suffix.lower() not in EMBEDDING_ENDINGS or path.stem.lower().endswith(".preview"):
            continue
        try:
            facts = path.stat()
            one = _remembered(path, facts.st_size, facts.st_mtime_ns)
        except (ModelError, OSError) as error:
            missing.append(LeftOut(path.stem, str(error), path))
            continue
        if one is not None:
            found.append(one)
    return Embeddings(found, tokenizer, missing)


@lru_cache(maxsize=1024)
def _remembered(path: Path, size: int, changed: int) -> Embedding | None:
    """Return the embedding of one file, or None for a picture without one; the numbers tell versions apart."""
    if path.suffix.lower() in PICTURE_ENDINGS and picture_content(path) is None:
        return None
    return load_embedding(path)


def _fitted(embedding: Embedding, widths: Mapping[str, int]) -> Embedding | None:
    """Return the embedding with a vector list for each of the model's encoders, or None.

    SDXL's refiner has the second of SDXL's encoders and takes that half of a pair. Stable Diffusion 1 has the first,
    but the halves were trained to work together, so a pair is not for it.
    """
    vectors = embedding.vectors
    if len(vectors) == 1 and len(widths) == 1:  # a file with one list of vectors does not say which encoder it is for
        vectors = dict(zip(widths, vectors.values(), strict=True))
    if len(vectors) != len(widths) and set(widths) != {_REFINER}:
        return None
    if any(name not in vectors or vectors[name].shape[-1] != width for name, width in widths.items()):
        return None
    return replace(embedding, vectors={name: vectors[name] for name in widths})


def _misfit(embedding: Embedding, widths: Mapping[str, int]) -> str:
    own, wanted = embedding.widths, tuple(widths.values())
    made = f" and seems made for {_MADE_FOR[own]}" if own in _MADE_FOR else ""
    return f"it is {_sum(own)} numbers wide{made}; the model takes {_sum(wanted)}"


def _sum(widths: Sequence[int]) -> str:
    return " and ".join(str(w) for w in widths)


def _shared(before: Embedding, embedding: Embedding) -> str:
    """Say that two embeddings have one name, and which of them counts."""
    used, unused = (str(e.path or f"the one of a network ({e.name})") for e in (embedding, before))
    return f"two embeddings are called {embedding.name!r}: {used} is used, {unused} is not"
