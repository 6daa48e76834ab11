"""Mask the words that only their neighbours or their endings give away: hosts, users, and lists of what was masked.

A word of letters is a part of the text unless something says that it is a name. Three things do: it ends like a host's
(`relay.example.net`), it stands where a user is named (`user alice`, `user=alice`, `password for alice from`), or it is
one of several that were masked alike, as in a list (`7, 8, 9`).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import re2

# Stands for what was masked: a control character, which no line holds any more when this is put in.
MASK: Final = "\x02"

# Words are taken apart here; what else joins (`-`, `_`, `.`, `/`, `~`) is inside a name as often as between two.
SEPARATORS: Final = "=:()[]{}<>,;\"'|"
_PARTS = re2.compile(r"([=:()\[\]{}<>,;\"'|]+)")
_EDGES = ".,:;!?()[]{}<>\"'"

# The last label of a host's name. A country's also ends files and fields (`main.rs`, `row.id`): it needs two more.
_GENERIC_ENDS = {"com", "net", "org", "edu", "gov", "mil", "arpa", "info", "biz", "cloud"} | {
    *("local", "localdomain", "localhost", "lan", "internal", "intranet", "corp")
}
_COUNTRY_ENDS = frozenset(
    (  # noqa: SIM905 - a text reads better than eighty quoted words
        "eu us uk de fr nl be lu ch at it es pt ie dk se no fi pl cz sk hu ro bg gr hr si rs ua ru by ee lv lt tr il "
        "sa ae ir in pk bd lk cn jp kr tw hk sg my th vn ph id au nz za ng ke eg ma br ar cl co pe mx ca io ai me tv cc"
    ).split()
)
_USERS = frozenset(("user", "username", "account"))
_USER_FIELDS = _USERS | {"login", "logname", "ruser", "usr", "uname"}
# Behind these and `for` somebody is named if `from` follows: "Accepted publickey for alice from 10.0.0.7".
_WAYS_IN = frozenset(
    (
        "password",
        "publickey",
        "pubkey",
        "key",
        "authentication",
        "login",
        "access",
        "exceeded",
        "keyboard-interactive/pam",
    )
)
# What follows `user` in a sentence and names nobody.
_NO_USERS = frozenset(
    (  # noqa: SIM905 - a text reads better than a hundred quoted words
        "a about access account accounts action agent already an and are as at authentication by can cannot context "
        "could data database did directory disabled does enabled end error errors exists failed for from group groups "
        "guide had has have id ids identity in info information input interface is key level limit list lists login "
        "logged logout management may mode must name names new no not now of on or password passwords permission "
        "permissions pressed process processes profile profiles program request requests role roles said sent service "
        "services session sessions set settings setup should slice space started state status stopped table that the "
        "timed timeout to token type unknown was were which who will with would"
    ).split()
)
_SHORTEST_VERB = 6

# Bits of what is known of a word by itself.
_HOST, _USER, _USER_FIELD, _WAY_IN, _USER_WITH_ID = 1, 2, 4, 8, 16


class Traits(dict[str, int]):
    """What a word is by itself, worked out once for each word of a batch."""

    def __missing__(self, word: str) -> int:
        """Find out and keep."""
        found = 0
        if "." in word and any(_is_host(part) for part in _PARTS.split(word)):
            found |= _HOST
        bare = word.lower().strip("([{<,:\"'")
        if bare in _USERS:
            found |= _USER
        elif bare in _WAYS_IN:
            found |= _WAY_IN
        elif "=" in word and word.partition("=")[0].lower().strip("([{<,\"'") in _USER_FIELDS:
            found |= _USER_FIELD
        elif word.find("(uid=") > 0:
            found |= _USER_WITH_ID
        self[word] = found
        return found


def mask_words(words: list[str], texts: list[str], traits: Traits) -> tuple[list[str], list[str]] | None:
    """Return a line's words and what their masks stand for, once more is masked; None where nothing is to be done.

    What the masks stand for keeps its order, so a text may hold the mark of another one, to be filled in later.
    """
    lists = _may_hold_list(words)
    if not lists and not any(map(traits.__getitem__, words)):
        return None
    rest = iter(texts)
    own = [[next(rest) for _ in range(word.count(MASK))] for word in words]
    words = list(words)
    for place, one in enumerate([traits[word] for word in words]):
        if one & _HOST:
            words[place], own[place] = _mask_hosts(words[place], own[place])
        if one & _USER_FIELD:
            _mask_name(words, own, place, words[place].index("=") + 1)
        elif one & _USER and MASK not in words[place]:
            _mask_name(words, own, place + 1, 0)
        elif one & _WAY_IN and words[place + 1 : place + 2] == ["for"] and words[place + 3 : place + 4] == ["from"]:
            _mask_name(words, own, place + 2, 0)
        elif one & _USER_WITH_ID:
            _mask_name(words, own, place, 0)
    if _may_hold_list(words):
        words, own = _join_lists(words, own)
    return words, [text for texts_of_word in own for text in texts_of_word]


def parts_of(word: str) -> list[str]:
    """Take a word apart where `SEPARATORS` stand; they are parts too."""
    found: list[str] = _PARTS.split(word)
    return found


def _is_host(part: str) -> bool:
    labels = part.rstrip(".!?").split(".")
    end = labels[-1].lower()
    # A package (`com.example.net`) is the name of a host backwards.
    if (
        len(labels) < 2
        or labels[0] in _GENERIC_ENDS
        or not (end in _GENERIC_ENDS or (end in _COUNTRY_ENDS and len(labels) > 2))
    ):
        return False
    return all(label.replace("-", "").replace("_", "").replace(MASK, "x").isalnum() for label in labels)


def _written(part: str, texts: list[str]) -> str:
    first, *rest = part.split(MASK)
    return first + "".join(texts.pop(0) + one for one in rest)


def _mask_hosts(word: str, texts: list[str]) -> tuple[str, list[str]]:
    """Mask the hosts of a word, each with the port behind it."""
    texts = list(texts)
    made, kept = "", []
    parts = parts_of(word)
    place = 0
    while place < len(parts):
        part = parts[place]
        place += 1
        if not _is_host(part):
            made += part
            kept += [texts.pop(0) for _ in range(part.count(MASK))]
            continue
        bare = part.rstrip(".!?")
        text = _written(bare, texts)
        end = part[len(bare) :]
        if not end and parts[place : place + 1] == [":"] and parts[place + 1].startswith(MASK):
            text += ":" + texts.pop(0)
            end = parts[place + 1][1:]
            kept += [text, *(texts.pop(0) for _ in range(end.count(MASK)))]
            place += 2
        else:
            kept.append(text)
        made += MASK + end
    return made, kept


def _mask_name(words: list[str], own: list[list[str]], place: int, start: int) -> None:
    """Mask the name that a word is from `start` on, if it is one."""
    if place >= len(words):
        return
    word = words[place]
    head = word.partition("(uid=")[0]
    if MASK in head or (not start and word[0] in "([{<"):
        return
    name = head[start:].strip(_EDGES)
    plain = name.replace("-", "").replace("_", "").replace(".", "").replace("\\", "").replace("@", "")
    if not plain.isalnum():
        return
    lower = name.lower()
    if not start and (lower in _NO_USERS or (len(name) >= _SHORTEST_VERB and lower.endswith(("ed", "ing")))):
        return
    at = word.index(name, start)
    words[place] = word[:at] + MASK + word[at + len(name) :]
    own[place] = [name, *own[place]]


def _may_hold_list(words: list[str]) -> bool:
    return any(MASK in one and _bare(one) == _bare(other) for one, other in pairwise(words))


def _bare(word: str) -> str:
    return word.rstrip(",;")


def _join_lists(words: list[str], own: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    """Make one word with one mask of masked words that stand beside their like: a list has any length.

    Two numbers side by side are two numbers yet; three are a list, and so are two ids of one kind (`blk_7 blk_8`).
    """
    made: list[str] = []
    kept: list[list[str]] = []
    place = 0
    while place < len(words):
        bare = _bare(words[place])
        end = place + 1
        if MASK in bare:
            while end < len(words) and _bare(words[end]) == bare:
                end += 1
        if end - place < (3 if bare == MASK else 2):
            made += words[place:end]
            kept += own[place:end]
        else:
            first, last = words[place], words[end - 1]
            head, tail = first[: first.index(MASK)], last[last.rindex(MASK) + 1 :]
            each = (_written(word, list(texts)) for word, texts in zip(words[place:end], own[place:end], strict=True))
            whole = " ".join(each)
            made.append(head + MASK + tail)
            kept.append([whole[len(head) : len(whole) - len(tail)]])
        place = end
    return made, kept
