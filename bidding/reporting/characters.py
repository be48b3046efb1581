"""Characters that a reader does not see, or that turn what stands around them (双向控制符): shown by their numbers.

Names of files and of people come from anybody. U+202E makes `gnp.exe` read as another name (Unicode TR 36 2.5), and
what cannot be seen makes two names look alike; on paper they are named already, for no font draws them.
"""

import re
from typing import Final

_HIDDEN: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\ufffe\uffff\ud800-\udfff]"
)


def show_hidden(text: str) -> str:
    """Answer the text with such characters, and what is no character, as `[U+202E]`; line ends and tabs stay."""
    return _HIDDEN.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)
