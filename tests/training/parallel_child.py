"""One process of a parallel run: `parallel_child.py FOLDER STOP_AFTER SETTINGS...`, started by torchrun."""

import json
import os
import signal
import sys
from pathlib import Path

import torch

sys.path.append(str(Path(__file__).parents[1] / "support"))
from training_support import config, llama, stream, tokenizer

from openflan.errors import Stopped
from openflan.model.load import skeleton
from openflan.training.loop import train
from openflan.training.parallel import world

torch.set_num_threads(1)


def main():
    folder, stop_after, settings = Path(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])

    def stop(progress):
        if progress.step == stop_after:
            os.kill(os.getpid(), signal.SIGTERM)

    settings = config(**settings)
    with world() as here:
        model = llama()
        if not here.is_main and settings.shard:
            model = skeleton(model.config)
        try:
            train(model, stream(), settings, folder, here=here, tokenizer=tokenizer(), on_progress=stop, say=print)
        except Stopped as stopped:
            print(stopped, stopped.status)


main()
