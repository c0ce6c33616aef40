"""Core: the models of a server, kept up to date with their directories, and the requests that run on them.

All but loading and computing happens on one event loop: `use`, `statuses` and the rest are called there, without locks.
"""

import asyncio
import contextlib
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from tfvae.errors import ConfigError
from tfvae.serving.server.batching import Batcher
from tfvae.serving.server.configuration import read_model_config
from tfvae.serving.server.errors import ServingError
from tfvae.serving.server.labels import Labels
from tfvae.serving.server.loader import Loader
from tfvae.serving.server.model import Model
from tfvae.serving.server.model_config import check_change, models_of
from tfvae.serving.server.observer import Observer
from tfvae.serving.server.requests import END
from tfvae.serving.server.source import find_versions
from tfvae.serving.server.versions import State

log = logging.getLogger("tfvae")
_LABELS_HINT = " At the start no version is: --allow_version_labels_for_unavailable_models lets labels wait for theirs."


class ModelSpec(NamedTuple):
    """What a request asks for: a model, and one of its versions by number, by label, or (both None) the latest."""

    name: str
    version: int | None = None
    label: str | None = None


class Core:
    """The models of a server.

    Args:
        configuration: A ModelServerConfig (`configuration.read_model_config`, `configuration.single_model`).
        options: `CoreOptions`.

    Attributes:
        observer: Is told what happens (`observer.Observer`); to be set before `start`.
    """

    def __init__(self, configuration, options):
        self._configuration, self._options = configuration, options
        self.observer = Observer()
        self._models, self._warnings = {}, {}
        self._labels = Labels(options.allow_version_labels_for_unavailable_models)
        self._loader, self._reloading = Loader(options), asyncio.Lock()
        self._polls, self._batcher, self._run_threads, self._load_threads = [], None, None, None

    async def start(self):
        """Looks for versions, loads them, and goes on looking; returns when each has been tried once.

        Raises:
            ConfigError: If the configuration is not legal.
        """
        options = self._options
        self._start_threads()
        try:
            self._accept(self._configuration)
        except ServingError as error:
            hint = _LABELS_HINT if error.code == "FAILED_PRECONDITION" else ""
            raise ConfigError(f"The server cannot start with these models. {error.message}.{hint}") from error
        if options.file_system_poll_wait_seconds >= 0:
            await self._look()
            await asyncio.gather(*(model.attempted() for model in self._models.values()))
        self._poll(options.file_system_poll_wait_seconds, self._look)
        if options.model_config_file is not None:
            self._poll(options.model_config_file_poll_wait_seconds, self._read_again)

    async def stop(self):
        """Stops looking, waits for running calls, and unloads everything."""
        for poll in self._polls:
            poll.cancel()
        await asyncio.gather(*self._polls, return_exceptions=True)
        async with self._reloading:
            for model in self._models.values():
                model.aspire({})
            await asyncio.gather(*(model.settled() for model in self._models.values()))
        for threads in (self._run_threads, self._load_threads, self._batcher):
            if threads is not None:
                await asyncio.to_thread(threads.shutdown)

    def interrupt(self):
        """Ends what runs, so that a `stop` that follows does not wait for ever: nobody is there for the answers."""
        for model in self._models.values():
            for version in model.versions.values():
                if version.servable is not None:
                    version.servable.interrupt()

    @contextlib.contextmanager
    def use(self, model_spec):
        """The `Servable` that a spec (a `ModelSpec` or such a tuple) asks for; it stays loaded inside the `with`.

        Raises:
            ServingError: NOT_FOUND (model or version), INVALID_ARGUMENT (label; no name).
        """
        name, version, label = model_spec
        if not name:
            raise ServingError("INVALID_ARGUMENT", "ModelSpec has no name specified.")
        if label is not None:
            version = self._labels.version(name, label)
        servable = self._models[name].servable(version) if name in self._models else None
        if servable is None:
            request = f"Latest({name})" if version is None else f"Specific({name}, {version})"
            raise ServingError("NOT_FOUND", f"Servable not found for request: {request}")
        with servable.uses:
            yield servable

    async def run(self, servable, signature_key, inputs, output_names=None):
        """Runs a signature, batched if batching is on; returns {output name: array}.

        A call that is cancelled while it waits is dropped, and one that runs ends at `requests.END`.

        Raises:
            ServingError: What is wrong with the request, or the failing op's error, or UNAVAILABLE for a full queue.
        """
        call = servable.prepare(signature_key, inputs, output_names, END.get())
        if servable.batching is not None:
            return await self._batcher.run(servable, call)
        servable.uses.begin()  # a session outlives its running calls, also those that nobody waits for any more
        run = self._run_threads.submit(servable.execute, call)
        run.add_done_callback(lambda _: servable.uses.end())
        return await asyncio.wrap_future(run)

    def statuses(self, name, version=None, label=None):
        """[(version, state, error code, error message)], latest version first; "OK" and "" without an error.

        As in the real server a label is not looked at here.

        Raises:
            ServingError: NOT_FOUND.
        """
        versions = self._models[name].versions if name in self._models else {}
        if version is not None:
            if version not in versions:
                raise ServingError("NOT_FOUND", f"Could not find version {version} of model {name}")
            return [_status(versions[version])]
        if not versions:
            raise ServingError("NOT_FOUND", f"Could not find any versions of model {name}")
        return [_status(versions[number]) for number in sorted(versions, reverse=True)]

    async def reload(self, configuration):
        """Replaces the configuration by another ModelServerConfig; omitted models are unloaded.

        Returns when each version of a new model has been tried once.

        Raises:
            ServingError: INVALID_ARGUMENT or FAILED_PRECONDITION for a change that is not allowed (nothing changes
                then); UNKNOWN if a new model did not become available.
        """
        async with self._reloading:
            new = models_of(configuration).keys() - models_of(self._configuration).keys()
            self._accept(configuration)
            for name in self._models.keys() - models_of(configuration).keys():
                self._models[name].aspire({})
            if self._options.file_system_poll_wait_seconds >= 0:
                await self._look()
            models = [self._models[name] for name in sorted(new)]
            await asyncio.gather(*(model.attempted() for model in models))
            _check_available(models)

    def _start_threads(self):
        options = self._options
        self._run_threads = ThreadPoolExecutor(options.num_run_threads or 4 * (os.cpu_count() or 1), "run")
        self._load_threads = ThreadPoolExecutor(max(options.num_load_threads, 1), "load")
        if options.batching_parameters is not None:
            self._batcher = Batcher(max(options.batching_parameters.num_batch_threads, 1), self.observer)

    def _accept(self, configuration):
        """Makes a configuration the valid one, if it is legal."""
        check_change(self._configuration, configuration)
        models = models_of(configuration)
        self._labels.replace(self._labels.assigned(models, self._is_available))
        self._configuration = configuration
        for name in models:
            if name not in self._models:
                self._models[name] = Model(name, self._in_load_thread, self._loader, self._options, self.observer)

    def _is_available(self, name, version):
        return name in self._models and self._models[name].servable(version) is not None

    async def _look(self):
        """Looks at each base path, away from the event loop, and lets the models follow what is there."""
        configuration = self._configuration
        for name, model in models_of(configuration).items():
            found = await asyncio.to_thread(find_versions, model)
            if self._configuration is not configuration:  # replaced meanwhile: what was found is of another time
                return
            self._warn(name, found.warnings)
            if found.versions is not None:
                self._models[name].aspire(found.versions)

    def _warn(self, name, warnings):
        """Logs warnings once, and not with each poll."""
        if warnings != self._warnings.get(name):
            for warning in warnings:
                log.warning("%s", warning)
        self._warnings[name] = warnings

    async def _read_again(self):
        await self.reload(await asyncio.to_thread(read_model_config, self._options.model_config_file))

    def _poll(self, seconds, function):
        if seconds > 0:
            self._polls.append(asyncio.create_task(_repeat(seconds, function)))

    async def _in_load_thread(self, function, *arguments):
        return await asyncio.get_running_loop().run_in_executor(self._load_threads, function, *arguments)


async def _repeat(seconds, function):
    """Calls a coroutine function every so many seconds; a failure is logged once as long as it stays the same."""
    last = None
    while True:
        await asyncio.sleep(seconds)
        try:
            await function()
            last = None
        except Exception as error:  # a directory or file in any state: the next look may find another
            if str(error) != last:
                log.error("%s", error)
            last = str(error)


def _check_available(models):
    """As the real server: a new model is available when any of its versions is; one without versions is not awaited."""
    failed = [
        f"{{name: {model.name} version: {number} due to error: {code}: {message}}}, "
        for model in models
        if model.versions and model.servable() is None
        for number, _, code, message in [_status(model.versions[max(model.versions)])]
    ]
    if failed:
        raise ServingError("UNKNOWN", f"{len(failed)} model(s) did not become available: {{{''.join(failed)}}}")


def _status(version):
    if version.state is State.END and version.error is not None:
        return version.number, version.state.value, version.error.code, version.error.message
    return version.number, version.state.value, "OK", ""
