"""Makes tests/vectors/rings, the vectors of ring documents: `python3 ring_vectors.py --write`.

Everything that is drawn follows from fixed names, so the files are the same each time.
`tests/vectors/check.py` compares them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ring_faults import reading
from ring_positives import Files, positives
from ring_text_faults import text_faults
from ring_unlock_faults import unlock_faults
from ring_unprotected_faults import unprotected_faults

HERE = Path(__file__).resolve().parent.parent / "vectors" / "rings"


def generated() -> Files:
    files: Files = {}
    faults = (reading(), unlock_faults(), unprotected_faults(), text_faults())
    for made in (positives(), *faults):
        assert not files.keys() & made.keys(), files.keys() & made.keys()
        files |= made
    return files


def rendered() -> dict[str, str]:
    """By file name."""
    return {
        f"{name}.json": json.dumps(file, indent=2, ensure_ascii=True) + "\n"
        for name, file in generated().items()
    }


def main() -> None:
    if sys.argv[1:] != ["--write"]:
        raise SystemExit("usage: ring_vectors.py --write: it writes tests/vectors/rings anew")
    for path in HERE.glob("*.json"):
        path.unlink()
    for name, text in rendered().items():
        (HERE / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
