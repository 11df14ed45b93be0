"""The files of a result in a scan's directory: what is written anew with it, and what of the directory isn't ours."""

from __future__ import annotations

from pathlib import Path

from modmap.defects.files import CSV_NAME, JSON_NAME
from modmap.drawing.overlays import CONTACT_SHEET, overlay_name
from modmap.files.places import require_free
from modmap.files.renewal import finish_below
from modmap.files.validated_json import read_json
from modmap.runs.map_files import MAPS_NAME
from modmap.runs.not_inspected_files import NPZ_NAME, PLY_NAME
from modmap.runs.summary import SUMMARY, SUMMARY_KEYS
from modmap.runs.volume_files import FORMATS

REPORT = "report.html"


def require_result_place(directory: Path) -> None:
    """Checks that a result may be written to a directory: it holds one, or nothing.

    Raises:
        ModMapError: it holds other files.
        OSError: a result that was being written when its writer was killed can't be moved to its place.
    """
    require_free(directory, replaces=SUMMARY, keys=SUMMARY_KEYS)


def result_files(directory: Path) -> list[str]:
    """The names that the files of the result in a directory may have, its report among them.

    Raises:
        ModMapError: the directory holds other files than a result.
    """
    require_result_place(directory)
    path = directory / SUMMARY
    views = read_json(path).get("views") if path.is_file() else None
    overlays = [overlay_name(str(view_id)) for view_id in views] if isinstance(views, dict) else []
    volumes = [f"volume.{suffix}" for suffix in FORMATS]
    omitted = [NPZ_NAME, PLY_NAME]
    return [SUMMARY, MAPS_NAME, JSON_NAME, CSV_NAME, CONTACT_SHEET, REPORT, *volumes, *omitted, *overlays]


def result_directories(output: Path) -> list[Path]:
    """The directories of all results right below a directory, by name; sets that were half moved are finished first.

    Raises:
        OSError: one can't be finished.
    """
    # Hidden ones are results that are being written.
    finish_below(output)
    return sorted(path.parent for path in output.glob(f"*/{SUMMARY}") if path.parent.name[0] != ".")
