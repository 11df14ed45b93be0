"""A fitted model on disk: config.json, model.safetensors, a model card, the frozen encoders if asked, the reference."""

from __future__ import annotations

import json
import tempfile
import typing
from collections.abc import Callable, Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from pydantic import BaseModel, ConfigDict, model_validator
from torch import Tensor

from modmap.calibration import Calibration
from modmap.config import ModMapConfig, merged
from modmap.detector.calibration_files import CALIBRATION_NAME, write_calibrations
from modmap.detector.expected import ExpectedDistances
from modmap.detector.fitted import FittedModel, named_tensors, new_mapper
from modmap.detector.reference import REFERENCE_NAME, References, read_references, write_references
from modmap.detector.trained_state import TrainedState
from modmap.encoding.encoder_pair import EncoderPair
from modmap.encoding.stored_encoder import ENCODER_FILES
from modmap.encoding.token_encoder import TokenEncoder
from modmap.errors import ModMapError, one_line
from modmap.files.atomic import write_bytes
from modmap.files.places import require_directory
from modmap.files.renewal import finish, renewed
from modmap.files.validated_json import read_json, validate
from modmap.types import Modality

FORMAT = 1
CONFIG_NAME, WEIGHTS_NAME, CARD_NAME, ENCODERS_NAME = (
    "config.json",
    "model.safetensors",
    "README.md",
    "encoders",
)
FILES = (CONFIG_NAME, CARD_NAME, WEIGHTS_NAME, CALIBRATION_NAME, REFERENCE_NAME)
ENCODER_COPIES = tuple(
    f"{ENCODERS_NAME}/{modality}/{name}" for modality in typing.get_args(Modality) for name in ENCODER_FILES
)


class _ModelRecord(BaseModel):
    model_config = ConfigDict(extra="forbid")

    format: int
    config: ModMapConfig
    trained: TrainedState

    @model_validator(mode="after")
    def _mapping_is_whole(self) -> _ModelRecord:
        if self.config.evidence.mapping:
            trained = self.trained
            for modality, channels in (("image", trained.image_channels), ("depth", trained.depth_channels)):
                if channels < 1 or modality not in trained.fingerprints:
                    raise ValueError(
                        f"trained: expected channels and a fingerprint of the {modality} encoder"
                    )
            if not trained.losses:
                raise ValueError("trained: expected the losses of some epochs")
        return self


def save(
    directory: Path,
    model: FittedModel,
    *,
    encoders: Mapping[str, TokenEncoder],
    calibrations: Mapping[str, Calibration],
) -> Path:
    """Writes a model; it takes the place of one that the directory holds all at once, and other files stay.

    Args:
        directory: Where to; made if missing.
        model: The model.
        encoders: By modality, those to put copies of beside it.
        calibrations: By category, its thresholds.

    Raises:
        ModMapError: as `require_place`.
        FullDiskError: the disk is full; the model that was there stays.
    """
    require_place(directory)
    config = model.config

    def ours() -> list[str]:
        require_place(directory)
        kept = not encoders and _uses_encoders_of(directory, config)
        return [*FILES, *([] if kept else ENCODER_COPIES)]

    with renewed(directory, last=CONFIG_NAME, ours=ours) as new:
        for modality, encoder in encoders.items():
            encoder.save(new / ENCODERS_NAME / modality)
        weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.weights.items()}
        if model.references:
            write_references(model.references, new)
        write_bytes(new / WEIGHTS_NAME, safetensors.torch.save(weights, metadata={"format": "pt"}))
        write_bytes(new / CARD_NAME, _card(config, model.trained).encode())
        write_calibrations(new, calibrations, model=model.fingerprint)
        record = _ModelRecord(format=FORMAT, config=config, trained=model.trained)
        write_bytes(new / CONFIG_NAME, (record.model_dump_json(indent=2) + "\n").encode())
    return directory


def require_place(directory: Path) -> None:
    """Checks that a model may be written to a directory: what it would take the place of is a model's.

    Raises:
        ModMapError: it isn't, or a file is in the way.
        OSError: a model that was being written when its writer was killed can't be moved to its place.
    """
    require_directory(directory, what="a model")
    if directory.resolve() == Path(directory.resolve().anchor):
        raise ModMapError(
            f"{directory}: expected a directory to write a model to, found the root of all files"
        )
    if directory.is_dir():
        finish(directory)
    if _is_model(directory):
        return
    copies = (f"{ENCODERS_NAME}/{modality}" for modality in typing.get_args(Modality))
    theirs = next((name for name in (*FILES, *copies) if (directory / name).exists()), None)
    if theirs is not None:
        raise ModMapError(
            f"{directory}: expected a new directory or a model's to write a model to, found one with another {theirs}"
        )


def _is_model(directory: Path) -> bool:
    try:
        content = read_json(directory / CONFIG_NAME)
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and "trained" in content


def _uses_encoders_of(directory: Path, config: ModMapConfig) -> bool:
    """A model that was loaded from this directory may need the encoders that lie in it."""
    references = (config.image_encoder.reference or "", config.depth_encoder.reference or "")
    home = (directory / ENCODERS_NAME).resolve()
    return any(home in Path(text.removeprefix("local-dir:")).resolve().parents for text in references)


def locate(source: str) -> Path:
    """The directory of a model: itself, or a copy of the hub repo of that name.

    Raises:
        ModMapError: there is no such directory, and the hub has or answers nothing.
    """
    directory = Path(source)
    if directory.is_dir():
        return directory
    if source.count("/") != 1 or source.startswith((".", "/", "~")):
        raise ModMapError(f"{source}: expected a model's directory or a hub repo ORG/NAME, found neither")
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(source))
    except Exception as error:
        reason = one_line(error, longest=200)
        raise ModMapError(f"{source}: no such directory, and the hub doesn't give it: {reason}") from None


def load(directory: Path) -> tuple[ModMapConfig, TrainedState]:
    """Reads a model's config.json.

    Raises:
        ModMapError: missing, broken, of another format, or with an unknown key.
    """
    path = directory / CONFIG_NAME
    data = read_json(path)
    found = data.get("format") if isinstance(data, dict) else None
    if found != FORMAT:
        raise ModMapError(f"{path}: expected a modmap model of format {FORMAT}, found {found!r}")
    record = validate(_ModelRecord, data, where=str(path))
    return record.config, record.trained


def load_fitted(
    directory: Path, config: ModMapConfig, trained: TrainedState, *, encoders: EncoderPair
) -> FittedModel:
    """Reads a model's weights, every one of them, and its nominal views where it keeps them.

    Args:
        directory: The model's.
        config: Its settings, as `load` gave them or with encoders elsewhere.
        trained: What training left behind, as `load` gave it.
        encoders: The frozen encoders, which need not be loaded.

    Raises:
        ModMapError: a file is missing or damaged, or a weight is missing, unknown or of another shape.
    """
    views, classes = len(trained.view_ids), len(trained.categories)
    mapper = expected = None
    if config.evidence.mapping:
        mapper = new_mapper(
            config,
            trained.image_channels,
            trained.depth_channels,
            views=views,
            classes=classes,
            device=encoders.device,
        ).eval()
    if trained.places:
        expected = ExpectedDistances(classes, views, trained.places).to(encoders.device)
    _fill(named_tensors(mapper, expected), directory / WEIGHTS_NAME)
    references = read_references(directory) if config.evidence.keeps_views else {}
    _require_references_fit(references, config, trained, path=directory / REFERENCE_NAME)
    return FittedModel(config, encoders, mapper, expected, trained, references)


def _require_references_fit(
    references: References, config: ModMapConfig, trained: TrainedState, *, path: Path
) -> None:
    """Checks that the nominal views are of the classes and the views that the model knows."""
    if not config.evidence.keeps_views:
        return
    classes = trained.categories or [""]
    if sorted(references) != sorted(classes):
        raise ModMapError(
            f"{path}: expected nominal views of {', '.join(classes) or 'one class'}, found those of "
            f"{', '.join(references) or 'none'}"
        )
    unknown = {view for one in references.values() for view in one.frames} - set(trained.view_ids)
    if unknown:
        raise ModMapError(
            f"{path}: expected nominal views that the model was trained on ({', '.join(trained.view_ids)}), found "
            f"{', '.join(sorted(unknown))}"
        )


def _fill(expected: Mapping[str, Tensor], path: Path) -> None:
    """Copies the tensors of a file into those of a model."""
    if not path.is_file():
        raise ModMapError(f"{path}: expected the model's weights, found no file")
    try:
        found = safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, OSError) as error:
        raise ModMapError(
            f"{path}: expected a whole safetensors file, found a damaged one ({one_line(error)})"
        ) from None
    missing, unknown = sorted(expected.keys() - found.keys()), sorted(found.keys() - expected.keys())
    if missing or unknown:
        raise ModMapError(
            f"{path}: expected every weight of the model and no other, missing: {', '.join(missing) or 'none'}; "
            f"unknown: {', '.join(unknown) or 'none'}"
        )
    for name, tensor in found.items():
        if tensor.shape != expected[name].shape:
            raise ModMapError(
                f"{path}: weight {name}: expected shape {tuple(expected[name].shape)}, found {tuple(tensor.shape)}"
            )
        if not torch.isfinite(tensor).all():
            raise ModMapError(f"{path}: weight {name}: expected finite numbers, found NaN or infinity")
    with torch.no_grad():
        for name, tensor in found.items():
            expected[name].copy_(tensor)


def included_encoder(directory: Path, modality: str) -> str | None:
    """The reference of the encoder that lies in a model's directory, if one does."""
    path = directory / ENCODERS_NAME / modality
    return f"local-dir:{path}" if path.is_dir() else None


def with_encoder(config: ModMapConfig, modality: str, reference: str) -> ModMapConfig:
    """The same config with one encoder taken from elsewhere."""
    changes = {f"{modality}_encoder": {"reference": reference}}
    return ModMapConfig.model_validate(merged(config.model_dump(), changes))


def push(repo_id: str, write: Callable[[Path], Path], *, private: bool) -> str:
    """Writes a model to a temporary directory and uploads it; returns the repo's address."""
    from huggingface_hub import HfApi

    api = HfApi()
    with tempfile.TemporaryDirectory() as directory:
        write(Path(directory))
        try:
            address = str(api.create_repo(repo_id, private=private, exist_ok=True))
            api.upload_folder(repo_id=repo_id, folder_path=directory, commit_message="Upload a ModMap model")
        except Exception as error:
            reason = one_line(error, longest=200)
            raise ModMapError(f"{repo_id}: the hub didn't take the model: {reason}") from None
    return address


def _card(config: ModMapConfig, state: TrainedState) -> str:
    settings = json.dumps(config.model_dump(), indent=2)
    categories = ", ".join(state.categories) or "one (class-specific)"
    learnt = ["# ModMap model", ""]
    names = ", ".join(state.scans)
    if config.evidence.mapping:
        learnt += [
            f"Cross-view cross-modal feature mappings learnt on {len(state.scans)} nominal scan(s): {names}.",
            "",
            f"- image encoder: {config.image_encoder.reference}, depth encoder: {config.depth_encoder.reference} "
            "(frozen)",
            f"- loss: {state.losses[-1]:.4f} after {len(state.losses)} epochs",
        ]
    else:
        learnt += [f"Nominal views of {names}, which scans are laid on and compared with.", ""]
    facts = "\n".join(learnt)
    return f"""---
library_name: modmap
tags: [anomaly-detection, multi-view, depth, 3d]
---
{facts}
- views: {", ".join(state.view_ids)}
- categories: {categories}

```python
from modmap import ModMap, Scan

model = ModMap.from_pretrained("PATH_OR_REPO")
result = model.predict(Scan.load("new_part"))
```

Settings:

```json
{settings}
```
"""
