"""Recordings with the topics of RealSense's viewer and of ROS, written by rosbags, which also reads them in modmap."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.modmap.importing.clouds import HEIGHT, WIDTH, K, depth_map, image

FRAME = 33_333_333  # ns
VIEWER = {
    "depth": "/device_0/sensor_0/Depth_0/image/data",
    "left": "/device_0/sensor_0/Infrared_1/image/data",
    "right": "/device_0/sensor_0/Infrared_2/image/data",
    "unit": "/device_0/sensor_0/option/Depth_Units/value",
}
ROS = {"depth": "/camera/aligned_depth_to_color/image_raw", "left": "/camera/color/image_raw"}


def camera_topic(topic: str) -> str:
    """The camera of a topic of images."""
    if topic.endswith("/image/data"):
        return topic.removesuffix("/image/data") + "/info/camera_info"
    return topic.rsplit("/", 1)[0] + "/camera_info"


def write_bag(
    path: Path,
    topics: dict[str, str],
    *,
    encoding: str = "mono16",
    unit: float | None = 0.001,
    count: int = 4,
    picture: str = "8UC1",
    lens: tuple[float, ...] = (0, 0, 0, 0, 0),
    model: str = "Brown Conrady",
) -> Path:
    """`count` frames of the sheet, that many mm farther away as their number is, the image 10 ms after each depth."""
    from rosbags.rosbag1 import Writer
    from rosbags.typesys import Stores, get_typestore

    store = get_typestore(Stores.ROS1_NOETIC)
    types = store.types

    def header(time: int) -> Any:
        stamp = types["builtin_interfaces/msg/Time"](sec=time // 10**9, nanosec=time % 10**9)
        return types["std_msgs/msg/Header"](seq=0, stamp=stamp, frame_id="0")

    def message(pixels: Any, kind: str, time: int) -> Any:
        data = np.ascontiguousarray(pixels)
        return types["sensor_msgs/msg/Image"](
            header=header(time),
            height=HEIGHT,
            width=WIDTH,
            encoding=kind,
            is_bigendian=0,
            step=data.strides[0],
            data=data.view(np.uint8).ravel(),
        )

    info = types["sensor_msgs/msg/CameraInfo"](
        header=header(0),
        height=HEIGHT,
        width=WIDTH,
        distortion_model=model,
        D=np.array(lens, dtype=np.float64),
        K=K.ravel(),
        R=np.eye(3).ravel(),
        P=np.c_[K, np.zeros(3)].ravel(),
        binning_x=0,
        binning_y=0,
        roi=types["sensor_msgs/msg/RegionOfInterest"](0, 0, 0, 0, False),
    )
    with Writer(path) as writer:

        def write(topic: str, kind: str, time: int, content: Any) -> None:
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=store)
            writer.write(connections[topic], time, store.serialize_ros1(content, kind))

        connections: dict[str, Any] = {}
        if unit is not None and "unit" in topics:
            write(topics["unit"], "std_msgs/msg/Float32", 0, types["std_msgs/msg/Float32"](data=unit))
        for name in ("depth", "left", "right"):
            if name in topics:
                write(camera_topic(topics[name]), "sensor_msgs/msg/CameraInfo", 0, info)
        for index in range(count):
            time = 10**9 + index * FRAME
            depth = np.where(depth_map() > 0, np.round(depth_map()) + index, 0)
            stored = depth.astype(np.uint16) if encoding != "32FC1" else (depth / 1000).astype(np.float32)
            write(topics["depth"], "sensor_msgs/msg/Image", time, message(stored, encoding, time))
            grey = image() + index
            pixels = {"8UC1": grey, "16UC1": grey * np.uint16(257)}.get(
                picture, np.stack([grey, grey, 255 - grey], axis=-1)
            )
            for name in ("left", "right"):
                if name in topics:
                    later = time + 10_000_000
                    write(topics[name], "sensor_msgs/msg/Image", later, message(pixels, picture, later))
    return path
