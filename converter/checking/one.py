"""The process of one check: reads what ``process`` wrote, checks, and writes what it found."""

from __future__ import annotations

import faulthandler
import json
from pathlib import Path
from typing import Any

from converter.errors import ConversionError
from converter.verification.limits import Limits
from converter.verification.run import end_with


def main(path: str) -> None:
    """Make the check that stands in the file at ``path``. What is no ConversionError ends the process."""
    faulthandler.enable()
    job = json.loads(Path(path).read_text(encoding="utf-8"))
    end_with(job["parent"])
    answer: dict[str, Any] = {"problems": [], "report": None, "code": ""}
    try:
        conversion = _checked(job)
        answer["report"] = conversion.report.to_json()
        model = conversion.folder / "model.py"
        if model.is_file():
            answer["code"] = model.read_text(encoding="utf-8", errors="replace")
    except ConversionError as error:
        answer["problems"] = [str(problem) for problem in error.problems]
    Path(job["answer"]).write_text(json.dumps(answer), encoding="utf-8")


def _checked(job: dict[str, Any]) -> Any:
    from converter.conversion import open as open_conversion
    from converter.specifications import load

    place, source = Path(job["place"]), None if job["source"] is None else Path(job["source"])
    options = {"limits": Limits(**job["options"].pop("limits")), **job["options"]}
    if place.is_dir():
        conversion = open_conversion(place)
        conversion.verify(source=source, **options, keep=False)  # a check changes nothing, and needs not be allowed to
        return conversion
    return load(place, model=source).run(job["target"], Path(job["folder"]), **options)
