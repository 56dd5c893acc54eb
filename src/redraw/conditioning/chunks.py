"""Token lists cut into the pieces of 75 a text encoder takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Protocol

from redraw.conditioning.brackets import weighted_tokens
from redraw.conditioning.emphasis import Piece, read_emphasis
from redraw.models.tokenizer import Tokenizer, clip_tokenizer

if TYPE_CHECKING:
    import torch

CHUNK: Final = 75
COMMA_BACKTRACK: Final = 20

EmphasisMode = Literal["original", "no-norm", "ignore", "none", "old"]


@dataclass(frozen=True)
class TextOptions:
    """How texts are read.

    Attributes:
        clip_skip: 1 is the encoder's last layer, 2 the one before, ...
        emphasis: `original` keeps the mean of the vectors, `no-norm` does not, `ignore` drops the weights, and with
            `none` brackets and BREAK are plain text; `old` is described in `brackets`.
        backtrack: how many tokens back a full chunk may be broken at a comma; 0 for never.
        clip_skip_sdxl: let `clip_skip` choose the layer of SDXL's first encoder too.
    """

    clip_skip: int = 1
    emphasis: EmphasisMode = "original"
    backtrack: int = COMMA_BACKTRACK
    clip_skip_sdxl: bool = False


class Insertion(Protocol):
    """A textual inversion, as far as chunks need to know it; see `redraw.models.embeddings.Embedding`."""

    @property
    def name(self) -> str:
        """What it is called in prompts."""
        ...

    @property
    def count(self) -> int:
        """How many tokens' places it takes."""
        ...

    @property
    def vectors(self) -> Mapping[str, torch.Tensor]:
        """`[v, width]` for each text encoder, by its name."""
        ...


class Insertions(Protocol):
    """Finds textual inversions among tokens; see `redraw.models.embeddings.Embeddings`."""

    def match(self, ids: Sequence[int], at: int) -> tuple[Insertion, int] | None:
        """Return what is called at a place, and how many tokens its name takes."""
        ...


@dataclass(frozen=True)
class Chunk:
    """One text encoder input: BOS, 75 tokens, EOS.

    Attributes:
        tokens: 77 ids; 0 where vectors are put in.
        multipliers: 77 weights, 1.0 where nothing was emphasised.
        fixes: textual inversions, with the place among the 75 of each one's first vector.
        used: how many of the 75 are not filling.
    """

    tokens: tuple[int, ...]
    multipliers: tuple[float, ...]
    fixes: tuple[tuple[int, Insertion], ...] = ()
    used: int = 0


@dataclass(frozen=True)
class Chunks:
    """A whole prompt in chunks.

    Attributes:
        chunks: at least one.
        used: tokens up to the last one that is not filling; what a token counter shows.
    """

    chunks: tuple[Chunk, ...]
    used: int

    @property
    def limit(self) -> int:
        """The counter's right side: how many tokens fit without another chunk."""
        return max(1, -(-self.used // CHUNK)) * CHUNK


class _Filler:
    """Collects tokens and closes a chunk whenever 75 are full."""

    def __init__(self, tokenizer: Tokenizer, backtrack: int) -> None:
        self.tokenizer, self.backtrack = tokenizer, backtrack
        self.done: list[Chunk] = []
        self.open: list[tuple[int, float]] = []
        self.fixes: list[tuple[int, Insertion]] = []
        self.after_comma = -1  # where the text behind the open chunk's last comma begins
        self.used = 0

    def add(self, token: int, weight: float) -> None:
        """Put one token in; a full chunk is closed first, at its last comma if that is near enough."""
        full = len(self.open) == CHUNK
        if token == self.tokenizer.comma:
            if full:
                self.close()
            self.after_comma = len(self.open) + 1 if not full else -1
        elif full:
            self._break()
        self.open.append((token, weight))

    def fill(self, tokens: Sequence[tuple[int, float]], embeddings: Insertions | None) -> None:
        """Put weighted tokens in, and textual inversions where their names stand."""
        ids = [token for token, _ in tokens]
        place = 0
        while place < len(ids):
            found = embeddings.match(ids, place) if embeddings is not None else None
            if found is None:
                self.add(*tokens[place])
                place += 1
            else:
                self.insert(found[0], tokens[place][1])
                place += max(1, found[1])

    def insert(self, vectors: Insertion, weight: float) -> None:
        """Put a textual inversion in, all of it in one chunk; of one longer than a chunk, what fits."""
        if len(self.open) == CHUNK:
            self._break()
        count = min(vectors.count, CHUNK)
        if len(self.open) + count > CHUNK:
            self.close()
        self.fixes.append((len(self.open), vectors))
        self.open += [(0, weight)] * count

    def close(self, last: bool = False) -> None:
        """Fill the open chunk up and start another; the last one counts only what it holds."""
        self.used += len(self.open) if last else CHUNK
        t = self.tokenizer
        body = self.open + [(t.eos, 1.0)] + [(t.pad, 1.0)] * (CHUNK - len(self.open))
        tokens, weights = (t.bos, *(i for i, _ in body)), (1.0, *(w for _, w in body))
        self.done.append(Chunk(tokens, weights, tuple(self.fixes), len(self.open)))
        self.open, self.fixes, self.after_comma = [], [], -1

    def _break(self) -> None:
        """Close a full chunk; what follows a comma that is near enough moves on, textual inversions with it."""
        near = self.after_comma > 0 and CHUNK - (self.after_comma - 1) <= self.backtrack
        cut = self.after_comma if near and self.backtrack else CHUNK
        moved = self.open[cut:]
        moved_fixes = [(at - cut, vectors) for at, vectors in self.fixes if at >= cut]
        del self.open[cut:]
        self.fixes = [(at, vectors) for at, vectors in self.fixes if at < cut]
        self.close()
        self.open, self.fixes = moved, moved_fixes


def chunk_pieces(
    tokenizer: Tokenizer,
    pieces: Iterable[Piece | None],
    backtrack: int = COMMA_BACKTRACK,
    embeddings: Insertions | None = None,
) -> Chunks:
    """Return weighted pieces of text as chunks.

    When a chunk is full and its last comma is at most `backtrack` tokens back, what follows that comma moves to the
    next chunk (0 switches this off).

    Args:
        tokenizer: the model's.
        pieces: text in order; None fills the open chunk up and starts another (BREAK).
        backtrack: see above.
        embeddings: textual inversions whose names are to be found in the text.
    """
    filler = _Filler(tokenizer, backtrack)
    for piece in pieces:
        if piece is None:
            filler.close()
            continue
        filler.fill([(token, piece.weight) for token in tokenizer.ids(piece.text)], embeddings)
    if filler.open or not filler.done:
        filler.close(last=True)
    return Chunks(tuple(filler.done), filler.used)


def chunks_of(text: str, options: TextOptions | None = None, embeddings: Insertions | None = None) -> Chunks:
    """Return the chunks of one text of a schedule: emphasis and BREAK are read as the options say."""
    options = options or TextOptions()
    if options.emphasis == "old":
        filler = _Filler(clip_tokenizer(), backtrack=0)
        filler.fill(list(weighted_tokens(clip_tokenizer(), text))[:CHUNK], embeddings)
        filler.close(last=True)
        return Chunks((filler.done[0],), min(filler.used, CHUNK))
    pieces = (Piece(text),) if options.emphasis == "none" else read_emphasis(text)
    return chunk_pieces(clip_tokenizer(), pieces, options.backtrack, embeddings)


def token_count(
    texts: Iterable[str], options: TextOptions | None = None, embeddings: Insertions | None = None
) -> tuple[int, int]:
    """Return what a token counter shows, (used, limit): that of the longest text, of `Prompt.texts` for example."""
    longest = max((chunks_of(text, options, embeddings) for text in (*texts, "")), key=lambda found: found.used)
    return longest.used, longest.limit
