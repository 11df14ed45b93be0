"""AST, the asymmetric student and teacher (Rudolph 2023): where a network fails to follow a normalising flow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from benchmarks.baselines.coupling_flow import CouplingFlow
from benchmarks.baselines.method import ViewScores
from benchmarks.baselines.settings import BaselineSettings
from benchmarks.baselines.views import SeenView, ViewReader
from benchmarks.features.cnn import Layers
from modmap.config import EncoderSettings
from modmap.errors import ModMapError

POSITION_CHANNELS = 32
STUDENT_BLOCKS = 4


class ASTSettings(BaselineSettings):
    """EfficientNet-B5's features of the image; those of depth beside them where an encoder is named.

    Attributes:
        size: Published with 768 pixels, 24 tokens along a side.
        teacher_channels: Inside the flow's networks.
        student_channels: Inside the student.
        teacher_epochs: Passes over the nominal views.
        student_epochs: Passes of the student over the training views.
        views_per_batch: Views in a step.
        learning_rate: Of Adam.
    """

    size: int = Field(768, ge=28)
    image_encoder: EncoderSettings = EncoderSettings(reference="tf_efficientnet_b5")
    teacher_channels: int = Field(64, ge=1)
    student_channels: int = Field(1024, ge=1)
    teacher_epochs: int = Field(240, ge=1)
    student_epochs: int = Field(240, ge=1)
    views_per_batch: int = Field(8, ge=1)
    learning_rate: float = Field(2e-4, gt=0)


class Student(nn.Module):
    """A plain convolutional network, which can't but follow the teacher's mapping by what it has seen (Sec. 3.3).

    Args:
        channels: C of the map.
        conditions: Channels of the condition.
        hidden: Channels inside.
        seed: Of the weights.
    """

    def __init__(self, channels: int, *, conditions: int, hidden: int, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.entry = _block(channels + conditions, hidden)
            self.blocks = nn.ModuleList(
                nn.Sequential(_block(hidden, hidden), _block(hidden, hidden)) for _ in range(STUDENT_BLOCKS)
            )
            self.exit = nn.Conv2d(hidden, channels, 1)

    def forward(self, maps: Tensor, conditions: Tensor) -> Tensor:
        """(B, C, H, W) -> the same shape."""
        hidden = self.entry(torch.cat([maps, conditions], dim=1))
        for block in self.blocks:
            hidden = hidden + block(hidden)
        output: Tensor = self.exit(hidden)
        return output


class AST:
    """Teacher and student on the standardised features of whole views; only the part's places are learnt from.

    Args:
        settings: Which features, and the training.
        device: Where both live.
    """

    title: ClassVar[str] = "AST"
    layers: ClassVar[Layers] = "deep"
    settings_type: ClassVar[type[BaselineSettings]] = ASTSettings

    def __init__(self, settings: Any, *, device: torch.device) -> None:
        self.settings: ASTSettings = settings
        self._device = device
        self.mean = torch.zeros(0, device=device)
        self.std = torch.ones(0, device=device)
        self.teacher: CouplingFlow | None = None
        self.student: Student | None = None

    def require(self, reader: ViewReader) -> None:
        """Checks that there are features.

        Raises:
            ModMapError: there are none.
        """
        if not reader.modalities:
            raise ModMapError("ast: expected features of the image, of depth or of both, found none")

    def fit(self, views: Iterable[SeenView]) -> float:
        """Trains the flow to the likelihood of the nominal features, then the student to the flow's output."""
        seen = [(features(view), torch.from_numpy(view.mapped).to(self._device)) for view in views]
        maps, mapped = torch.stack([one for one, _ in seen]), torch.stack([one for _, one in seen])
        of_part = maps.permute(0, 2, 3, 1)[mapped]
        self.mean, self.std = of_part.mean(dim=0), of_part.std(dim=0).clamp_min(1e-6)
        maps = self._standardised(maps)
        teacher, student = self._new(maps.shape[1])
        conditions = positions(maps.shape[-1]).to(self._device)

        def unlikelihood(some: Tensor) -> Tensor:
            found = teacher.log_likelihood(maps[some], conditions.expand(len(some), -1, -1, -1))
            return -found[mapped[some]].mean() / maps.shape[1]

        self._train(teacher, unlikelihood, epochs=self.settings.teacher_epochs, views=len(maps))
        teacher.requires_grad_(False).eval()

        def disagreement(some: Tensor) -> Tensor:
            beside = conditions.expand(len(some), -1, -1, -1)
            gap: Tensor = (teacher(maps[some], beside)[0] - student(maps[some], beside)).square().mean(dim=1)
            return gap[mapped[some]].mean()

        self._train(student, disagreement, epochs=self.settings.student_epochs, views=len(maps))
        student.requires_grad_(False).eval()
        self.teacher, self.student = teacher, student
        return max(float(self._gaps(one[None])[place].max()) for one, place in zip(maps, mapped, strict=True))

    def score(self, view: SeenView) -> ViewScores:
        """A place's score is the mean squared difference of the two outputs (Eq. 6); the view's, the largest."""
        gaps = self._gaps(self._standardised(features(view)[None]))
        found = gaps[torch.from_numpy(view.mapped).to(gaps.device)]
        return ViewScores(view.grid_of(found), float(found.max()))

    def state(self) -> dict[str, Tensor]:
        """Both networks and the features' mean and spread."""
        networks = {"teacher": self.teacher, "student": self.student}
        return {
            "mean": self.mean,
            "std": self.std,
            **{
                f"{name}.{key}": tensor
                for name, network in networks.items()
                if network is not None
                for key, tensor in network.state_dict().items()
            },
        }

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Takes all of it back."""
        self.mean, self.std = state["mean"], state["std"]
        self.teacher, self.student = self._new(len(self.mean))
        for name, network in (("teacher.", self.teacher), ("student.", self.student)):
            weights = {key.removeprefix(name): one for key, one in state.items() if key.startswith(name)}
            network.load_state_dict(weights, strict=True)
            network.requires_grad_(False).eval()

    def _new(self, channels: int) -> tuple[CouplingFlow, Student]:
        settings, conditions = self.settings, POSITION_CHANNELS
        teacher = CouplingFlow(
            channels, conditions=conditions, hidden=settings.teacher_channels, seed=settings.seed
        )
        student = Student(
            channels, conditions=conditions, hidden=settings.student_channels, seed=settings.seed + 1
        )
        return teacher.to(self._device), student.to(self._device)

    def _train(
        self, network: nn.Module, loss_of: Callable[[Tensor], Tensor], *, epochs: int, views: int
    ) -> None:
        drawn = torch.Generator().manual_seed(self.settings.seed)
        optimiser = torch.optim.Adam(
            network.parameters(), lr=self.settings.learning_rate, eps=1e-8, weight_decay=1e-5
        )
        network.train()
        for _ in range(epochs):
            for some in torch.split(torch.randperm(views, generator=drawn), self.settings.views_per_batch):
                loss = loss_of(some)
                optimiser.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()

    def _standardised(self, maps: Tensor) -> Tensor:
        return (maps - self.mean[:, None, None]) / self.std[:, None, None]

    @torch.inference_mode()
    def _gaps(self, maps: Tensor) -> Tensor:
        """(H, W) of standardised features (1, C, H, W)."""
        assert self.teacher is not None
        assert self.student is not None
        conditions = positions(maps.shape[-1]).to(maps.device)
        gaps: Tensor = (
            (self.teacher(maps, conditions)[0] - self.student(maps, conditions)).square().mean(dim=1)
        )
        return gaps[0]


def features(view: SeenView) -> Tensor:
    """(C, grid, grid) features of all modalities, side by side."""
    grid = view.square.grid
    return torch.cat(list(view.tokens.values()), dim=1).T.reshape(-1, grid, grid).clone()


def positions(grid: int) -> Tensor:
    """(1, 32, grid, grid) where a place is: sines and cosines of its row and column, of eight wavelengths each."""
    wavelengths = 10_000 ** (torch.arange(POSITION_CHANNELS // 4) / (POSITION_CHANNELS // 4))
    angle = torch.arange(grid)[:, None] / wavelengths
    waves = torch.cat([angle.sin(), angle.cos()], dim=1).T
    rows = waves[:, :, None].expand(-1, grid, grid)
    columns = waves[:, None, :].expand(-1, grid, grid)
    return torch.cat([rows, columns])[None]


def _block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.LeakyReLU(0.1))
