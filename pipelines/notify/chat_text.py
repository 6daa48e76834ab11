"""Text for chats and e-mail: what somebody else wrote must mention nobody, mark nothing up, and hide nothing."""

from __future__ import annotations

from typing import Final

import re2

from schemas.safe_text import safe_text

# At the beginning of a word an @ calls people (@channel, @all, @everyone); inside one it is an address.
_MENTION: Final = re2.compile(r"(^|[^\pL\pN_])[@＠]+")
# <!channel>, <@U024>, <at user_id="all">, HTML; and [words](elsewhere), a link where chats know Markdown.
_MARKS: Final = str.maketrans({"<": "‹", ">": "›", "`": "'", "*": "∗", "~": "∼"})


def chat_text(text: str, most: int = 300) -> str:
    """Return one line that every chat shows as it stands; `most` characters at most.

    >>> chat_text("<!channel> ask @all, root@host")
    '‹!channel› ask (at)all, root@host'
    """
    shown: str = _MENTION.sub(r"\1(at)", safe_text(text, most)).translate(_MARKS)
    return shown.replace("](", "] (")
