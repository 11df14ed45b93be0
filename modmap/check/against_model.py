"""What is asked of a scan before it is compared: by a model, or by the scans beside it."""

from __future__ import annotations

from modmap.detector.model import ModMap
from modmap.detector.predict import missing_views
from modmap.detector.survey import ScanSurvey
from modmap.errors import ModMapError
from modmap.inspection.nominal_shown import NominalShown
from modmap.inspection.scale import require_scale
from modmap.scan import Scan


def against_model(model: ModMap, scan: Scan, survey: ScanSurvey) -> tuple[tuple[str, ...], bool | None]:
    """What a prediction would find before it compares anything.

    Args:
        model: A fitted model.
        scan: The scan.
        survey: What its views show.

    Returns:
        What a user should look at, one line each, and whether the scan shows enough of the nominal part to pass; None
        where the model doesn't know what that shows. Of a scan that isn't laid on the nominal one here, that is
        about: a prediction may find that it shows less.

    Raises:
        ModMapError: the model can't be run on the scan.
    """
    model.check(scan)
    told = missing_views(model.trained.view_ids, scan)
    asked = model.trained.shown_for(scan.category)
    if asked is None:
        return tuple(told), None
    told += require_scale(asked, survey.views, scan=scan.name)
    evidence = model.config.evidence
    share = (asked.covered if evidence.mapping else asked.amount)(survey.views)
    if share >= evidence.least_inspected:
        return tuple(told), True
    told.append(
        f"not inspected: it shows about {share:.0%} of the nominal part, less than the "
        f"{evidence.least_inspected:.0%} that a scan must show to pass"
    )
    return tuple(told), False


def unlike(first: ScanSurvey, survey: ScanSurvey) -> tuple[str, ...]:
    """A line where a scan is in another unit than another one beside it."""
    if first is survey or not first.views or first.uncalibrated != survey.uncalibrated:
        return ()
    try:
        require_scale(NominalShown.of(list(first.views.values())), survey.views, scan=survey.scan)
    except ModMapError as error:
        return (str(error).replace("the nominal scan", f"scan {first.scan}"),)
    return ()
