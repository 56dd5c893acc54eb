"""CLIP's tokenizer: text to numbers of the 49,408-word table every Stable Diffusion text encoder has.

The byte-pair encoding itself is done by the `tokenizers` library: it is a dependency of transformers anyway, is
compiled, and knows Unicode classes that Python's `re` lacks. transformers' own CLIPTokenizer is a thin shell around
the same calls which takes seconds to import. The table is OpenAI's (`data/bpe_simple_vocab_16e6.txt.gz`, MIT).
"""

from __future__ import annotations

import gzip
import html
import unicodedata
from collections.abc import Sequence
from functools import cached_property, lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Backend

TABLE: Final = "bpe_simple_vocab_16e6.txt.gz"
WORDS: Final = 49408
BOS_TEXT: Final = "<|startoftext|>"
EOS_TEXT: Final = "<|endoftext|>"
_PIECES: Final = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
# What A1111's text repair (ftfy) does to ordinary prompts: straight quotes, no ligatures, no full-width letters, no
# control characters. Its guesses about wrongly decoded text are left out.
_REPAIRS: Final[dict[str, str | None]] = {
    **dict.fromkeys("\u02bc\u2018\u2019\u201a\u201b", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f", '"'),
    **{chr(c): unicodedata.normalize("NFKC", chr(c)) for c in (0x3000, *range(0xFB00, 0xFB07), *range(0xFF01, 0xFFEF))},
    **{chr(c): None for c in (*range(32), 0x7F, 0xFEFF, *range(0x206A, 0x2070)) if chr(c) not in "\t\n\f\r"},
}
_REPAIRED: Final = str.maketrans(_REPAIRS)


class Tokenizer:
    """Text to token ids and back.

    Attributes:
        bos, eos, pad: ids that open, close and fill a chunk. SD1 fills with `eos`.
        comma: the id of a comma that ends a word.
    """

    bos: int = WORDS - 2
    eos: int = WORDS - 1
    pad: int = WORDS - 1
    comma: int = 267

    def ids(self, text: str) -> list[int]:
        """Return the tokens of `text`, any number of them, without BOS and EOS."""
        return list(self._backend.encode(repair(text), add_special_tokens=False).ids)

    def words(self, ids: Sequence[int]) -> list[str]:
        """Return each token's text; `</w>` marks the end of a word."""
        return [self._backend.id_to_token(i) or "" for i in ids]

    def text(self, ids: Sequence[int]) -> str:
        """Return what tokens stand for, with a space between words; half a letter becomes a replacement sign."""
        letters = "".join(self.words(ids)).replace("</w>", " ").strip(" ")
        return b"".join(_letter_bytes().get(c, b" ") for c in letters).decode("utf-8", "replace")

    @cached_property
    def _backend(self) -> Backend:
        from tokenizers import AddedToken, Regex, Tokenizer, normalizers, pre_tokenizers
        from tokenizers.models import BPE

        vocabulary, merges = _table()
        backend = Tokenizer(
            BPE(vocab=vocabulary, merges=merges, end_of_word_suffix="</w>", unk_token=EOS_TEXT, fuse_unk=False)
        )
        backend.normalizer = normalizers.Sequence(
            [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
        )
        backend.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(_PIECES), behavior="removed", invert=True),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
        backend.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in (BOS_TEXT, EOS_TEXT)])
        return backend


@lru_cache(maxsize=1)
def _letter_bytes() -> dict[str, bytes]:
    """Return the byte each printable letter of the table stands for."""
    return {letter: bytes([value]) for value, letter in zip(_byte_order(), _byte_letters(), strict=True)}


@lru_cache(maxsize=1)
def clip_tokenizer() -> Tokenizer:
    """Return the tokenizer; its table is read at the first use."""
    return Tokenizer()


def repair(text: str) -> str:
    """Return `text` with the repairs that change tokens: HTML entities, curly quotes, ligatures, full-width letters.

    Entities are only resolved where the text has no `<`, as in the original.
    """
    if "<" not in text:
        text = html.unescape(text)
    whole = text.encode("utf-8", "ignore").decode("utf-8")  # half a character, as a broken client may send, is dropped
    return unicodedata.normalize("NFC", whole.translate(_REPAIRED))


def _table() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Return the words with their numbers, and the pairs that are merged, best first."""
    packed = resources.files("redraw.models").joinpath("data", TABLE).read_bytes()
    lines = gzip.decompress(packed).decode("utf-8").split("\n")[1 : WORDS - 512 - 2 + 1]
    merges = [(a, b) for a, _, b in (line.partition(" ") for line in lines)]
    letters = _byte_letters()
    words = [*letters, *(letter + "</w>" for letter in letters), *(a + b for a, b in merges), BOS_TEXT, EOS_TEXT]
    return {word: i for i, word in enumerate(words)}, merges


def _byte_order() -> list[int]:
    """Return the byte values in the table's order: printable ones first."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    return [*printable, *(b for b in range(256) if b not in printable)]


def _byte_letters() -> list[str]:
    """Return a printable letter for each byte value, in the table's order: printable bytes stand for themselves."""
    return [chr(b) for b in _byte_order()[:188]] + [chr(256 + i) for i in range(68)]
