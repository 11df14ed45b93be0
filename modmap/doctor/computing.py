"""What networks are computed on and in: the device, threads, precision, kernels."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from modmap.encoding.autocast import bfloat16_by, settled

BACKENDS: Any = torch.backends  # many of its functions have no types


@dataclass(frozen=True)
class Computing:
    """What networks are computed on and in.

    Attributes:
        device: That `auto` takes.
        devices: All that there are, in words.
        cores: That this process may use.
        threads: That torch computes with.
        threads_by: The environment's settings that limit them.
        precision: What `auto` is here.
        because: Why.
        attention: The kernels of the transformers' attention.
        convolutions: The kernels of the convolutional network.
    """

    device: str
    devices: tuple[str, ...]
    cores: int
    threads: int
    threads_by: tuple[str, ...]
    precision: str
    because: str
    attention: str
    convolutions: str


def computing_with(device: torch.device) -> Computing:
    """What networks are computed with on a device."""
    limits = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
    return Computing(
        device=str(device),
        devices=tuple(_devices()),
        cores=_cores(),
        threads=torch.get_num_threads(),
        threads_by=tuple(f"{name}={os.environ[name]}" for name in limits if name in os.environ),
        precision=settled("auto", device),
        because=_because(device),
        attention=_attention(device),
        convolutions=_convolutions(device),
    )


def _devices() -> list[str]:
    found = [f"cpu: {_processor()}"]
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        found.append(f"cuda:{index}: {properties.name}, {properties.total_memory / 2**30:.0f} GiB")
    if BACKENDS.mps.is_available():
        found.append("mps: Apple's GPU")
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _because(device: torch.device) -> str:
    by = bfloat16_by(device.type)
    if by is None:
        return f"torch {torch.__version__} can't tell whether {device.type} has bfloat16"
    if not by:
        return f"{device.type} has no bfloat16 of its own (AMX, AVX512-BF16 or a newer GPU)"
    return f"{device.type} has bfloat16 ({', '.join(by)})"


def _attention(device: torch.device) -> str:
    from timm.layers import use_fused_attn

    if not use_fused_attn():
        return "timm's own, step by step"
    if device.type != "cuda":
        return f"torch's fused one for {device.type}"
    flags = {
        "flash": BACKENDS.cuda.flash_sdp_enabled(),
        "memory-efficient": BACKENDS.cuda.mem_efficient_sdp_enabled(),
        "cuDNN": BACKENDS.cuda.cudnn_sdp_enabled(),
    }
    return f"torch's fused ones for cuda: {_listed([name for name, on in flags.items() if on])}"


def _convolutions(device: torch.device) -> str:
    """Of the network that comes with the package, which is computed on the CPU wherever the others are."""
    onednn = "oneDNN" if BACKENDS.mkldnn.is_available() else "torch's own"
    said = f"{onednn} with {BACKENDS.cpu.get_cpu_capability()} on the CPU"
    if device.type == "cuda" and BACKENDS.cudnn.is_available():
        said += f", cuDNN {BACKENDS.cudnn.version()} on cuda"
    return said


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
