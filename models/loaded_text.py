"""A text model in memory: tokenizer, session and cache, checked by its golden examples before it serves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from models.answer_cache import AnswerCache
from models.bundle import Bundle, BundleRefused
from models.card import Card
from models.cpu_quota import cpu_quota
from models.length_buckets import Run, group_by_length, padded
from models.model_work import work_of
from models.session import RUNTIME_VERSION, load_session
from models.side_by_side import SideBySide
from models.text_answers import TextAnswers, probabilities_of
from models.word_weights import shares_in, weightiest_words, words_in

INPUTS = ("input_ids", "attention_mask")
PADDING = 1
WORD_START = "\u2581"  # a piece of its own before a word that has none with it
# Nothing behind these characters is read: `max_tokens` is reached long before.
MOST_CHARACTERS = 4_000
# What one run may hold, padding included. Measured on a core: 128 to 512 are alike, 2,048 answers a sixth fewer texts a
# second, for its activations fall out of the processor's cache; and the smaller, the sooner a few texts are shared out.
TOKENS_PER_RUN = 256
# Texts that are tokenized and answered at a time, which bounds the memory of a large batch.
TEXTS_AT_ONCE = 4_096


@dataclass(frozen=True, slots=True)
class Answer:
    """What one text was answered: its logits, and by head the words behind its most probable label.

    `logits` is None for a text of which the tokenizer leaves nothing.
    """

    logits: NDArray[np.float32] | None
    words: Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class _Asked:
    """Which outputs are wanted for one run over some of these lists of tokens."""

    outputs: tuple[str, ...]
    lists: Sequence[Sequence[int]]
    run: Run


def cut_text(text: str) -> str:
    """Return the part of a text that is read."""
    return text if len(text) <= MOST_CHARACTERS else text.lstrip()[:MOST_CHARACTERS]


def columns_of_heads(card: Card) -> dict[str, slice]:
    """Return, for each head, its columns of `logits`: the heads stand side by side in the card's order."""
    columns: dict[str, slice] = {}
    start = 0
    for head in card.heads:
        columns[head.name] = slice(start, start + len(head.labels))
        start += len(head.labels)
    return columns


def _check_card(bundle: Bundle) -> None:
    card = bundle.card
    labels = sum(len(head.labels) for head in card.heads)
    sizes = {one.name: one.shape[-1:] for one in card.outputs}
    wrong = None
    if card.task != "text":
        wrong = f"expected the task text, got {card.task}"
    elif not card.heads or not card.buckets:
        wrong = "expected heads and buckets on the card, got none"
    elif tuple(one.name for one in card.inputs) != INPUTS:
        wrong = f"expected the inputs {', '.join(INPUTS)}, got {', '.join(one.name for one in card.inputs)}"
    elif any(sizes.get(name) != (labels,) for name in ("logits", "token_logits")):
        wrong = f"expected the outputs logits and token_logits with {labels} labels, got {sizes}"
    elif "tokenizer.json" not in card.files:
        wrong = "the card names no tokenizer.json"
    elif not card.golden:
        wrong = "expected golden examples on the card, got none"
    if wrong:
        raise BundleRefused(f"model bundle {bundle.path}: {wrong}")


def _load_tokenizer(bundle: Bundle) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_buffer(bundle.files["tokenizer.json"])
        tokenizer.enable_truncation(bundle.card.max_tokens)
        tokenizer.no_padding()
    # The tokenizers library raises plain Exceptions.
    except Exception as error:
        raise BundleRefused(f"model bundle {bundle.path}: tokenizer.json is no tokenizer: {error}") from error
    return tokenizer


def _unknown_token(tokenizer: bytes) -> int:
    """Return the id of what stands for characters outside of the vocabulary; -1 where nothing does."""
    model = orjson.loads(tokenizer)["model"]
    if (place := model.get("unk_id")) is None:
        vocabulary = model.get("vocab")
        place = vocabulary.get(model.get("unk_token"), -1) if isinstance(vocabulary, dict) else -1
    return int(place)


# How far a golden score may move on another release of ONNX Runtime: static int8 flips single steps of 1/127.
OTHER_RUNTIME_MOVES = 0.03


class LoadedText:
    """Answers texts, `threads` runs at once (None: the CPU quota), each on one core. Thread-safe."""

    def __init__(self, bundle: Bundle, threads: int | None = None, cache_bytes: int = 0) -> None:
        _check_card(bundle)
        self.card = bundle.card
        self.identity = bundle.identity(RUNTIME_VERSION)
        self._columns = columns_of_heads(bundle.card)
        self._tokenizer = _load_tokenizer(bundle)
        self._empty = self._tokenizer.num_special_tokens_to_add(False)
        self._unknown = _unknown_token(bundle.files["tokenizer.json"])
        self._session = load_session(bundle, threads=1)
        self._side_by_side = SideBySide(self._answered, threads or cpu_quota())
        self._cache: AnswerCache[Answer] = AnswerCache(cache_bytes)
        self._work = work_of(self.identity)

    def answer(self, texts: Sequence[str | None], explain: Sequence[str] = ()) -> TextAnswers:
        """Answer each text; equal ones are run once."""
        places: dict[str, int] = {}
        row_place = np.full(len(texts), -1, dtype=np.int64)
        for row, text in enumerate(texts):
            if text and (cut := cut_text(text)) and not cut.isspace():
                row_place[row] = places.setdefault(cut, len(places))
        distinct = list(places)
        answers: list[Answer] = []
        for start in range(0, len(distinct), TEXTS_AT_ONCE):
            answers += self._distinct(distinct[start : start + TEXTS_AT_ONCE], explain)
        return self._for_rows(answers, row_place, explain)

    def _for_rows(self, answers: Sequence[Answer], row_place: NDArray[np.int64], explain: Sequence[str]) -> TextAnswers:
        answered = np.array([one.logits is not None for one in answers] + [False])
        present = answered[row_place]  # -1, a row without text, meets the False at the end
        width = sum(len(head.labels) for head in self.card.heads)
        logits = np.zeros((len(answers), width), dtype=np.float32)
        for place, one in enumerate(answers):
            if one.logits is not None:
                logits[place] = one.logits
        probabilities = {}
        for head in self.card.heads:
            by_row = np.full((len(row_place), len(head.labels)), np.nan)
            by_row[present] = probabilities_of(logits[:, self._columns[head.name]], head.temperature, head.outside)[
                row_place[present]
            ]
            probabilities[head.name] = by_row
        words = {
            head: [
                list(answers[place].words[head]) if there else []
                for place, there in zip(row_place, present, strict=True)
            ]
            for head in explain
        }
        labels = {head.name: head.labels for head in self.card.heads}
        return TextAnswers(self.identity, labels, present, probabilities, words)

    def _distinct(self, texts: list[str], explain: Sequence[str]) -> list[Answer]:
        known = self._cache.find(texts)
        answers: dict[int, Answer] = {
            place: one
            for place, one in enumerate(known)
            if one is not None and all(head in one.words for head in explain)
        }
        missing = [place for place in range(len(texts)) if place not in answers]
        if self._cache.limit_bytes:
            self._work.looked_up(hits=len(answers), misses=len(missing))
        for place, one in zip(missing, self._run([texts[place] for place in missing], explain), strict=True):
            answers[place] = one
            size = (0 if one.logits is None else one.logits.nbytes) + 100 * sum(map(len, one.words.values()))
            self._cache.remember(texts[place], one, size)
        return [answers[place] for place in range(len(texts))]

    def _run(self, texts: list[str], explain: Sequence[str]) -> list[Answer]:
        answers = [Answer(None, {})] * len(texts)
        for places, encodings, logits, token_logits in self._runs(texts, explained=bool(explain)):
            best = {head: self._probabilities(head, logits).argmax(axis=1) for head in explain}
            words = self._words_of([texts[place] for place in places], encodings, token_logits, best)
            for at, place in enumerate(places):
                # A row's own copy: a view would keep the whole run in the cache.
                answers[place] = Answer(logits[at].copy(), {head: words[head][at] for head in explain})
        return answers

    def _probabilities(self, head: str, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        asked = next(one for one in self.card.heads if one.name == head)
        return probabilities_of(logits[:, self._columns[head]], asked.temperature, asked.outside)

    def words(self, texts: Sequence[str], head: str, labels: Sequence[str]) -> list[list[str]]:
        """Return for each text the words that carried its label of `labels`."""
        names = next(one.labels for one in self.card.heads if one.name == head)
        cut = [cut_text(text) for text in texts]
        found: list[list[str]] = [[] for _ in texts]
        for places, encodings, _, token_logits in self._runs(cut, explained=True):
            asked = {head: np.array([names.index(labels[place]) for place in places])}
            of_run = self._words_of([cut[place] for place in places], encodings, token_logits, asked)[head]
            for place, words in zip(places, of_run, strict=True):
                found[place] = words
        return found

    def unknown_tokens(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the share of each text's tokens that the vocabulary does not have, in [0, 1]; 0 for one without any.

        A run of characters that nobody knows is one such token.
        """
        unknown = self._unknown
        shares = np.zeros(len(texts))
        for place, encoding in enumerate(self._tokenizer.encode_batch_fast([cut_text(text) for text in texts])):
            ids = encoding.ids
            shares[place] = ids.count(unknown) / max(len(ids) - self._empty, 1)
        return shares

    def _words_of(
        self,
        texts: Sequence[str],
        encodings: Sequence[Encoding],
        token_logits: NDArray[np.float32],
        labels: Mapping[str, NDArray[np.intp]],
    ) -> dict[str, list[list[str]]]:
        """Give for each head the words behind `labels`, one a text; `token_logits` may have rows that are no text's."""
        rows = token_logits[: len(texts)]
        shares = {head: shares_in(rows[:, :, self._columns[head]], chosen).tolist() for head, chosen in labels.items()}
        words: dict[str, list[list[str]]] = {head: [] for head in labels}
        for at, (text, encoding) in enumerate(zip(texts, encodings, strict=True)):
            marked = zip(encoding.special_tokens_mask, encoding.tokens, strict=True)
            kept = [token for token, (special, piece) in enumerate(marked) if not special and piece != WORD_START]
            offsets = encoding.offsets
            of_text = words_in(text, [offsets[token] for token in kept])
            for head, of_run in shares.items():
                words[head].append(weightiest_words(text, of_text, [of_run[at][token] for token in kept]))
        return words

    def _runs(
        self, texts: list[str], explained: bool
    ) -> Iterator[tuple[list[int], list[Encoding], NDArray[np.float32], NDArray[np.float32]]]:
        """Run texts; give of each run their places, encodings, logits and token logits.

        Logits are (rows, labels), token logits (rows, tokens, labels), empty unless `explained`. Texts of which the
        tokenizer leaves nothing are left out.
        """
        encode = self._tokenizer.encode_batch if explained else self._tokenizer.encode_batch_fast
        encodings = encode(texts)
        lists = [encoding.ids for encoding in encodings]
        places = [place for place, ids in enumerate(lists) if len(ids) > self._empty]
        lists = [lists[place] for place in places]
        outputs = ("logits", "token_logits") if explained else ("logits",)
        runs = group_by_length([len(ids) for ids in lists], self.card.buckets, TOKENS_PER_RUN)
        for asked, (logits, *tokens) in self._side_by_side(_Asked(outputs, lists, run) for run in runs):
            own = [places[member] for member in asked.run.members]
            token_logits = tokens[0] if explained else np.empty((len(logits), 0, logits.shape[1]), dtype=np.float32)
            yield own, [encodings[place] for place in own], logits, token_logits

    def _answered(self, asked: _Asked) -> list[NDArray[Any]]:
        ids_and_mask = padded(asked.lists, asked.run, PADDING, self.card.fewest_rows)
        return self._session.run(asked.outputs, dict(zip(INPUTS, ids_and_mask, strict=True)))


def golden_answers(loaded: LoadedText, texts: Sequence[str]) -> list[dict[str, Any]]:
    """Return the golden examples that a card keeps of these texts: each head's label and score."""
    answers = loaded.answer(texts)
    examples: list[dict[str, Any]] = [{"text": text} for text in texts]
    for head, labels in answers.labels.items():
        for example, best, row in zip(examples, answers.best(head), answers.probabilities[head], strict=True):
            example[head] = {"label": labels[best], "score": float(row[best])}
    return examples


def _check_golden(loaded: LoadedText, bundle: Bundle) -> None:
    """Raise BundleRefused unless the model gives every golden example's answers.

    To the last of six decimals on the ONNX Runtime that computed them. Another release may round elsewhere inside its
    kernels (its version is part of the model's identity, so its answers say so): there a score may move a little, and
    with it the better of two close labels.
    """
    moves = 0.0 if bundle.card.runtime.onnxruntime == RUNTIME_VERSION else OTHER_RUNTIME_MOVES
    texts = [str(example.get("text", "")) for example in bundle.card.golden]
    for expected, got in zip(bundle.card.golden, golden_answers(loaded, texts), strict=True):
        for head in (head.name for head in bundle.card.heads):
            if not _agree(expected.get(head), got[head], moves):
                raise BundleRefused(
                    f"model bundle {bundle.path}: golden example {got['text'][:60]!r}, {head}: "
                    f"expected {expected.get(head)}, got {got[head]} (ONNX Runtime {RUNTIME_VERSION})"
                )


def _agree(expected: dict[str, Any] | None, got: dict[str, Any], moves: float) -> bool:
    if expected is None or moves == 0:
        return expected == got
    close: bool = abs(expected["score"] - got["score"]) <= moves
    same: bool = expected["label"] == got["label"] or got["score"] <= 0.5 + moves
    return close and same


def load_text(bundle: Bundle, threads: int | None = None, cache_bytes: int = 0) -> LoadedText:
    """Load a bundle and ask it its golden texts; BundleRefused unless the answers are the card's."""
    loaded = LoadedText(bundle, threads, cache_bytes)
    _check_golden(loaded, bundle)
    return loaded
