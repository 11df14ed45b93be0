"""Recordings of depth cameras (ROS 1 bags, as RealSense's viewer and `rosbag record` write them), read by rosbags."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from modmap.datasets.camera_models import other_model, refusal
from modmap.errors import ModMapError
from modmap.files.container_limits import ContainerError, cause, require_size
from modmap.importing.packages import reader_package
from modmap.types import Array

IMAGE, CAMERA, NUMBER = "sensor_msgs/msg/Image", "sensor_msgs/msg/CameraInfo", "std_msgs/msg/Float32"
DEPTHS = {"16UC1": np.uint16, "mono16": np.uint16, "32FC1": np.float32}
PICTURES: Mapping[str, tuple[Any, list[int]]] = {  # type, and which channels are blue, green and red
    "mono8": (np.uint8, [0]),
    "8UC1": (np.uint8, [0]),
    "bgr8": (np.uint8, [0, 1, 2]),
    "rgb8": (np.uint8, [2, 1, 0]),
    "bgra8": (np.uint8, [0, 1, 2]),
    "rgba8": (np.uint8, [2, 1, 0]),
}
BY_STANDARD = {"16UC1": 1.0, "32FC1": 1000.0}  # mm per unit, as ROS has agreed (REP 118)
METRES = 1000.0
INVERSE = "inverse"  # Brown and Conrady's lens the other way round, which OpenCV has not
UNIT_OPTION = re.compile(r"/option/Depth[ _]Units/value$", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Stream:
    """The images of one topic.

    Attributes:
        topic: Its name.
        count: How many images.
        encoding: Of their pixels, in ROS's words.
        size: (width, height).
        K: (3, 3) intrinsics; None where the recording has no camera for it.
        distortion: OpenCV's coefficients.
        beside: It was seen by the right camera of a rectified pair, though its K is the left one's.
    """

    topic: str
    count: int
    encoding: str
    size: tuple[int, int]
    K: Array | None
    distortion: Array | None
    beside: bool

    @property
    def is_depth(self) -> bool:
        """Whether its pixels are distances: 16 bit of an infrared camera aren't, 16 bit gray where its name says so."""
        name = self.topic.lower()
        return (
            self.encoding in DEPTHS and "infra" not in name and (self.encoding != "mono16" or "depth" in name)
        )


class Recording:
    """A bag that is open.

    Attributes:
        path: The file.
        streams: Its images, by topic.
    """

    def __init__(self, path: Path, reader: Any, store: Any) -> None:
        self.path, self._reader, self._store = path, reader, store
        self.streams = {topic: self._stream(topic) for topic in self._topics(IMAGE)}

    def depth_unit(self, stream: Stream) -> float | None:
        """Millimetres per unit of a stream's depth: of RealSense's own option, or ROS's convention; None: not known."""
        for topic in self._topics(NUMBER):
            if UNIT_OPTION.search(topic):
                return float(self._first(topic).data) * METRES
        return BY_STANDARD.get(stream.encoding)

    def pixels(self, *streams: Stream) -> Iterator[tuple[str, int, Any]]:
        """(topic, time in ns, message) of every image of some streams, in the order of time."""
        topics = {stream.topic for stream in streams}
        connections = [one for one in self._reader.connections if one.topic in topics]
        for connection, time, data in self._reader.messages(connections=connections):
            yield connection.topic, time, self._store.deserialize_ros1(data, connection.msgtype)

    def decoded(self, message: Any) -> Array:
        """(H, W) or (H, W, 3), blue first, of an image.

        Raises:
            ModMapError: it isn't whole, or of another encoding.
        """
        kind, channels = DEPTHS.get(message.encoding), [0]
        if kind is None:
            if message.encoding not in PICTURES:
                raise ModMapError(
                    f"{self.path}: expected pixels of {', '.join((*DEPTHS, *PICTURES))}, found {message.encoding!r}"
                )
            kind, channels = PICTURES[message.encoding]
        width, height, step = int(message.width), int(message.height), int(message.step)
        try:
            require_size(height, width)
        except ContainerError as error:
            raise ModMapError(f"{self.path}: {error}") from None
        stored = 4 if message.encoding.endswith("a8") else len(channels)
        row = width * stored * np.dtype(kind).itemsize
        data = np.asarray(message.data, dtype=np.uint8)
        if step < row or len(data) != step * height:
            raise ModMapError(f"{self.path}: expected {height} rows of {row} bytes, found {len(data)} bytes")
        rows = np.ascontiguousarray(data.reshape(height, step)[:, :row])
        pixels = (
            rows.view(np.dtype(kind).newbyteorder(">" if message.is_bigendian else "<"))
            .astype(kind)
            .reshape(height, width, stored)
        )
        return np.ascontiguousarray(pixels[..., channels] if len(channels) > 1 else pixels[..., 0])

    def _topics(self, kind: str) -> list[str]:
        return sorted({one.topic for one in self._reader.connections if one.msgtype == kind})

    def _first(self, topic: str) -> Any:
        connections = [one for one in self._reader.connections if one.topic == topic]
        for connection, _, data in self._reader.messages(connections=connections):
            return self._store.deserialize_ros1(data, connection.msgtype)
        raise ModMapError(f"{self.path}: expected a message of {topic}, found none")

    def _stream(self, topic: str) -> Stream:
        first = self._first(topic)
        count = sum(one.msgcount for one in self._reader.connections if one.topic == topic)
        K, distortion, beside = None, None, False
        # RealSense's viewer has .../image/data and .../info/camera_info, ROS .../image_raw and .../camera_info.
        above = topic.rsplit("/", 1)[0]
        names = (f"{above}/camera_info", f"{above.rsplit('/', 1)[0]}/info/camera_info")
        for name in names:
            if name in self._topics(CAMERA):
                info = self._first(name)
                K, distortion = _intrinsics(info, where=f"{self.path}: {name}")
                beside = abs(float(info.P[3])) > 0
        beside = beside or re.search(r"infra(red)?_?2", topic, re.IGNORECASE) is not None
        size = (int(first.width), int(first.height))
        return Stream(topic, count, str(first.encoding), size, K, distortion, beside)


@contextmanager
def opened_recording(path: Path) -> Iterator[Recording]:
    """A bag while it is open; what its library raises is told in one line.

    Raises:
        ModMapError: the file is missing, damaged, or was not closed; or rosbags isn't installed.
    """
    reader_package("rosbags", extra="rosbag", path=path)
    from rosbags.rosbag1 import Reader
    from rosbags.typesys import Stores, get_typestore

    if not path.is_file():
        raise ModMapError(f"{path}: expected a file, found {'a directory' if path.is_dir() else 'none'}")
    try:
        with Reader(path) as reader:
            yield Recording(path, reader, get_typestore(Stores.ROS1_NOETIC))
    except (ModMapError, GeneratorExit):
        raise
    except Exception as error:  # of a damaged file the library raises many kinds
        raise ModMapError(
            f"{path}: expected a whole ROS 1 bag, found a damaged one ({cause(error)}): one that was cut off is "
            "mended by "
            "rosbag reindex"
        ) from None


def _intrinsics(info: Any, *, where: str) -> tuple[Array, Array | None]:
    K = np.array(info.K, dtype=np.float64).reshape(3, 3)
    lens = np.array(info.D, dtype=np.float64)
    if not lens.any():
        return K, None
    model = str(info.distortion_model)
    name = INVERSE if INVERSE in model.lower() else other_model(model)
    if name is not None:
        raise ModMapError(f"{where}: {refusal(name)}")
    return K, lens
