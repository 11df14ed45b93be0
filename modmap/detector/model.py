"""ModMap: fit on a nominal scan, predict the anomaly volume of others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from modmap.calibration import DEFAULT_SHARE, Calibration
from modmap.config import ModMapConfig, make_config, merged
from modmap.detector import model_files
from modmap.detector.calibrate import calibrations_of
from modmap.detector.calibration_files import read_calibrations
from modmap.detector.fit import fit_scans
from modmap.detector.fitted import FittedModel
from modmap.detector.predict import predict_scan
from modmap.detector.trained_state import TrainedState
from modmap.device import choose_device
from modmap.encoding.encoder_pair import EncoderPair
from modmap.encoding.token_cache import TokenCache
from modmap.encoding.token_encoder import TokenEncoder
from modmap.errors import ModMapError
from modmap.files.renewal import read_whole
from modmap.result import Result
from modmap.scan import Scan
from modmap.volume import VoxelGrid


class ModMap:
    """Multi-view image + depth anomaly detection in 3D from one nominal scan.

    >>> model = ModMap().fit(Scan.load("good_part"))
    >>> result = model.predict(Scan.load("new_part"))
    >>> result.score, result.volume.scores.shape

    Args:
        preset: `inspect` compares scans with the nominal one; `memory` looks for patches like none of several good
            scans'; `paper` maps features, to the letter of the paper, and
            `fast` as far as a laptop can.
        device: `auto`, `cpu`, `cuda`, `cuda:1`, `mps`.
        image_encoder: Short for `settings={"image_encoder": {"reference": ...}}`.
        depth_encoder: Short for `settings={"depth_encoder": {"reference": ...}}`.
        settings: Any other setting, nested as in `modmap.config.ModMapConfig`.
        token_cache: Keeps tokens on disk between runs; without it they are computed anew for every fit and prediction.
        depth_features: Takes the depth encoder's place: anything that turns a depth map into a grid of tokens, given
            the image encoder's grid.

    Raises:
        ModMapError: a setting is unknown or out of range.
    """

    def __init__(
        self,
        preset: str = "inspect",
        *,
        device: str = "auto",
        image_encoder: str | None = None,
        depth_encoder: str | None = None,
        settings: Mapping[str, Any] | None = None,
        token_cache: TokenCache | None = None,
        depth_features: Callable[[int], TokenEncoder] | None = None,
    ) -> None:
        references = {"image_encoder": image_encoder, "depth_encoder": depth_encoder}
        named = {key: {"reference": value} for key, value in references.items() if value is not None}
        self.config: ModMapConfig = make_config(preset, merged(settings or {}, named))
        if named and not self.config.evidence.mapping:
            raise ModMapError(
                f"{next(iter(named))}: expected a preset that maps features (fast, paper), or evidence.mapping=true, "
                f"to name an encoder for, found preset {preset} without"
            )
        self.device = choose_device(device)
        self.token_cache = token_cache
        self._encoders = EncoderPair(
            self.config, device=self.device, cache=token_cache, depth_features=depth_features
        )
        self._fitted: FittedModel | None = None
        self.calibrations: dict[str, Calibration] = {}

    @property
    def fitted(self) -> FittedModel:
        """The fitted model itself: encoders, mappings, and what training left behind.

        Raises:
            ModMapError: there is none yet.
        """
        if self._fitted is None:
            raise ModMapError("model: expected a fitted model: call fit, or load one with from_pretrained")
        return self._fitted

    @property
    def trained(self) -> TrainedState:
        """What training left behind: views, categories, grids, losses.

        Raises:
            ModMapError: the model hasn't been fitted.
        """
        return self.fitted.trained

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all that a score depends on: weights, settings, encoders.

        Raises:
            ModMapError: the model hasn't been fitted.
        """
        return self.fitted.fingerprint

    def fit(
        self, scans: Scan | Sequence[Scan], *, progress: bool = False, keep: str | Path | None = None
    ) -> ModMap:
        """Keeps the nominal scans to compare others with, and learns the mappings on them (Sec. 3.2.2), as asked.

        Args:
            scans: One nominal scan, or several good ones, of several categories for a multi-class model. Scans are laid
                on the first of a category and compared with it; what the others show against it is a good part's.
                Memory and mapping learn from all.
            progress: Show bars with the loss on standard error.
            keep: A directory that keeps tokens and the state of the training as they come: a fit that was killed and
                is called again resumes, and ends with the same weights. It may be removed once the model is saved.

        Returns:
            This model.

        Raises:
            ModMapError: a scan can't be used; every view is read and checked before the first is encoded.
        """
        scans = [scans] if isinstance(scans, Scan) else list(scans)
        self._fitted = fit_scans(
            self.config,
            self._encoders,
            scans,
            fingerprints=None if self._fitted is None else self.trained.fingerprints,
            progress=progress,
            keep=None if keep is None else Path(keep),
        )
        self.calibrations = {}
        return self

    def calibrate(
        self,
        good_scans: Scan | Sequence[Scan],
        *,
        false_alarm_rate: float | None = None,
        surface_share: float = DEFAULT_SHARE,
        progress: bool = False,
        failed: Callable[[str], None] | None = None,
    ) -> ModMap:
        """Sets the thresholds that verdicts are by (`modmap.calibration.Calibration` says what they promise).

        Args:
            good_scans: Good scans that the model wasn't trained on; one a class at least for a multi-class model. With
                the training scan alone (told by its name) the thresholds are an estimate from its jittered copies, or
                where the model keeps none, from its views, each mapped from the others; of a model that only compares,
                a constant multiple of what the nominal scan lets a good part show.
            false_alarm_rate: In (0, 1). A rate needs ceil(1 / rate) - 1 good scans; None takes 0.05, or the lowest
                that the scans can hold.
            surface_share: In [0, 1): how much of a good part may lie over the pixel's and the voxel's thresholds.
            progress: Show bars on standard error.
            failed: Called with a line on each good scan that can't be used, which is left out; None: it is an error.

        Returns:
            This model; `calibrations` has the thresholds by class, under an empty name where there are none.

        Raises:
            ModMapError: a scan can't be used, the rate needs more scans, or training scans are among the good ones.
        """
        scans = [good_scans] if isinstance(good_scans, Scan) else list(good_scans)
        self.calibrations |= calibrations_of(
            self.fitted,
            scans,
            false_alarm_rate=false_alarm_rate,
            surface_share=surface_share,
            progress=progress,
            failed=failed,
        )
        return self

    def predict(
        self,
        scan: Scan,
        *,
        volume: bool | None = None,
        grid: VoxelGrid | None = None,
        category: str | None = None,
        progress: bool = False,
    ) -> Result:
        """Scores a scan (Secs. 3.2.3 and 3.2.4).

        Args:
            scan: A scan with some or all of the views that the model was trained on, matched by id.
            volume: True demands a volume, False leaves it out, None makes one if every view has a camera.
            grid: Where the volume's voxels are; None takes the training scan's grid, grown to hold this scan. Points
                outside a grid that is given are dropped, and a note says how many.
            category: The class, for a multi-class model; None takes the scan's own.
            progress: Show a bar on standard error.

        Raises:
            ModMapError: the model isn't fitted, a view is unknown to it or unreadable, the class is unknown, a
                volume is demanded and a view has no camera, or an encoder isn't the one that the model was trained
                with.
        """
        name = self.fitted.trained.class_of(scan, category=category)
        return predict_scan(
            self.fitted,
            scan,
            volume=volume,
            grid=grid,
            category=category,
            calibration=self.calibrations.get(name),
            progress=progress,
        )

    def check(self, scan: Scan, *, category: str | None = None) -> None:
        """Checks, without reading pixels, that a scan fits the model.

        Raises:
            ModMapError: a view or the class is unknown to the model, or a file is missing.
        """
        self.trained.check_scan(scan, category=category)

    def save_pretrained(self, directory: str | Path, *, include_encoders: bool = False) -> Path:
        """Writes the model: `config.json`, `model.safetensors`, `README.md`, and `calibration.json` if calibrated.

        Args:
            directory: Where to; made if missing.
            include_encoders: Put copies of the frozen encoders in, so that the directory needs nothing else.

        Raises:
            ModMapError: the model hasn't been fitted, or the directory holds other files of these names.
            FullDiskError: the disk is full; the model that was there stays.
        """
        fitted = self.fitted
        encoders = {}
        if include_encoders:
            encoders = dict(
                zip(("image", "depth"), fitted.encoders.load(fitted.trained.fingerprints), strict=True)
            )
        return model_files.save(Path(directory), fitted, encoders=encoders, calibrations=self.calibrations)

    @classmethod
    def from_pretrained(
        cls,
        source: str | Path,
        *,
        device: str = "auto",
        image_encoder: str | None = None,
        depth_encoder: str | None = None,
        token_cache: TokenCache | None = None,
        depth_features: Callable[[int], TokenEncoder] | None = None,
        recalibrate: bool = False,
    ) -> ModMap:
        """Loads a model from a directory or a hub repo.

        Args:
            source: What `save_pretrained` wrote, or `ORG/NAME` on the hub.
            device: As in the constructor.
            image_encoder: Where the image encoder is, if elsewhere than on the machine that trained.
            depth_encoder: Where the depth encoder is.
            token_cache: As in the constructor.
            depth_features: As in the constructor; what the model was trained with, where it was.
            recalibrate: Its thresholds are about to be set anew: damaged ones, and those of other settings or weights,
                are left out.

        Raises:
            ModMapError: a file is missing or damaged, or a weight is missing, renamed or of another shape (it is
                named), or the thresholds are of other settings or weights. The encoders are loaded and compared with
                those of the training by the first prediction.
        """
        directory = model_files.locate(str(source))
        load = partial(
            cls._loaded,
            directory,
            references=(image_encoder, depth_encoder),
            device=device,
            token_cache=token_cache,
            depth_features=depth_features,
            recalibrate=recalibrate,
        )
        return read_whole(directory, model_files.CONFIG_NAME, load)

    @classmethod
    def _loaded(
        cls,
        directory: Path,
        *,
        references: tuple[str | None, str | None],
        device: str,
        token_cache: TokenCache | None,
        depth_features: Callable[[int], TokenEncoder] | None,
        recalibrate: bool,
    ) -> ModMap:
        config, state = model_files.load(directory)
        for modality, override in zip(("image", "depth"), references, strict=True):
            reference = override or model_files.included_encoder(directory, modality)
            if reference is not None:
                config = model_files.with_encoder(config, modality, reference)
        model = cls(
            config.preset,
            device=device,
            settings=config.model_dump(),
            token_cache=token_cache,
            depth_features=depth_features,
        )
        model._fitted = model_files.load_fitted(directory, model.config, state, encoders=model._encoders)
        try:
            model.calibrations = read_calibrations(directory, model=model.fingerprint)
        except ModMapError:
            if not recalibrate:
                raise
        return model

    def push_to_hub(self, repo_id: str, *, private: bool = False, include_encoders: bool = True) -> str:
        """Uploads the model to the Hugging Face hub; returns the repo's address."""
        return model_files.push(
            repo_id,
            lambda directory: self.save_pretrained(directory, include_encoders=include_encoders),
            private=private,
        )
