"""Makes tests/vectors/ledgers and tests/vectors/receipts: `python3 ledger_vectors.py --write`.

Everything that is drawn follows from fixed names, so the files are the same each time.
`tests/vectors/check.py` compares them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import ledger_faults
import ledger_positives
import receipt_vectors
import replay_vectors
from ring_positives import Files

VECTORS = Path(__file__).resolve().parent.parent / "vectors"


def _together(*parts: Files) -> Files:
    files: Files = {}
    for made in parts:
        assert not files.keys() & made.keys(), files.keys() & made.keys()
        files |= made
    return files


def _rendered(files: Files) -> dict[str, str]:
    return {
        f"{name}.json": json.dumps(file, indent=2, ensure_ascii=True) + "\n"
        for name, file in files.items()
    }


def rendered() -> dict[str, dict[str, str]]:
    """By directory and file name."""
    ledgers = _together(
        ledger_positives.positives(),
        ledger_faults.faults(),
        replay_vectors.positives(),
        replay_vectors.refusals(),
    )
    receipts = _together(receipt_vectors.positives(), receipt_vectors.refusals())
    return {"ledgers": _rendered(ledgers), "receipts": _rendered(receipts)}


def main() -> None:
    if sys.argv[1:] != ["--write"]:
        raise SystemExit("usage: ledger_vectors.py --write: it writes its two directories anew")
    for directory, files in rendered().items():
        folder = VECTORS / directory
        folder.mkdir(exist_ok=True)
        for path in folder.glob("*.json"):
            path.unlink()
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
