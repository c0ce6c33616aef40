"""Systems: each has `make(work, batch_size)`, which returns `advance`: a number of steps -> how many it took,
None for just these.
"""
