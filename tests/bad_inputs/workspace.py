"""A directory of small good things, each made once and copied where a row asks for it."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
WIDTH, HEIGHT = 80, 60


class Pristine:
    """Good things on disk, made when they are first asked for.

    Args:
        root: An empty directory.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def get(self, name: str) -> Path:
        """Where a good thing is."""
        path = self.root / name
        if not path.exists():
            getattr(self, f"_{name}")(path)
        return path

    def _scan(self, path: Path) -> None:
        from modmap.datasets import write_scan
        from tests.synthetic_scans import ball_scan

        scan = ball_scan(views=4, width=WIDTH, height=HEIGHT)
        write_scan(replace(scan, name="ball"), path)

    def _sim3d(self, path: Path) -> None:
        """A category of SiM3D's layout: a real training scan and a test scan, with OpenCV's calibration beside them."""
        import cv2

        from tests.synthetic_scans import ball_scan

        scan = ball_scan(views=3, width=WIDTH, height=HEIGHT)
        for name in ("ball_real", "ball_00_bad"):
            place = path / "ball" / name
            for folder in ("rgb", "depth"):
                (place / folder).mkdir(parents=True)
            for index, frame in enumerate(scan.frames()):
                cv2.imwrite(str(place / "rgb" / f"{index:03d}_2.png"), frame.image)
                np.save(place / "depth" / f"{index:03d}.npy", frame.depth)
        first = scan.views[0].camera
        assert first is not None
        storage = cv2.FileStorage(str(path / "ball" / "calib.xml"), cv2.FILE_STORAGE_WRITE)
        storage.write("mtxL", first.K)
        storage.write("distL", np.zeros((1, 5)))
        storage.write("wL", float(WIDTH))
        storage.write("hL", float(HEIGHT))
        storage.release()
        lines = []
        for view in scan.views:
            assert view.camera is not None
            lines.append(" ".join(str(value) for value in view.camera.T_camera_to_world.ravel()))
        (path / "ball" / "pose.txt").write_text("\n".join(lines) + "\n")

    def _truth(self, path: Path) -> None:
        """A ground truth whose masks aren't packed."""
        mask = np.zeros((4, 5, 6), bool)
        mask[1:3, 1:3, 1:3] = True
        np.savez(path.with_suffix(".npz"), mask=mask, origin=np.zeros(3), voxel=np.float64(2.0))
        path.with_suffix(".npz").rename(path)

    def _encoder(self, path: Path) -> None:
        from tests.modmap.conftest import write_encoder

        write_encoder(path)

    def _depth_encoder(self, path: Path) -> None:
        from tests.modmap.conftest import write_encoder

        write_encoder(path, channels=24, in_chans=1, seed=1, depth_normalisation="robust")

    def _model(self, path: Path) -> None:
        """A model of the preset inspect, calibrated with its own scan."""
        from modmap import ModMap, Scan

        scan = Scan.load(self.get("scan"))
        model = ModMap(device="cpu").fit(scan)
        model.calibrate(scan)
        model.save_pretrained(path)

    def _mapping(self, path: Path) -> None:
        """A model of the preset fast, its tiny encoders beside it."""
        from modmap import ModMap, Scan

        model = ModMap(
            "fast",
            device="cpu",
            image_encoder=f"local-dir:{self.get('encoder')}",
            depth_encoder=f"local-dir:{self.get('depth_encoder')}",
            settings={
                "size": 56,
                "image_encoder": {"precision": "float32"},
                "depth_encoder": {"precision": "float32"},
                "training": {"epochs": 2},
                "inference": {"voxel": 8},
            },
        )
        scan = Scan.load(self.get("scan"))
        model.fit(scan).calibrate(scan)
        model.save_pretrained(path)

    def _results(self, path: Path) -> None:
        """What `modmap predict` writes of a scan, by the calibrated mapping model."""
        from modmap.cli import main

        with contextlib.suppress(SystemExit):
            main(["predict", str(self.get("mapping")), str(self.get("scan")), "-o", str(path)])

    def _corpus(self, path: Path) -> None:
        from tests.dino_depth.tiny_corpus import write_tiny_corpus

        write_tiny_corpus(path, maps=6, size=32)

    def _run(self, path: Path) -> None:
        from tests.dino_depth.runs import write_run

        write_run(path)

    def _published(self, path: Path) -> None:
        from dino_depth.publish import publish

        publish(self.get("run"), path)


class Workspace:
    """A row's own copies of good things, made when they are first asked for.

    Args:
        root: An empty directory.
        pristine: What is copied.
    """

    def __init__(self, root: Path, pristine: Pristine) -> None:
        self.root = root
        self._pristine = pristine

    def __getitem__(self, name: str) -> Path:
        """A path by the name that a command's words have for it: of a copy, or where nothing is yet."""
        path = self.root / name
        if hasattr(self._pristine, f"_{name}") and not path.exists():
            good = self._pristine.get(name)
            if good.is_dir():
                shutil.copytree(good, path)
            else:
                shutil.copyfile(good, path)
        return path

    @property
    def scan(self) -> Path:
        """A scan of four views in the plain layout."""
        return self["scan"]

    @property
    def model(self) -> Path:
        """A calibrated model of the preset inspect."""
        return self["model"]

    @property
    def mapping(self) -> Path:
        """A calibrated model of the preset fast."""
        return self["mapping"]

    @property
    def category(self) -> Path:
        """The same part in SiM3D's layout."""
        return self["sim3d"] / "ball"

    @property
    def result(self) -> Path:
        """What a prediction of the scan left."""
        path = self["results"] / "ball"
        _edit_text(path / "summary.json", str(self._pristine.get("scan")), str(self.scan))
        return path

    def write(self, name: str, content: bytes | str) -> Path:
        """A new file."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def set(self, path: Path, keys: str, value: Any) -> None:
        """Gives a key of a JSON file, by its dotted name, another value; or none, where that is `GONE`."""

        def change(content: Any) -> None:
            *outer, last = [int(key) if key.isdigit() else key for key in keys.split("/")]
            for key in outer:
                content = content[key]
            if value is GONE:
                del content[last]
            else:
                content[last] = value

        edit(path, change)

    def image(self, name: str, content: bytes) -> Path:
        """The first view's image, another file."""
        path = self.scan / name
        path.write_bytes(content)
        self.set(self.scan / "scan.json", "views/0/image", name)
        return path

    def depth(self, name: str, content: bytes | Array) -> Path:
        """The first view's depth, another file."""
        path = self.scan / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            np.save(path, content)
        self.set(self.scan / "scan.json", "views/0/depth", name)
        return path

    @property
    def pixels(self) -> Array:
        """(H, W) the first view's image as it was."""
        import cv2

        return np.asarray(cv2.imread(str(self.scan / "image" / "00.png"), cv2.IMREAD_UNCHANGED))

    @property
    def millimetres(self) -> Array:
        """(H, W) the first view's depth as it was."""
        return np.asarray(np.load(self.scan / "depth" / "00.npy"))


GONE = object()


def edit(path: Path, change: Callable[[Any], object]) -> None:
    """Changes what a JSON file holds."""
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def _edit_text(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text().replace(json.dumps(old)[1:-1], json.dumps(new)[1:-1]))
