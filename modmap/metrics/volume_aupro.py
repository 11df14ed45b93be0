"""V-AUPRO: how well defects are found in the volume.

It is exact: every distinct score is a threshold and equal scores are passed together. A grid of thresholds would
be an approximation that depends on the highest score: where few of its steps fall below FPR = 1%, it underestimates
V-AUPRO@1%.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from modmap.errors import ModMapError
from modmap.metrics.defect_labels import BoolArray, Connectivity, IntArray, label_defects
from modmap.metrics.highest import FloatArray, highest
from modmap.metrics.volume_checks import check_choice, check_defects, check_limit, check_volume

Float64Array = npt.NDArray[np.float64]
NominalVoxels = Literal["observed", "all"]
UnobservedGroundTruth = Literal["miss", "ignore"]


@dataclass(frozen=True)
class DefectArea:
    """One defect's share in V-AUPRO: what the metric would be if it were the only defect.

    Attributes:
        scan: Name of its scan.
        index: Its number among the defects of its scan (from 0): as `label_defects` numbers them, or in the order of
            the numbers they were given as.
        voxels: Its size.
        area: Its normalised area in [0, 1].
    """

    scan: str
    index: int
    voxels: int
    area: float


class VolumeAUPRO:
    """V-AUPRO@limit: how much of each defect is found before `limit` of the nominal voxels raise an alarm.

    For a threshold t, PRO(t) is the fraction of a defect's voxels that score at least t, averaged over all
    defects of all scans; FPR(t) is the fraction of the nominal voxels of all scans together that score at
    least t. The curve starts at (0, 0) and runs in straight lines through the points of every distinct score;
    its area up to FPR = limit, interpolated there, is divided by limit.

    The paper (appendix A.1) takes this metric from SiM3D, whose evaluation code is not public. AUPRO by its
    name fixes two things: every defect weighs the same, whatever its size and scan, and one threshold holds
    for all scans, since an inspection does not know which part it is looking at. The rest is open, so it is
    an argument here, with these defaults:

    - `connectivity=26`: voxels that touch by a face, edge or corner are one defect. Under 6, a scratch that
      runs diagonally would fall apart into many defects and weigh as much as all of them. Where it is known
      which voxels are whose, `update` takes that instead: a defect in several pieces still counts once.
    - `nominal="observed"`: only voxels that some view saw count as nominal. Most of a volume is air and the
      part's inside; counted too, they would make 1% of the volume more than the part's whole surface, and
      the limit would bind nobody. "all" counts them, with a score below every other.
    - `unobserved_ground_truth="miss"`: defect voxels that no view saw count in the defect's size and are
      never found, at any threshold: leaving views out must not raise the result. "ignore" leaves them out of
      the size, and a defect never seen at all out of the mean; `ignored_components` tells how many.

    Works as well on 2D maps (H, W), where connectivity 26 and 18 mean 8 neighbours and 6 means 4.

    Args:
        connectivity: neighbours of a voxel when ground truth is split into defects: 6, 18 or 26. Of no account
            in scans whose `defects` are given.
        nominal: which voxels outside the ground truth are counted in the FPR: "observed" or "all".
        unobserved_ground_truth: what an unobserved voxel of a defect counts as: "miss" or "ignore".

    Raises:
        ModMapError: an argument has another value than these.
    """

    def __init__(
        self,
        *,
        connectivity: Connectivity = 26,
        nominal: NominalVoxels = "observed",
        unobserved_ground_truth: UnobservedGroundTruth = "miss",
    ) -> None:
        check_choice("connectivity", connectivity, get_args(Connectivity))
        check_choice("nominal", nominal, get_args(NominalVoxels))
        check_choice("unobserved_ground_truth", unobserved_ground_truth, get_args(UnobservedGroundTruth))
        self._connectivity = connectivity
        self._count_unobserved_nominal = nominal == "all"
        self._ignore_unobserved = unobserved_ground_truth == "ignore"
        self._scans = 0
        self._components = 0
        self._ignored_components = 0
        self._nominal_voxels = 0
        self._nominal_scores: list[FloatArray] = []
        self._component_scores: list[FloatArray] = []
        self._component_weights: list[Float64Array] = []
        self._component_of: list[IntArray] = []
        self._named: list[tuple[str, int, int]] = []

    @property
    def components(self) -> int:
        """Defects that the mean is taken over, in all scans so far."""
        return self._components

    @property
    def ignored_components(self) -> int:
        """Defects left out because none of their voxels was observed (`unobserved_ground_truth="ignore"`)."""
        return self._ignored_components

    def update(
        self,
        scores: npt.ArrayLike,
        ground_truth: npt.ArrayLike,
        *,
        observed: npt.ArrayLike | None = None,
        defects: npt.ArrayLike | None = None,
        name: str = "",
    ) -> None:
        """Adds a scan. Keeps the scores of its observed voxels, not the volume.

        Args:
            scores: (X, Y, Z) or (H, W) floats, higher meaning more anomalous; NaN where never observed.
            ground_truth: bool, same shape, True on defects. All False for a nominal scan.
            observed: bool, same shape, True where some view saw the voxel; `~isnan(scores)` if left out.
            defects: integers, same shape, over 0 on defects and 0 elsewhere: voxels of one number are one defect,
                touching or not. If left out, what touches is one (`connectivity`).
            name: the scan's name, for error messages.

        Raises:
            ModMapError: shapes or types are wrong, an observed voxel's score is NaN or infinite, or the defects
                are not where the ground truth is.
        """
        name = name or f"scan {self._scans}"
        volume, truth, seen = check_volume(scores, ground_truth, observed=observed, name=name)
        numbers = None if defects is None else check_defects(defects, truth, name)
        self._scans += 1
        nominal_scores = volume[seen & ~truth]
        self._nominal_scores.append(nominal_scores)
        nominal_everywhere = truth.size - int(np.count_nonzero(truth))
        self._nominal_voxels += nominal_everywhere if self._count_unobserved_nominal else len(nominal_scores)
        if truth.any():
            self._add_components(volume, truth, seen, numbers, name)

    def _add_components(
        self, volume: FloatArray, truth: BoolArray, seen: BoolArray, numbers: IntArray | None, name: str
    ) -> None:
        box = ndimage.find_objects(truth.view(np.uint8), max_label=1)[0]
        inside = truth[box]
        component, count = self._split(inside, None if numbers is None else numbers[box])
        component_seen = seen[box][inside]
        found = component[component_seen]
        sizes = np.bincount(found if self._ignore_unobserved else component, minlength=count)
        counted = int(np.count_nonzero(sizes))
        self._components += counted
        self._ignored_components += count - counted
        self._component_scores.append(volume[box][inside][component_seen])
        self._component_weights.append(1.0 / sizes[found])
        kept = np.flatnonzero(sizes)
        position = np.zeros(count, dtype=np.int64)
        position[kept] = len(self._named) + np.arange(counted)
        self._component_of.append(position[found])
        self._named += [(name, int(index), int(sizes[index])) for index in kept]

    def _split(self, truth: BoolArray, numbers: IntArray | None) -> tuple[IntArray, int]:
        """The defect, from 0, of each voxel of the ground truth in flat order, and how many there are."""
        if numbers is None:
            labels, count = label_defects(truth, connectivity=self._connectivity)
            return labels[truth] - 1, count
        found, component = np.unique(numbers[truth], return_inverse=True)
        return component, len(found)

    def curve(self, *, limit: float = 1.0) -> tuple[Float64Array, Float64Array]:
        """The PRO curve up to FPR = limit.

        Points inside a straight run of the curve are left out: what is returned are its corners.

        Args:
            limit: false positive rate to stop at, in (0, 1].

        Returns:
            (fpr, pro): two (P,) arrays in [0, 1], both ascending, from (0, 0) to fpr = limit.

        Raises:
            ModMapError: limit is out of range, there is no defect in any scan, or no nominal voxel.
        """
        check_limit(limit)
        self._check_complete()
        nominal, least = self._alarming(limit)
        thresholds, pro = self._overlaps(least)
        alarms_above = len(nominal) - np.searchsorted(nominal, thresholds, side="right")
        alarms_at = len(nominal) - np.searchsorted(nominal, thresholds, side="left")
        # PRO rises only at a defect voxel's score, and slanted where nominal voxels tie with it.
        steps = np.stack([alarms_above, alarms_at], axis=1).ravel()
        alarms = np.concatenate([[0], steps, [self._nominal_voxels]])
        return _cut(alarms / self._nominal_voxels, np.repeat(np.append(0.0, pro), 2), limit)

    def _alarming(self, limit: float) -> tuple[FloatArray, float]:
        """The nominal scores, ascending, that tell the curve up to a limit, and the threshold that they reach to."""
        found = highest(self._nominal_scores, int(limit * self._nominal_voxels) + 2)
        every = sum(len(scores) for scores in self._nominal_scores)
        # Below it so many alarms are raised that the limit is passed.
        return found, float(found[0]) if len(found) < every else -np.inf

    def _overlaps(self, least: float) -> tuple[FloatArray, Float64Array]:
        """The defects' distinct scores from `least` on, highest first, and PRO with each as the threshold."""
        scores, weights = np.concatenate(self._component_scores), np.concatenate(self._component_weights)
        counted = scores >= least
        ascending, step = np.unique(scores[counted], return_inverse=True)
        gains = np.bincount(step, weights[counted], minlength=len(ascending))
        # A sum of many fractions may pass the whole by a rounding error.
        return ascending[::-1], np.minimum(np.cumsum(gains[::-1]) / self._components, 1.0)

    def compute(self, limit: float = 0.01) -> float:
        """V-AUPRO@limit over the scans so far.

        Args:
            limit: false positive rate to integrate up to, in (0, 1]; the paper's is 0.01.

        Returns:
            The normalised area in [0, 1].

        Raises:
            ModMapError: limit is out of range, there is no defect in any scan, or no nominal voxel.
        """
        return self.compute_limits([limit])[limit]

    def compute_limits(self, limits: Iterable[float]) -> dict[float, float]:
        """V-AUPRO at several limits, from one sort.

        Args:
            limits: false positive rates, each in (0, 1], at least one.

        Returns:
            The normalised area in [0, 1], by limit.

        Raises:
            ModMapError: as `compute`, or there is no limit.
        """
        limits = list(limits)
        if not limits:
            raise ModMapError("limits: expected at least one false positive rate, found none")
        for limit in limits:
            check_limit(limit)
        fpr, pro = self.curve(limit=max(limits))
        areas: dict[float, float] = {}
        for limit in limits:
            x, y = _cut(fpr, pro, limit)
            areas[limit] = float(((x[1:] - x[:-1]) * (y[1:] + y[:-1])).sum()) / 2 / limit
        return areas

    def defect_areas(self, limit: float = 0.01) -> list[DefectArea]:
        """V-AUPRO@limit of each defect by itself, at the false positive rates of all scans together.

        Their mean is `compute(limit)`: the metric is a mean over defects, so it splits by any grouping of them.

        Args:
            limit: false positive rate to integrate up to, in (0, 1].

        Raises:
            ModMapError: as `compute`.
        """
        check_limit(limit)
        self._check_complete()
        nominal, _ = self._alarming(limit)
        scores = np.concatenate(self._component_scores)
        first = (len(nominal) - np.searchsorted(nominal, scores, side="right")) / self._nominal_voxels
        last = (len(nominal) - np.searchsorted(nominal, scores, side="left")) / self._nominal_voxels
        # Found in full from `last` on; where nominal voxels tie, its share rises in a line from `first`.
        rising = np.clip(limit - first, 0, last - first)
        slanted = np.divide(rising**2, 2 * (last - first), out=np.zeros_like(first), where=last > first)
        gained = (np.clip(limit - last, 0, None) + slanted) * np.concatenate(self._component_weights)
        areas = np.bincount(np.concatenate(self._component_of), gained, minlength=len(self._named)) / limit
        return [DefectArea(*named, float(area)) for named, area in zip(self._named, areas, strict=True)]

    def _check_complete(self) -> None:
        if self._components == 0:
            raise ModMapError(
                f"empty ground truth: expected a defect in some scan, found none in {self._scans} scans, "
                f"{self._ignored_components} left out as never observed"
            )
        if self._nominal_voxels == 0:
            raise ModMapError(f"no nominal voxel: expected observed ones, found none in {self._scans} scans")


def volume_aupro(
    volumes: Sequence[npt.ArrayLike],
    ground_truths: Sequence[npt.ArrayLike],
    *,
    limit: float = 0.01,
    observed: Sequence[npt.ArrayLike] | None = None,
    defects: Sequence[npt.ArrayLike] | None = None,
    names: Sequence[str] | None = None,
    connectivity: Connectivity = 26,
    nominal: NominalVoxels = "observed",
    unobserved_ground_truth: UnobservedGroundTruth = "miss",
) -> float:
    """V-AUPRO@limit of several scans together, as `VolumeAUPRO` defines it.

    Args:
        volumes: scores of each scan, (X, Y, Z) or (H, W) floats, NaN where never observed.
        ground_truths: bool, one for each volume and of its shape.
        limit: false positive rate to integrate up to, in (0, 1].
        observed: bool, one for each volume and of its shape; `~isnan` of each volume if left out.
        defects: integers, one for each volume and of its shape, which defect each voxel is of; what touches is one
            defect if left out.
        names: the scans' names, for error messages.
        connectivity, nominal, unobserved_ground_truth: as for `VolumeAUPRO`.

    Returns:
        The normalised area in [0, 1].

    Raises:
        ModMapError: the sequences' lengths differ, or as `VolumeAUPRO.update` and `VolumeAUPRO.compute`.
    """
    others = {"ground_truths": ground_truths, "observed": observed, "defects": defects, "names": names}
    for argument, sequence in others.items():
        if sequence is not None and len(sequence) != len(volumes):
            raise ModMapError(
                f"{argument}: expected one for each of {len(volumes)} volumes, found {len(sequence)}"
            )
    metric = VolumeAUPRO(
        connectivity=connectivity, nominal=nominal, unobserved_ground_truth=unobserved_ground_truth
    )
    for index, (volume, ground_truth) in enumerate(zip(volumes, ground_truths, strict=True)):
        metric.update(
            volume,
            ground_truth,
            observed=None if observed is None else observed[index],
            defects=None if defects is None else defects[index],
            name="" if names is None else names[index],
        )
    return metric.compute(limit)


def _cut(fpr: Float64Array, pro: Float64Array, limit: float) -> tuple[Float64Array, Float64Array]:
    inside = int(np.searchsorted(fpr, limit, side="right"))
    if fpr[inside - 1] == limit:
        return fpr[:inside], pro[:inside]
    share = (limit - fpr[inside - 1]) / (fpr[inside] - fpr[inside - 1])
    at_limit = pro[inside - 1] + share * (pro[inside] - pro[inside - 1])
    return np.append(fpr[:inside], limit), np.append(pro[:inside], at_limit)
