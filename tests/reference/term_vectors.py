"""Makes tests/vectors/terms, the vectors of index terms: `python3 term_vectors.py --write`.

The files are the same each time. `tests/vectors/check.py` compares them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from term_faults import faults
from term_positives import Files, positives

HERE = Path(__file__).resolve().parent.parent / "vectors" / "terms"


def generated() -> Files:
    made, refused = positives(), faults()
    assert not made.keys() & refused.keys(), made.keys() & refused.keys()
    return made | refused


def rendered() -> dict[str, str]:
    """By file name."""
    return {
        f"{name}.json": json.dumps(file, indent=2, ensure_ascii=True) + "\n"
        for name, file in generated().items()
    }


def main() -> None:
    if sys.argv[1:] != ["--write"]:
        raise SystemExit("usage: term_vectors.py --write: it writes tests/vectors/terms anew")
    HERE.mkdir(exist_ok=True)
    for path in HERE.glob("*.json"):
        path.unlink()
    for name, text in rendered().items():
        (HERE / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
