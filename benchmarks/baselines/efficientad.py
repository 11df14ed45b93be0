"""EfficientAD (Batzner 2024) by anomalib's model: a student, an autoencoder, and a teacher, given or distilled here."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from benchmarks.baselines.distilled_teacher import Lesson, distil
from benchmarks.baselines.method import ViewScores
from benchmarks.baselines.photographs import Photographs
from benchmarks.baselines.settings import BaselineSettings
from benchmarks.baselines.teacher_file import is_file, load_teacher
from benchmarks.baselines.views import SeenView, ViewReader
from benchmarks.features.choice import make_encoder
from benchmarks.features.cnn import Layers
from benchmarks.features.pixels import padded_image
from modmap.config import EncoderSettings
from modmap.encoding.autocast import computing_in
from modmap.encoding.square import Square
from modmap.encoding.token_encoder import TokenEncoder
from modmap.errors import ModMapError
from modmap.scan import Frame
from modmap.types import Precision

TEACHER = (
    "efficientad_pretrained_weights.zip of anomalib's releases, a safetensors file of the same names, or an encoder "
    "to distil one from, as dinov2_vits14"
)
PENALTY = "a folder of photographs, as ImageNette"
LAST_SHARE, LAST_RATE = 0.95, 0.1
ENCODER_SCALE = 2  # the teacher has a place every four pixels, more than a patch of most encoders
HELD_OUT = 10
MOST_PHOTOGRAPHS = 200  # whose features are kept while a teacher is distilled
QUANTILES = {"qa": 0.9, "qb": 0.995}


class EfficientADSettings(BaselineSettings):
    """Of the published training; it has features of its own and no encoder beside the teacher.

    Attributes:
        size: Published with 256 pixels, the least that the autoencoder takes; a multiple of 4, as the maps have a
            place every four.
        model_size: Of teacher and student.
        teacher: The pretrained teacher's weights: `.pth` as anomalib releases it, or `.safetensors`; or an encoder of
            the image, as `benchmarks.features.choice`, to distil one from.
        teacher_steps: Of distilling one, of one picture each: a nominal view or a photograph.
        penalty_images: Photographs of anything, on which the student must not follow the teacher.
        steps: Of one view and one photograph each.
        learning_rate: Of Adam; a tenth of it in the last twentieth of the steps.
        precision: What the networks' convolutions are computed in; their weights, their statistics and the student's
            distance from the teacher are float32 in either. bfloat16 is faster where the machine has it, and far
            slower where it is emulated.
    """

    size: int = Field(256, ge=256, multiple_of=4)
    smoothing: float = Field(0.0, ge=0, le=1)
    model_size: Literal["small", "medium"] = "small"
    teacher: str | None = None
    teacher_steps: int = Field(10_000, ge=1)
    penalty_images: Path | None = None
    steps: int = Field(70_000, ge=1)
    learning_rate: float = Field(1e-4, gt=0)
    precision: Precision = "float32"


class EfficientAD:
    """anomalib's networks, losses and maps; the training loop and the views are ours.

    Every tenth nominal view, or one at least where there are two, is held out of the training for the quantiles that
    the two maps are scaled by.

    Args:
        settings: Of the training, and where the teacher is.
        device: Where the networks live.
    """

    title: ClassVar[str] = "EfficientAD"
    layers: ClassVar[Layers] = "middle"
    settings_type: ClassVar[type[BaselineSettings]] = EfficientADSettings

    def __init__(self, settings: Any, *, device: torch.device) -> None:
        self.settings: EfficientADSettings = settings
        self._device = device
        self._model: Any = None

    def require(self, reader: ViewReader) -> None:
        """Checks that the teacher and the photographs are there.

        Raises:
            ModMapError: they aren't, an encoder is named, or anomalib isn't installed.
        """
        settings = self.settings
        if reader.modalities:
            raise ModMapError(f"efficientad: expected no encoder, found {settings.features}")
        files = {"penalty_images": (settings.penalty_images, PENALTY)}
        if settings.teacher is None or is_file(settings.teacher):
            teacher = None if settings.teacher is None else Path(settings.teacher)
            files = {"teacher": (teacher, TEACHER), **files}
        for name, (path, what) in files.items():
            if path is None or not path.exists():
                found = "none" if path is None else f"nothing at {path}"
                raise ModMapError(f"efficientad: needs {name}, {what} (--set {name}=PATH), found {found}")
        self._photographs()
        _require_anomalib()

    def fit(self, views: Iterable[SeenView]) -> float:
        """Trains student and autoencoder as published, one view and one photograph a step."""
        settings = self.settings
        encoder = self._teachers_encoder()
        pixels, lessons = [], []
        colour = False
        for view in views:
            colour |= settings.colour and view.frame.colour is not None
            pixels.append(self._pixels(view.frame))
            if encoder is not None:
                lessons.append(self._lesson(view.frame, encoder))
        held_out = pixels[::HELD_OUT] if len(pixels) > 1 else pixels
        trained = [one for index, one in enumerate(pixels) if index % HELD_OUT] or pixels
        devices = [self._device] if self._device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(settings.seed)
            model = self._new()
            if encoder is None:
                assert settings.teacher is not None
                load_teacher(model.teacher, Path(settings.teacher))
            else:
                lessons += self._photographed(encoder, colour=colour)
                with self._precision():
                    distil(
                        model.teacher,
                        lessons,
                        channels=model.teacher_out_channels,
                        steps=settings.teacher_steps,
                        learning_rate=settings.learning_rate,
                    )
            with self._precision():
                model.mean_std.update(_mean_and_std(model.teacher, trained))
            self._train(model, trained)
        model.requires_grad_(False).eval()
        with self._precision():
            maps = [model.get_maps(one, normalize=False) for one in held_out]
        for index, name in enumerate(("st", "ae")):
            values = torch.cat([one[index].flatten() for one in maps]).double().cpu().numpy()
            for quantile, share in QUANTILES.items():
                model.quantiles[f"{quantile}_{name}"] = torch.tensor(
                    np.quantile(values, share), dtype=torch.float32, device=self._device
                )
        self._model = model.requires_grad_(False)  # the quantiles came after
        return max(float(self._map(one).max()) for one in pixels)

    @torch.inference_mode()
    def score(self, view: SeenView) -> ViewScores:
        """The mean of the two scaled maps, at the grid's size; the view's score is the part's largest."""
        found = self._map(self._pixels(view.frame))
        grid = view.square.grid
        resized = F.interpolate(found, size=(grid, grid), mode="bilinear", align_corners=False)[0, 0]
        scores = resized[torch.from_numpy(view.mapped).to(resized.device)]
        return ViewScores(view.grid_of(scores), float(scores.max()))

    def state(self) -> dict[str, Tensor]:
        """All networks' weights, the teacher's statistics and the quantiles."""
        return {} if self._model is None else dict(self._model.state_dict())

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Takes them back.

        Raises:
            ModMapError: anomalib isn't installed.
        """
        self._model = self._new()
        self._model.load_state_dict(dict(state), strict=True)
        self._model.requires_grad_(False).eval()

    def _new(self) -> Any:
        _require_anomalib()
        from anomalib.models.image.efficient_ad.torch_model import EfficientAdModel, EfficientAdModelSize

        model = EfficientAdModel(model_size=EfficientAdModelSize(self.settings.model_size))
        # The faster order on every device.
        return model.to(self._device).to(memory_format=torch.channels_last)

    def _precision(self) -> AbstractContextManager[Any]:
        return computing_in(self.settings.precision, self._device)

    def _map(self, pixels: Tensor) -> Tensor:
        """(1, 1, h, w) float32, scaled by the quantiles."""
        with self._precision():
            found: Tensor = self._model(pixels).anomaly_map
        return found.float()

    def _train(self, model: Any, views: list[Tensor]) -> None:
        settings = self.settings
        parameters = [*model.student.parameters(), *model.ae.parameters()]
        optimiser = torch.optim.Adam(parameters, lr=settings.learning_rate, weight_decay=1e-5)
        schedule = torch.optim.lr_scheduler.StepLR(
            optimiser, step_size=max(1, int(LAST_SHARE * settings.steps)), gamma=LAST_RATE
        )
        photographs = iter(self._photographs())
        model.train()
        for _ in range(settings.steps):
            view = views[int(torch.randint(len(views), ()))]
            photograph = next(photographs).to(self._device)
            with self._precision():
                losses = model(view, batch_imagenet=photograph)
            optimiser.zero_grad(set_to_none=True)
            sum(losses).backward()
            optimiser.step()
            schedule.step()
        # What isn't a number stays none, so the last step tells of all.
        if not all(torch.isfinite(one).all() for one in parameters):
            raise ModMapError(
                f"efficientad: expected finite weights after {settings.steps} steps, found some that are no number: "
                "lower learning_rate"
            )

    def _pixels(self, frame: Frame) -> Tensor:
        """(1, 3, size, size) in [0, 1]: the image in its square."""
        square = Square(*frame.shape, grid=1)
        padded = torch.from_numpy(padded_image(frame, square, colour=self.settings.colour))[None]
        size = (self.settings.size, self.settings.size)
        resized = F.interpolate(padded, size=size, mode="bilinear", antialias=True, align_corners=False)
        return resized.expand(-1, 3, -1, -1).to(self._device)

    def _teachers_encoder(self) -> TokenEncoder | None:
        """What the teacher is distilled from; None where its weights are given.

        Raises:
            ModMapError: the encoder's weights aren't here.
        """
        teacher = self.settings.teacher
        if teacher is None or is_file(teacher):
            return None
        size = ENCODER_SCALE * self.settings.size
        encoder = make_encoder(
            EncoderSettings(reference=teacher), "image", size=size, colour=self.settings.colour
        )
        if encoder is None:
            raise ModMapError(f"efficientad: expected teacher to be a file or an encoder, found {teacher!r}")
        return encoder.to(self._device) if isinstance(encoder, torch.nn.Module) else encoder

    def _lesson(self, frame: Frame, encoder: TokenEncoder) -> Lesson:
        return Lesson(self._pixels(frame), encoder.tokens(frame, device=self._device))

    def _photographed(self, encoder: TokenEncoder, *, colour: bool) -> list[Lesson]:
        """Some of the photographs, in colour or gray as the views are, and what the encoder sees in them."""
        photographs, found = self._photographs(), []
        for picture in itertools.islice(photographs, min(len(photographs.files), MOST_PHOTOGRAPHS)):
            gray = (255 * picture[0].mean(dim=0)).round().byte().numpy()
            rgb = (255 * picture[0].permute(1, 2, 0)).round().byte().numpy() if colour else None
            depth = np.ones(gray.shape, np.float32)
            found.append(self._lesson(Frame("photograph", gray, depth, colour=rgb), encoder))
        return found

    def _photographs(self) -> Photographs:
        folder = self.settings.penalty_images
        assert folder is not None
        return Photographs(folder, size=self.settings.size)


def _require_anomalib() -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import anomalib.models  # noqa: F401
    except ImportError as error:
        raise ModMapError(f"efficientad: needs anomalib (pip install anomalib): {error}") from None


@torch.no_grad()
def _mean_and_std(teacher: torch.nn.Module, views: list[Tensor]) -> dict[str, Tensor]:
    """(1, C, 1, 1) of each channel of the teacher's outputs on views (1, 3, size, size)."""
    places = torch.cat([teacher(one)[0].flatten(1).float() for one in views], dim=1)
    return {
        "mean": places.mean(dim=1)[None, :, None, None],
        "std": places.std(dim=1, correction=0).clamp_min(1e-6)[None, :, None, None],
    }
