"""Puts evaluations into the model cards: `countenance evaluate --out` writes them, this renews the blocks.

Of an evaluation with `--compare` both packs' cards are renewed.

python bench/cards.py EVALUATION.json [EVALUATION.json …]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from countenance.errors import InvalidEvaluation
from countenance.measuring.evaluation_file import load_evaluation
from documents import write_card


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("evaluations", nargs="+", type=Path, help="files of `countenance evaluate`")
    for path in parser.parse_args().evaluations:
        try:
            evaluation = load_evaluation(path)
        except InvalidEvaluation as error:
            raise SystemExit(str(error)) from None
        both = (evaluation, evaluation.get("comparison", {}).get("with"))
        written = [name for each in both if each is not None for name in write_card(each)]
        print(f"written: {', '.join(written)}")


if __name__ == "__main__":
    main()
