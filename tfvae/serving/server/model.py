"""Model: keeps the versions of one model as its source wants them."""

import asyncio
import contextlib
import gc
import logging
import os

from tfvae.serving.server.errors import ServingError
from tfvae.serving.server.versions import State, Version, next_action

log = logging.getLogger("tfvae")


class Model:
    """The versions of one model. On one event loop.

    Args:
        name: The model's name.
        run: Coroutine function of (function, *arguments) that runs a blocking function in a loading thread.
        loader: `loader.Loader`.
        options: `core_options.CoreOptions`.
        observer: `observer.Observer`.

    Attributes:
        versions: {number: `Version`}, those that have ended among them.
    """

    def __init__(self, name, run, loader, options, observer):
        self.name = name
        self.versions = {}
        self._run, self._loader, self._options, self._observer = run, loader, options, observer
        self._aspired = {}
        self._tasks = set()

    def aspire(self, directories):
        """Begins to load and unload until the versions {number: directory} are the ones that are served."""
        self._aspired = directories
        self._reconcile()

    def servable(self, number=None):
        """The servable of an available version, by default the highest; None if there is none."""
        available = [version for version in self.versions.values() if version.state is State.AVAILABLE]
        if number is not None:
            available = [version for version in available if version.number == number]
        return max(available, key=lambda version: version.number).servable if available else None

    async def attempted(self):
        """Waits until each version that is wanted now has been tried once."""
        for version in [self.versions[number] for number in self._aspired if number in self.versions]:
            await version.attempted.wait()

    async def settled(self):
        """Waits until nothing is being loaded or unloaded."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    def _reconcile(self):
        for number, directory in self._aspired.items():
            if number not in self.versions or self.versions[number].is_over:
                self.versions[number] = Version(number, directory)
        for version in list(self.versions.values()):
            version.aspire(version.number in self._aspired)
            if version.state is State.START and not (version.is_claimed or version.is_aspired):
                del self.versions[version.number]
        while action := next_action(self.versions.values()):
            self._begin(*action)

    def _begin(self, action, version):
        if action == "load":
            version.is_claimed = True
            task = asyncio.create_task(self._load(version))
        else:
            version.state = State.UNLOADING
            task = asyncio.create_task(self._unload(version))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _load(self, version):
        error = await self._attempt(version)
        version.attempted.set()
        for _ in range(self._options.max_num_load_retries):
            if error is None or await self._is_unwanted_after_waiting(version):
                break
            error = await self._attempt(version)
        if error is not None:
            version.state, version.error = State.END, error
        self._reconcile()

    async def _attempt(self, version):
        """Tries to load a version once; returns the error, or None if it is available, or was deleted meanwhile."""
        was_there = await self._run(os.path.isdir, version.directory)
        try:
            loaded = await self._run(self._load_now, version)
        except ServingError as error:
            if was_there and not await self._run(os.path.isdir, version.directory):
                self._drop(version)
                return None
            log.error("Loading version %d of %s failed: %s: %s", version.number, self.name, error.code, error.message)
            self._observer.load_failed(self.name, version.number, error)
            return error
        version.servable, version.state = loaded.servable, State.AVAILABLE
        log.info("Version %d of %s is available.", version.number, self.name)
        if loaded.warmup_seconds is not None:
            self._observer.warmed_up(self.name, loaded.warmup_seconds)
        self._observer.loaded(self.name, version.number, loaded.seconds)
        return None

    def _drop(self, version):
        """Ends a version that was deleted while it was loaded: it is not broken, and its source will say so too."""
        log.warning("Version %d of %s was deleted while it was loaded.", version.number, self.name)
        self._aspired = {number: path for number, path in self._aspired.items() if number != version.number}
        version.state = State.END

    def _load_now(self, version):
        version.state = State.LOADING  # not before a thread is free for it
        return self._loader.load(self.name, version.number, version.directory)

    async def _is_unwanted_after_waiting(self, version):
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(version.unwanted.wait(), 1e-6 * self._options.load_retry_interval_micros)
        return version.unwanted.is_set()

    async def _unload(self, version):
        await asyncio.wrap_future(version.servable.uses.close())
        servable, version.servable = version.servable, None
        await self._run(_free, servable)
        version.state = State.END
        log.info("Version %d of %s is unloaded.", version.number, self.name)
        self._observer.unloaded(self.name, version.number)
        self._reconcile()


def _free(servable):
    """Closes a servable and frees its graph, which is made of cycles.

    The collector takes 0.01 to 0.04 s where the process called `gc.freeze()` at its start, and ten times that without.
    """
    servable.close()
    gc.collect()
