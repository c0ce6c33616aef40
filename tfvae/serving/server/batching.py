"""Batcher: queues of requests, one for each signature of each version, that shared threads run in batches.

The scheduling is that of the real server's SharedBatchScheduler: a batch runs when it is full, when the next request
does not fit any more, or when its time is over; queues take turns; a full queue refuses.
"""

import asyncio
import functools
from collections import deque
from concurrent.futures import ThreadPoolExecutor

from tfvae.serving.server.batch import divided, joined, num_rows, padding_of, part_sizes, run_together
from tfvae.serving.server.errors import ServingError


class Batcher:
    """Runs calls in batches, by the `batching` parameters of their servables. On one event loop.

    Args:
        num_threads: Batches that run at a time, over all queues.
        observer: `observer.Observer`.
    """

    def __init__(self, num_threads, observer):
        self._observer = observer
        self._threads = ThreadPoolExecutor(num_threads, thread_name_prefix="batch")
        self._num_free = num_threads
        self._queues = {}  # those with waiting calls, the one whose turn is next first
        self._is_dispatch_due = False

    async def run(self, servable, call):
        """Runs a `Call` together with others; returns {output name: array}. Cancelled, it leaves the queue.

        Raises:
            ServingError: INVALID_ARGUMENT (size), UNAVAILABLE (full queue), or the error of the batch.
        """
        key = (servable, call.signature_key, call.output_names)
        queue = self._queues.get(key) or _Queue(key, self)
        tasks = queue.add(call)
        self._queues[key] = queue
        self.dispatch_soon()
        try:
            if len(tasks) == 1:
                return await tasks[0].done
            return joined(await asyncio.gather(*(task.done for task in tasks)))
        except BaseException:
            queue.discard(tasks)
            if self._queues.get(key) is queue and not queue.is_waiting():
                del self._queues[key]
            raise

    def shutdown(self):
        """Ends the threads; nothing may be waiting."""
        self._threads.shutdown()

    def dispatch_soon(self):
        """Looks for due batches once this turn of the event loop is over: requests that arrive in it go together."""
        if not self._is_dispatch_due:
            self._is_dispatch_due = True
            asyncio.get_running_loop().call_soon(self._dispatch)

    def _dispatch(self):
        self._is_dispatch_due = False
        while self._num_free and (queue := next((queue for queue in self._queues.values() if queue.is_due()), None)):
            del self._queues[queue.key]
            self._start(queue, queue.pop())
            if queue.is_waiting():
                self._queues[queue.key] = queue  # at the end: the others come first

    def _start(self, queue, batch):
        tasks = [task for task in batch.tasks if not task.done.done()]
        if not tasks:
            return
        loop, servable, parameters = asyncio.get_running_loop(), queue.servable, queue.parameters
        self._num_free -= 1
        servable.uses.begin()  # also when all its clients are gone, the session must outlive the run
        calls, sizes = [task.call for task in tasks], [task.size for task in tasks]
        run = loop.run_in_executor(self._threads, run_together, servable, calls, sizes, parameters)
        run.add_done_callback(functools.partial(self._finish, servable, tasks))
        padding, now = padding_of(sum(sizes), parameters), loop.time()
        waited = [now - task.since for task in tasks]
        self._observer.batch(servable.name, queue.key[1], sum(sizes) + padding, padding, waited)

    def _finish(self, servable, tasks, run):
        servable.uses.end()
        self._num_free += 1
        error = run.exception()
        for index, task in enumerate(tasks):
            if task.done.done():
                continue
            if error is None:
                task.done.set_result(run.result()[index])
            else:
                task.done.set_exception(_copy(error))
        self._dispatch()


class _Task:
    """A call, or a part of one, that waits."""

    __slots__ = ("call", "done", "since", "size")

    def __init__(self, call, size, loop):
        self.call, self.size, self.since = call, size, loop.time()
        self.done = loop.create_future()


class _Batch:
    """Tasks that will run together; `is_due` once it has waited long enough."""

    def __init__(self):
        self.tasks, self.size, self.is_due, self.timer = [], 0, False, None

    def stop(self):
        """Stops waiting."""
        if self.timer is not None:
            self.timer.cancel()


class _Queue:
    """Closed batches, and at the end the open one, for calls of one signature and the same outputs."""

    def __init__(self, key, batcher):
        self.key, self.servable = key, key[0]
        self.parameters = self.servable.batching
        self._batcher = batcher
        self._batches = deque([_Batch()])

    def add(self, call):
        """Queues a call, in parts if it must be divided, and returns its tasks.

        Raises:
            ServingError: If it is too large, or the queue is full.
        """
        loop, size = asyncio.get_running_loop(), num_rows(call.inputs)
        room = self.parameters.execution_limit - self._batches[-1].size
        sizes = part_sizes(size, room, self.parameters)
        self._check_capacity(size, room)
        calls = divided(call, sizes) if len(sizes) > 1 else [call]
        tasks = [_Task(part, part_size, loop) for part, part_size in zip(calls, sizes, strict=True)]
        for task in tasks:
            self._append(task, loop)
        return tasks

    def is_due(self):
        """Whether a batch is to run."""
        first = self._batches[0]
        is_full = len(self._batches) > 1 or first.size >= self.parameters.execution_limit
        return is_full or first.is_due

    def is_waiting(self):
        """Whether any task is left."""
        return len(self._batches) > 1 or bool(self._batches[0].tasks)

    def pop(self):
        """Takes the first batch out."""
        batch = self._batches.popleft()
        batch.stop()
        if not self._batches:
            self._batches.append(_Batch())
        return batch

    def discard(self, tasks):
        """Takes out what still waits of these tasks."""
        for batch in self._batches:
            batch.tasks = [task for task in batch.tasks if task not in tasks]
            batch.size = sum(task.size for task in batch.tasks)
            if not batch.tasks:
                batch.stop()
        self._batches = deque(batch for batch in self._batches if batch.tasks) or deque([_Batch()])

    def _append(self, task, loop):
        if self._batches[-1].size + task.size > self.parameters.execution_limit:
            self._batches.append(_Batch())
        batch = self._batches[-1]
        if not batch.tasks:
            self._wait(batch, loop)
        batch.tasks.append(task)
        batch.size += task.size

    def _wait(self, batch, loop):
        batch.is_due = self.parameters.batch_timeout_micros == 0
        if not batch.is_due:
            batch.timer = loop.call_later(1e-6 * self.parameters.batch_timeout_micros, self._make_due, batch)

    def _make_due(self, batch):
        batch.is_due = True
        self._batcher.dispatch_soon()

    def _check_capacity(self, size, room):
        count, most = len(self._batches), self.parameters.max_enqueued_batches
        if self.parameters.enable_large_batch_splitting:
            capacity = (most - count) * self.parameters.execution_limit + room
            if size > capacity:
                raise _full(
                    f"task size is {size} but scheduling capacity is only {capacity} (num_enqueued_batches={count},"
                    f" max_enqueued_batches={most}, open_batch_size={self._batches[-1].size},"
                    f" max_execution_batch_size={self.parameters.execution_limit})"
                )
        elif size > room and count >= most:
            raise _full(f"currently {count} batches enqueued and max_enqueued_batches is {most}")


def _full(details):
    message = f"The batch scheduling queue to which this task was submitted is full; {details}"
    return ServingError("UNAVAILABLE", message)


def _copy(error):
    """One error for each client: a raised one collects the stack of whoever waits for it."""
    return ServingError(error.code, error.message) if isinstance(error, ServingError) else error
