"""The tokenizer in a tokenizer.json, without transformers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llenergymeasure._json import read_json_file
from llenergymeasure.core.backends.server.tokens.outputs import lengths_of_outputs
from llenergymeasure.core.backends.server.tokens.whole_texts import refused_chat_template
from llenergymeasure.exceptions import BackendError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TOKENIZER_FILE = "tokenizer.json"
CONFIG_FILE = "tokenizer_config.json"


class FileTokenizer:
    """A tokenizer of the package tokenizers.

    Args:
        tokenizer: the tokenizer.
        n_embedded: number of ids that the model embeds; None when not known.
        bos: the beginning-of-sequence token; None without one.
    """

    counts = True

    def __init__(self, tokenizer: Tokenizer, n_embedded: int | None = None, bos: str | None = None) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer, self._n_embedded = tokenizer, n_embedded
        self.bos_id = None if bos is None else tokenizer.token_to_id(bos)
        added = tokenizer.get_added_tokens_decoder()
        self.special_ids = frozenset(number for number, token in added.items() if token.special)

    @property
    def vocab_size(self) -> int:
        size: int = self._tokenizer.get_vocab_size()
        return size if self._n_embedded is None else min(size, self._n_embedded)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        return [list(each.ids) for each in self._tokenizer.encode_batch(list(texts))]

    def output_lengths(self, texts: Sequence[str]) -> list[int]:
        return lengths_of_outputs(texts, self._lengths)

    def encode_chat(self, texts: Sequence[str]) -> list[list[int]]:
        """Not possible: the chat template is the server's.

        Raises:
            BackendError: always.
        """
        raise refused_chat_template()

    def _lengths(self, texts: Sequence[str]) -> list[int]:
        return [len(each.ids) for each in self._tokenizer.encode_batch(list(texts), add_special_tokens=False)]

    def decode(self, ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True))


def tokenizer_in(directory: Path, n_embedded: int | None) -> FileTokenizer | None:
    """The tokenizer of a directory; None when it has no tokenizer.json.

    Raises:
        BackendError: the file is damaged, or the package tokenizers is missing.
    """
    path = directory / TOKENIZER_FILE
    if not path.is_file():
        return None
    try:
        from tokenizers import Tokenizer  # noqa: PLC0415 - takes time, and not every server needs it
    except ModuleNotFoundError:
        raise BackendError('tokenizers is not installed; run: pip install "llenergymeasure[server]"') from None
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises plain `Exception`
        raise BackendError(f"{path} cannot be read as a tokenizer ({error}); fetch or copy the model again") from error
    return FileTokenizer(tokenizer, n_embedded, _bos(directory / CONFIG_FILE))


def _bos(path: Path) -> str | None:
    """The beginning-of-sequence token of a tokenizer_config.json: a text, or an object with its content."""
    try:
        config: Any = read_json_file(path)
    except (OSError, ValueError):
        return None
    stated = config.get("bos_token") if isinstance(config, dict) else None
    found = stated.get("content") if isinstance(stated, dict) else stated
    return found if isinstance(found, str) else None
