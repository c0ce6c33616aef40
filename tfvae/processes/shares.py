"""What each of several workers on one machine gets of its processors and graphics cards."""

import os
from pathlib import Path

CARDS = Path("/proc/driver/nvidia/gpus")
NO_CARD = "-1"


def share_of_worker(place, number):
    """The environment of one of `number` workers; what the user has set for TensorFlow's threads stays.

    Args:
        place: Which one, from 0.
        number: Number of workers.

    Returns:
        {variable: text}.
    """
    threads = str(max(1, len(os.sched_getaffinity(0)) // number))
    variables = {name: threads for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")}
    cards = _cards()
    if cards:
        variables["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"  # there may be fewer cards than workers
    return variables | _set_by_user(variables) | ({"CUDA_VISIBLE_DEVICES": cards[place % len(cards)]} if cards else {})


def share_of_chief():
    """The environment of the chief, which trains nothing and must hold no memory of a card."""
    return {"CUDA_VISIBLE_DEVICES": NO_CARD}


def _cards():
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [card for card in visible.split(",") if card.strip() and card != NO_CARD]
    return [str(place) for place in range(len(list(CARDS.glob("*"))))]


def _set_by_user(names):
    return {name: os.environ[name] for name in names if name in os.environ}
