"""Start the ranks of a test of PyTorch's distributed tensors."""

import os
import sys
import tempfile
import warnings

import torch


def start(rank_main):
    """Run ``rank_main(rank, count, file)`` in as many ranks as the command line says, and print their exit codes.

    They are forks of this process, in which PyTorch is imported already.
    """
    count = int(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's own, of forks and of what it deprecates
        context = torch.multiprocessing.get_context("fork")
        ranks = [
            context.Process(target=rank_main, args=(rank, count, os.path.join(folder, "ranks")))
            for rank in range(count)
        ]
        for process in ranks:
            process.start()
        for process in ranks:
            process.join()
        print("exit codes", *(process.exitcode for process in ranks))
