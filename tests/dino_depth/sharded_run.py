"""A run whose weights are sharded, without GPUs: what `accelerate launch` would set up is set up by hand.

accelerate shards on accelerators only; with its state told that this is one, gloo does on CPUs what NCCL does there.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.commands.launch import _validate_launch_command, launch_command_parser
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedType, FullyShardedDataParallelPlugin
from accelerate.utils.launch import prepare_multi_gpu_env

from dino_depth.pretrain import end, train
from dino_depth.training.command_line import config_of

CONFIG = Path(__file__).parents[2] / "dino_depth" / "configs" / "accelerate" / "gpu_8_sharded.yaml"


def plugin() -> FullyShardedDataParallelPlugin:
    """What the launcher makes of the configuration file."""
    parsed = launch_command_parser().parse_args(["--config_file", str(CONFIG), "train.py"])
    arguments, _, _ = _validate_launch_command(parsed)
    environment = prepare_multi_gpu_env(arguments)
    os.environ.update({name: value for name, value in environment.items() if name.startswith("FSDP_")})
    return FullyShardedDataParallelPlugin()


def main() -> None:
    torch.set_num_threads(1)
    config = config_of(sys.argv[1:])
    assert config is not None
    accelerator = Accelerator(cpu=True, mixed_precision=config.run.mixed_precision)
    shared = AcceleratorState._shared_state
    shared["distributed_type"], shared["fsdp_plugin"] = DistributedType.FSDP, plugin()
    assert accelerator.is_fsdp2
    if config.run.mixed_precision is not None:
        accelerator.state.fsdp_plugin.set_mixed_precision(config.run.mixed_precision)
    train(config, accelerator)
    if accelerator.is_main_process:
        kinds = {type(one).__name__ for one in accelerator._models[0].parameters()}
        print(f"parameters: {kinds}")


if __name__ == "__main__":
    main()
    end(0)
