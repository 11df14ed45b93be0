"""`python -m tests.bad_inputs.write_errors_page`: docs/errors.md, made from the table."""

from __future__ import annotations

import re
from pathlib import Path

from tests.bad_inputs.all_subjects import SUBJECTS
from tests.bad_inputs.table import Fault

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"
HEAD = """\
# Errors

Each input that can't be used gives one line: the file or the argument, what was expected, what was found. Here is what such
lines mean and what helps, by what they are about. `SCAN`, `MODEL` and so on stand for your own paths, `...` for anything.
Search the page for a few words of your line. It is made from the tests of bad inputs, every one of which is run
(`python -m tests.bad_inputs.write_errors_page`).

Exit statuses: 0 done; 1 a scan, a model or another file can't be used; 2 the command was used wrongly, and of `dino_depth`'s
commands any input that can't be used; 3 and 4 are verdicts ([verdicts](verdicts.md)).
"""


def errors_page() -> str:
    """The page's text."""
    parts = [HEAD]
    for subject in SUBJECTS:
        parts.append(f"## {subject.title}\n")
        parts += [_section(fault) for fault in subject.faults]
    return "\n".join(parts).rstrip("\n") + "\n"


def _section(fault: Fault) -> str:
    lines = list(dict.fromkeys(_shown(row.says) for row in fault.rows if row.says))
    text = f"### {fault.title}\n\n{fault.means}\n\n**What to do.** {fault.do}\n"
    return text + ("\n```text\n" + "\n".join(lines) + "\n```\n" if lines else "")


def _shown(says: str) -> str:
    text = re.sub(r"\{(\w+)\}", lambda found: found[1].upper(), says)
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


if __name__ == "__main__":
    PAGE.write_text(errors_page(), encoding="utf-8")
    print(PAGE)
