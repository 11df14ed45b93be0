"""COLMAP's models that a scan is to be made of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.bad_inputs.table import Fault, Row
from tests.bad_inputs.workspace import Workspace
from tests.modmap.importing.colmap_files import write_colmap


def _model(change: Callable[[Path], object] = lambda place: None) -> Callable[[Workspace], object]:
    """The workspace's scan as COLMAP's."""

    def make(w: Workspace) -> None:
        from modmap.datasets import load_scan

        write_colmap(w.root, load_scan(w.scan))
        change(w.root / "sparse")

    return make


def _edited(name: str, old: str, new: str) -> Callable[[Path], object]:
    def change(place: Path) -> None:
        path = place / name
        path.write_text(path.read_text().replace(old, new, 1))

    return change


def _colmap(name: str, change: Callable[[Path], object], says: str, status: int = 1, words: str = "") -> Row:
    words = words or "--images {photographs} --depth {depth} --unit mm"
    return Row(f"colmap_{name}", _model(change), f"modmap import {{sparse}} {words} -o {{new}}", says, status)


def _in_binary(place: Path) -> None:
    for path in list(place.iterdir()):
        path.rename(path.with_suffix(".bin"))


def _few_points(place: Path) -> None:
    path = place / "points3D.txt"
    path.write_text("\n".join(path.read_text().splitlines()[:20]))


MODELS = Fault(
    "A COLMAP model that can't be used",
    means="The model is read as text. Photographs alone leave its unit open: it is measured by the depth maps at the model's points, or "
    "given. Cameras are of OpenCV's pinhole model with its lens at most.",
    do="Name the photographs, a depth map for each, and the depth's unit. Undistort fisheye photographs, and the depth maps alike.",
    rows=(
        _colmap("whole", lambda place: None, "", 0),
        _colmap(
            "binary",
            _in_binary,
            "{sparse}: expected a COLMAP model as text, with cameras.txt and images.txt, found a binary one: colmap model_converter --input_path {sparse} --output_path {sparse} --output_type TXT",
        ),
        _colmap(
            "alone",
            lambda place: None,
            "{sparse}: expected the photographs, the depth maps and the depth's unit beside a COLMAP model, found no --images, no --depth, no --unit",
            words=" ",
        ),
        _colmap(
            "no_scale",
            lambda place: (place / "points3D.txt").unlink(),
            "{sparse}: expected 30 points of points3D.txt with a depth, by which the model's unit is measured, found 0: give it with --pose-unit (millimetres per unit)",
        ),
        _colmap(
            "few_points",
            _few_points,
            "{sparse}: expected 30 points of points3D.txt with a depth, by which the model's unit is measured, found 19: give it with --pose-unit (millimetres per unit)",
        ),
        _colmap(
            "fisheye",
            _edited("cameras.txt", "PINHOLE", "OPENCV_FISHEYE"),
            "{sparse}/cameras.txt: line 2: expected one of SIMPLE_PINHOLE, PINHOLE, SIMPLE_RADIAL, RADIAL, OPENCV, FULL_OPENCV, found OPENCV_FISHEYE: undistort the photographs (colmap image_undistorter) and the depth maps alike",
        ),
        _colmap(
            "parameters",
            _edited("cameras.txt", "PINHOLE", "SIMPLE_PINHOLE"),
            "{sparse}/cameras.txt: line 2: expected 3 parameters of SIMPLE_PINHOLE, found 4",
        ),
        _colmap(
            "camera_line",
            _edited("cameras.txt", "PINHOLE 80 60", "PINHOLE"),
            "{sparse}/cameras.txt: line 2: expected 4 parameters of PINHOLE, found 2",
        ),
        _colmap(
            "no_camera",
            lambda place: (place / "cameras.txt").write_text("# none\n"),
            "{sparse}/images.txt: line 2: expected a camera of cameras.txt, found 1",
        ),
        _colmap(
            "image_line",
            lambda place: (place / "images.txt").write_text("1 1 0 0 0\n\n"),
            "{sparse}/images.txt: line 1: expected IMAGE_ID, QW, QX, QY, QZ, TX, TY, TZ, CAMERA_ID and NAME, found '1 1 0 0 0'",
        ),
        _colmap(
            "pose_words",
            lambda place: (place / "images.txt").write_text("1 a b c d 0 0 0 1 v00.png\n\n"),
            "{sparse}/images.txt: line 1: expected numbers, found 'a b c d 0 0 0'",
        ),
        _colmap(
            "no_images",
            lambda place: (place / "images.txt").write_text("# none\n"),
            "{sparse}/images.txt: expected at least one image, found none",
        ),
        _colmap(
            "no_cameras_file",
            lambda place: (place / "cameras.txt").unlink(),
            "{sparse}/cameras.txt: cannot be read: No such file or directory",
        ),
        _colmap(
            "no_photograph",
            lambda place: (place.parent / "photographs" / "v02.png").unlink(),
            "{photographs}/v02.png: expected the photograph that images.txt names, found none",
        ),
        _colmap(
            "no_depth",
            lambda place: (place.parent / "depth" / "v02.npy").unlink(),
            "{depth}: expected the depth map of a photograph, v02 with an ending of .npy, .npz, .exr, .tif, .tiff, .png, found none",
        ),
    ),
)

FAULTS = (MODELS,)
