"""Recordings of depth cameras that a scan is to be made of."""

from __future__ import annotations

from typing import Any

from tests.bad_inputs.making import cut
from tests.bad_inputs.table import Fault, Row
from tests.modmap.importing.bags import VIEWER, write_bag


def _bag(name: str, says: str, words: str = "--frames 0", **options: Any) -> Row:
    topics = options.pop("topics", VIEWER)
    return Row(
        f"bag_{name}",
        lambda w: write_bag(w.root / "a.bag", topics, **options),
        f"modmap import {{a}}.bag {words} -o {{new}}",
        "{a}.bag: " + says if says else "",
        1 if says else 0,
    )


NO_LEFT = {name: topic for name, topic in VIEWER.items() if name != "left"}
RECORDINGS = Fault(
    "A recording that can't be used",
    means="A bag of ROS 1 holds depth images and images of the same pixels, seen by the same camera. `--frames` says which are views.",
    do="Record infrared 1 beside depth, or align depth to colour; name two topics where several could be meant. A recording that was cut "
    "off is mended by `rosbag reindex`.",
    rows=(
        _bag("whole", ""),
        _bag(
            "no_frames",
            "expected the numbers of frames that are to be views, from 0 to 3, in order, each once (--frames), found none",
            " ",
        ),
        _bag(
            "frame_beyond",
            "expected the numbers of frames that are to be views, from 0 to 3, in order, each once (--frames), found 4",
            "--frames 0 4",
        ),
        _bag(
            "no_image_of_the_depth_s_pixels",
            "expected one depth topic and one image topic with the same camera (RealSense: depth and infrared 1, or depth that was aligned to the colour), found none of ...: name two with --topics",
            topics=NO_LEFT,
        ),
        _bag(
            "topics_unknown",
            "expected the topics of the depth and of the image, two of ..., found /depth",
            "--frames 0 --topics /depth /device_0/sensor_0/Infrared_2/image/data",
        ),
        _bag(
            "no_unit",
            "expected the unit of the depth, which /device_0/sensor_0/Depth_0/image/data (mono16) doesn't say, found none: name it with --unit (m, mm, 0.1mm or millimetres per unit)",
            unit=None,
        ),
        _bag(
            "other_unit",
            "expected no --unit, as its depth is in units of 1 mm, found one of 1000 mm",
            "--frames 0 --unit m",
        ),
        _bag(
            "inverse_lens",
            "/device_0/sensor_0/Depth_0/info/camera_info: expected a camera of OpenCV's pinhole model, found one of the inverse model, ...",
            lens=(0.1, 0, 0, 0, 0),
            model="Inverse Brown Conrady",
        ),
        _bag(
            "encoding",
            "expected pixels of 16UC1, mono16, 32FC1, mono8, 8UC1, bgr8, rgb8, bgra8, rgba8, found 'yuv422'",
            picture="yuv422",
        ),
        Row(
            "bag_cut",
            lambda w: cut(write_bag(w.root / "a.bag", VIEWER)),
            "modmap import {a}.bag --frames 0 -o {new}",
            "{a}.bag: expected a whole ROS 1 bag, found a damaged one (...): one that was cut off is mended by rosbag reindex",
        ),
        Row(
            "bag_other",
            lambda w: w.write("a.bag", b"x" * 3000),
            "modmap import {a}.bag --frames 0 -o {new}",
            "{a}.bag: expected a whole ROS 1 bag, found a damaged one (...): one that was cut off is mended by rosbag reindex",
        ),
    ),
)

FAULTS = (RECORDINGS,)
