"""Frames of a recording as views: depth, and the image whose pixels are the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from modmap.camera import Camera
from modmap.datasets.cameras import build_camera
from modmap.errors import ModMapError
from modmap.files.images import clean_depth, to_gray, to_rgb
from modmap.importing.recording import Recording, Stream, opened_recording
from modmap.scan import Frame
from modmap.types import Array

SAME_K = 0.01  # pixels
TOGETHER = 50_000_000  # ns: what an image may be apart from its depth, one and a half frames at 30 a second


def recording_views(
    path: Path,
    frames: Sequence[int],
    *,
    topics: Sequence[str],
    unit: float | None,
    poses: Mapping[str, Array] | None,
    notes: list[str],
) -> list[Callable[[], Frame]]:
    """Chosen frames of a recording as views 00, 01 and so on; to be called in order, as the file is read on.

    Args:
        path: The bag.
        frames: Numbers of depth images, from 0, in the order of time.
        topics: Of the depth and of the image; none: the one pair that has the same camera.
        unit: Millimetres per unit of the depth, where the recording doesn't say it.
        poses: (4, 4) camera to world, mm, by view id.
        notes: Gets what was found.

    Raises:
        ModMapError: the recording can't be used, there is no such frame, or no one pair of topics.
    """
    with opened_recording(path) as recording:
        depth, image = _pair(recording, topics)
        _require_frames(path, frames, depth)
        unit = _unit(recording, depth, unit)
    ids = [f"{index:0{max(2, len(str(len(frames) - 1)))}d}" for index in range(len(frames))]
    notes.append(f"{path}: depth of {depth.topic}, {unit:g} mm per unit, with the pixels of {image.topic}")
    if poses is None and len(frames) > 1:
        notes.append(
            f"no pose is known, so that the {len(frames)} views get no cameras: a recording has none. Name the "
            "poses with "
            "--poses"
        )
    alone: Mapping[str, Array] = {ids[0]: np.eye(4)} if len(ids) == 1 else {}
    cameras = {name: _camera(path, depth, pose) for name, pose in (alone if poses is None else poses).items()}
    made = _frames(path, dict(zip(frames, ids, strict=True)), depth, image, unit, cameras)
    return [partial(next, made) for _ in ids]


def _pair(recording: Recording, topics: Sequence[str]) -> tuple[Stream, Stream]:
    streams = recording.streams
    if topics:
        unknown = [topic for topic in topics if topic not in streams]
        if unknown or len(topics) != 2:
            raise ModMapError(
                f"{recording.path}: expected the topics of the depth and of the image, two of {_names(streams)}, found "
                f"{' '.join(unknown or topics)}"
            )
        depth, image = (streams[topic] for topic in topics)
        if depth.size != image.size or not depth.is_depth:
            raise ModMapError(
                f"{recording.path}: expected depth and an image of one size, found {depth.topic} ({_told(depth)}) and "
                f"{image.topic} ({_told(image)})"
            )
        return depth, image
    pairs = [
        (depth, image)
        for depth in streams.values()
        if depth.is_depth
        for image in streams.values()
        if not image.is_depth and not image.beside and _same_camera(depth, image)
    ]
    if len(pairs) != 1:
        found = " and ".join(f"{one.topic} with {other.topic}" for one, other in pairs) or "none"
        raise ModMapError(
            f"{recording.path}: expected one depth topic and one image topic with the same camera (RealSense: "
            "depth and "
            f"infrared 1, or depth that was aligned to the colour), found {found} of {_names(streams)}: name "
            "two with --topics"
        )
    return pairs[0]


def _same_camera(one: Stream, other: Stream) -> bool:
    if one.size != other.size or one.K is None or other.K is None:
        return False
    return bool(np.abs(one.K - other.K).max() < SAME_K)


def _require_frames(path: Path, frames: Sequence[int], depth: Stream) -> None:
    wrong = [frame for frame in frames if not 0 <= frame < depth.count]
    if not frames or wrong or list(frames) != sorted(set(frames)):
        raise ModMapError(
            f"{path}: expected the numbers of frames that are to be views, from 0 to {depth.count - 1}, in "
            "order, each once "
            f"(--frames), found {' '.join(map(str, wrong or frames)) or 'none'}"
        )
    if depth.K is None:
        raise ModMapError(f"{path}: expected a camera_info beside {depth.topic}, found none")


def _unit(recording: Recording, depth: Stream, given: float | None) -> float:
    said = recording.depth_unit(depth)
    if said is None and given is None:
        raise ModMapError(
            f"{recording.path}: expected the unit of the depth, which {depth.topic} ({depth.encoding}) doesn't "
            "say, found "
            "none: name it with --unit (m, mm, 0.1mm or millimetres per unit)"
        )
    if said is not None and given is not None and not np.isclose(said, given):
        raise ModMapError(
            f"{recording.path}: expected no --unit, as its depth is in units of {said:g} mm, found one of {given:g} mm"
        )
    return float(given if said is None else said)  # type: ignore[arg-type]


def _frames(
    path: Path,
    wanted: Mapping[int, str],
    depth: Stream,
    image: Stream,
    unit: float,
    cameras: Mapping[str, Camera],
) -> Iterator[Frame]:
    """The wanted frames, each with the image that is nearest in time; the file is read once, up to the last of them."""
    with opened_recording(path) as recording:
        number, left = -1, len(wanted)
        before: tuple[int, Any] | None = None
        waiting: tuple[int, int, Array] | None = None
        for topic, time, message in recording.pixels(depth, image):
            if topic == depth.topic:
                if waiting is not None:
                    yield _frame(recording, wanted, waiting, before, unit, cameras)
                    waiting, left = None, left - 1
                number += 1
                if number in wanted:
                    waiting = (number, time, recording.decoded(message))
                continue
            if waiting is not None:
                nearer = before is None or abs(time - waiting[1]) < abs(before[0] - waiting[1])
                now = (time, message) if nearer else before
                yield _frame(recording, wanted, waiting, now, unit, cameras)
                waiting, left = None, left - 1
            if not left:
                return
            before = (time, message)
        if waiting is not None:
            yield _frame(recording, wanted, waiting, before, unit, cameras)


def _frame(
    recording: Recording,
    wanted: Mapping[int, str],
    waiting: tuple[int, int, Array],
    image: tuple[int, Any] | None,
    unit: float,
    cameras: Mapping[str, Camera],
) -> Frame:
    number, time, raw = waiting
    apart = abs(image[0] - time) if image is not None else TOGETHER + 1
    if image is None or apart > TOGETHER:
        raise ModMapError(
            f"{recording.path}: expected an image within {TOGETHER / 1e6:g} ms of depth frame {number}, found none"
        )
    pixels = recording.decoded(image[1])
    if pixels.shape[:2] != raw.shape:
        raise ModMapError(
            f"{recording.path}: expected depth and image of one size, found {raw.shape} and {pixels.shape[:2]}"
        )
    depth, _ = clean_depth(raw, unit=unit)
    name = wanted[number]
    return Frame(name, to_gray(pixels), depth, cameras.get(name), colour=to_rgb(pixels))


def _camera(path: Path, depth: Stream, pose: Array) -> Camera:
    return build_camera(
        depth.K,
        where=f"{path}: {depth.topic}",
        T_camera_to_world=pose,
        size=depth.size,
        distortion=depth.distortion,
    )


def _names(streams: Mapping[str, Stream]) -> str:
    return ", ".join(f"{one.topic} ({_told(one)})" for one in streams.values()) or "no images"


def _told(stream: Stream) -> str:
    return f"{stream.encoding}, {stream.size[0]}x{stream.size[1]}"
