"""Prefetching: a thread that is ahead of whoever reads, so that reading, calling and writing go on at once."""

import queue
import threading

DEPTH = 4  # items that may wait


def prefetched(items):
    """Yields the items of a generator, which a thread takes from it in advance; its errors are raised here.

    Closing this generator ends the thread and closes the other. At most `DEPTH` items wait, and one to be put there.
    """
    waiting, is_closed = queue.Queue(DEPTH), threading.Event()
    thread = threading.Thread(target=_fetch, args=(items, waiting, is_closed), daemon=True)
    thread.start()
    try:
        while (entry := waiting.get()) is not None:
            item, error = entry
            if error is not None:
                raise error
            yield item
    finally:
        is_closed.set()
        while thread.is_alive():  # it may be about to wait for a place in the queue
            _empty(waiting)
            thread.join(0.01)


def _fetch(items, waiting, is_closed):
    try:
        for item in items:
            waiting.put((item, None))
            if is_closed.is_set():
                break
        waiting.put(None)
    except BaseException as error:  # it is raised again, where items are read
        waiting.put((None, error))
    finally:
        items.close()


def _empty(waiting):
    while not waiting.empty():
        waiting.get_nowait()
