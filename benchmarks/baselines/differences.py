"""How far finished runs differ from the first of them, on the same resamples of the same test scans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.evaluations.intervals import percentile_interval
from benchmarks.evaluations.resample_files import Resamples
from benchmarks.runs.markdown import NO_NUMBER, markdown
from modmap.errors import ModMapError

EXPLAINED = (
    "A run's metric less that of the first run, and 95% of the differences on 1000 resamples of the test scans, the "
    "same for both: where they hold 0, the runs show no difference."
)


def differences_table(
    names: Sequence[str],
    runs: Sequence[Resamples],
    values: Sequence[Mapping[str, float]],
    *,
    keys: Mapping[str, str],
) -> str:
    """Markdown: a row for each run but the first, its difference from the first in each of some metrics.

    Args:
        names: What the rows are called.
        runs: Their resamples.
        values: Their metrics over the test scans as they are, by the keys of the resamples.
        keys: The heading of each metric that is compared, by its key.

    Raises:
        ModMapError: two runs were resampled over different test scans.
    """
    for name, run in zip(names[1:], runs[1:], strict=True):
        for category, scans in run.scans.items():
            first = runs[0].scans.get(category, scans)
            if list(scans) != list(first):
                raise ModMapError(
                    f"table: expected the same test scans of {category}, {len(first)} of {names[0]}, "
                    f"found {len(scans)} others of {name}"
                )
    rows = [
        [name, *(_difference(key, runs[0], run, values[0], value) for key in keys)]
        for name, run, value in zip(names[1:], runs[1:], values[1:], strict=True)
    ]
    return f"{markdown([f'less {names[0]}', *keys.values()], rows)}\n\n{EXPLAINED}"


def _difference(
    key: str,
    first: Resamples,
    other: Resamples,
    first_values: Mapping[str, float],
    values: Mapping[str, float],
) -> str:
    if key not in first.metrics or key not in other.metrics:
        return NO_NUMBER
    interval = percentile_interval(other.metrics[key] - first.metrics[key])
    text = f"{values[key] - first_values[key]:+.3f} {interval}"
    return f"{text}, no difference" if interval.holds_zero else text
