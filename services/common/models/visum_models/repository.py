"""The networks that a server may use: its model folder, and torchvision's standard weights."""

import hashlib
import logging
import threading
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torchvision import models

from visum_models.card import EXPORTED_PROGRAM, Card, CardFile, Preprocessing, read_card_file
from visum_models.classifier import Classifier, check_outputs
from visum_models.execution import Execution
from visum_models.networks import (
    IMAGENET_CLASSES,
    build_network,
    classification_architectures,
    imagenet_classes,
    load_exported_program,
    program_preprocessing,
    program_shape,
    read_state,
    require_architecture,
    standard_preprocessing,
)
from visum_runtime.errors import FailedPrecondition, InvalidInput, NotFound, ServiceError
from visum_runtime.logs import log

STATE_SUFFIXES = (".pth", ".pt")
PROGRAM_SUFFIX = ".pt2"


@dataclass(frozen=True)
class ModelSettings:
    """Which networks a server may load.

    Raises:
        InvalidInput: The folder does not exist.
    """

    model_dir: Path | None = None
    """Folder of weights files (.pth, .pt, .pt2), each with an optional card (.json) of the same stem."""
    trust_model_dir: bool = False
    """Exported programs of the folder may be loaded; loading one can execute code that it contains."""
    trusted_sha256: frozenset[str] = frozenset()
    """Digests of exported programs that may be loaded all the same."""
    standard_weights: bool = True
    """torchvision's standard weights may be used by name; they are downloaded when first used."""
    cache_bytes: int = 4 << 30
    """Loaded networks are kept up to this many bytes; the one used longest ago goes first."""

    def __post_init__(self) -> None:
        if self.model_dir is not None and not self.model_dir.is_dir():
            raise InvalidInput("is not a folder", field="model_dir")


@dataclass(frozen=True)
class _ModelFile:
    path: Path
    sha256: str
    """Empty where the file cannot be read."""
    card: CardFile
    fault: InvalidInput | FailedPrecondition | None = None
    """Why it cannot be used, where its card or its content cannot be read."""

    @property
    def name(self) -> str:
        return self.card.name or self.path.stem


class ModelRepository:
    """Finds, verifies, loads and keeps networks. Safe to use from several threads.

    Args:
        settings: What may be loaded.
        device: Where networks are put.
        submodules: Load exported programs with their submodules, so that layers inside can be observed.
        execution: How networks are run where speed matters.
    """

    def __init__(
        self,
        settings: ModelSettings,
        device: torch.device | None = None,
        *,
        submodules: bool = False,
        execution: Execution | None = None,
    ) -> None:
        self._settings = settings
        self._device = device or torch.device("cpu")
        self._submodules = submodules
        self._execution = execution or Execution()
        self._loaded: OrderedDict[str, Classifier] = OrderedDict()
        self._loading: dict[str, threading.Lock] = {}
        self._digests: dict[tuple[Path, int, int], str] = {}
        self._lock = threading.Lock()

    def cards(self, name: str = "", sha256: str = "") -> list[Card]:
        """Cards of the networks of the model folder, sorted by name, or of those asked for.

        Args:
            name: Only the networks of this name: of the folder, or one of torchvision's with its standard weights.
            sha256: Only the network of this digest.

        Raises:
            NotFound: Nothing fits; suggests near names.
            InvalidInput: A file that was asked for cannot be used; says why.
        """
        if not name and not sha256:
            return sorted(self._readable_cards(), key=lambda card: card.name)
        return [self.load(name, sha256).card]

    def load(self, name: str, sha256: str = "") -> Classifier:
        """The network of this digest, or, without one, of this name; loaded once and kept.

        Raises:
            NotFound: No such network; suggests near names.
            FailedPrecondition: It has another digest, or the operator does not trust it.
            InvalidInput: Its file or card is damaged or does not fit.
        """
        file = self._find(name, sha256)
        if file is not None and file.fault is not None:
            raise file.fault
        key = file.sha256 if file else f"standard:{name}"
        with self._lock:
            lock = self._loading.setdefault(key, threading.Lock())
        with lock:
            classifier = self._kept(key) or self._keep(key, self._load(file, name))
        if sha256 and classifier.card.sha256 != sha256:
            raise FailedPrecondition(f"model {name!r} has sha256 {classifier.card.sha256}, not {sha256}")
        return classifier

    def _load(self, file: _ModelFile | None, name: str) -> Classifier:
        if file is None:
            file = _ModelFile(*_standard_file(name), CardFile(name=name, architecture=name))
        network, card = self._program(file) if file.path.suffix == PROGRAM_SUFFIX else _state_network(file)
        network = network.to(self._device)
        check_outputs(network, card, self._device)
        network = network.to(memory_format=self._execution.memory_format)
        return Classifier(network, card, self._device, self._execution)

    def _program(self, file: _ModelFile) -> tuple[nn.Module, Card]:
        if not self._settings.trust_model_dir and file.sha256 not in self._settings.trusted_sha256:
            message = f"exported program {file.name!r} is not trusted: its operator must list sha256 {file.sha256}"
            raise FailedPrecondition(message)
        program = load_exported_program(file.path)
        side, classes = program_shape(program)
        card = _card(file, EXPORTED_PROGRAM, classes, program_preprocessing(side))
        if card.preprocessing.crop != side:
            message = f"card of {file.name!r} crops {card.preprocessing.crop} pixels, the program takes {side}"
            raise InvalidInput(message, field="model")
        network = torch.export.unflatten(program) if self._submodules else program.module()
        return network.requires_grad_(False), card

    def _find(self, name: str, sha256: str) -> _ModelFile | None:
        """The file asked for, or None where it is one of torchvision's by name."""
        files = list(self._files())
        for file in files:
            if sha256 and file.sha256 == sha256:
                return file
        named = [file for file in files if name and file.name == name]
        if named and sha256:
            raise named[0].fault or FailedPrecondition(f"model {name!r} has sha256 {named[0].sha256}, not {sha256}")
        if len(named) > 1:
            raise FailedPrecondition(f"{len(named)} models are called {name!r}: ask for one by its sha256")
        if named:
            return named[0]
        if not name:
            raise NotFound(f"no model has sha256 {sha256}")
        self._require_standard(name)
        return None

    def _require_standard(self, name: str) -> None:
        if not self._settings.standard_weights:
            available = ", ".join(sorted(file.name for file in self._files())) or "none"
            raise NotFound(f"no model is called {name!r}; available: {available}")
        require_architecture(name)

    def _readable_cards(self) -> Iterable[Card]:
        for file in self._files():
            try:
                yield self.load(file.name, file.sha256).card
            except (ServiceError, InvalidInput) as error:
                # a damaged neighbour must not hide the others; asked for by name, it says what is wrong
                log("model not listed", logging.WARNING, file=file.path.name, reason=str(error))

    def _files(self) -> Iterable[_ModelFile]:
        if self._settings.model_dir is None:
            return
        for path in sorted(self._settings.model_dir.iterdir()):
            if path.suffix in (*STATE_SUFFIXES, PROGRAM_SUFFIX) and path.is_file():
                with suppress(FileNotFoundError):  # taken away in this moment
                    yield self._file(path)

    def _file(self, path: Path) -> _ModelFile:
        """A weights file with its card; what cannot be read of them is its fault alone."""
        digest = ""
        try:
            digest = self._digest(path)
            return _ModelFile(path, digest, read_card_file(path.with_suffix(".json")))
        except FileNotFoundError:
            raise
        except OSError as error:
            fault = FailedPrecondition(f"weights file {path.name} or its card cannot be read: {error.strerror}")
            return _ModelFile(path, digest, CardFile(), fault)
        except InvalidInput as error:
            return _ModelFile(path, digest, CardFile(), error)

    def _digest(self, path: Path) -> str:
        status = path.stat()
        key = (path.resolve(), status.st_mtime_ns, status.st_size)
        if key not in self._digests:
            self._digests[key] = file_digest(path)
        return self._digests[key]

    def _kept(self, key: str) -> Classifier | None:
        with self._lock:
            if key in self._loaded:
                self._loaded.move_to_end(key)
            return self._loaded.get(key)

    def _keep(self, key: str, classifier: Classifier) -> Classifier:
        with self._lock:
            self._loaded[key] = classifier
            while len(self._loaded) > 1 and sum(c.bytes() for c in self._loaded.values()) > self._settings.cache_bytes:
                self._loaded.popitem(last=False)
        return classifier


def file_digest(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _state_network(file: _ModelFile) -> tuple[nn.Module, Card]:
    architecture = file.card.architecture or file.path.stem
    if architecture not in classification_architectures() and file.card.architecture is None:
        message = f"state dict {file.name!r} needs a card that names its torchvision architecture"
        raise InvalidInput(message, field="model")
    require_architecture(architecture)
    classes = len(file.card.classes) if file.card.classes else IMAGENET_CLASSES
    card = _card(file, architecture, classes, standard_preprocessing(architecture))
    return build_network(architecture, classes, read_state(file.path)), card


def _card(file: _ModelFile, architecture: str, classes: int, preprocessing: Preprocessing) -> Card:
    if file.card.sha256 is not None and file.card.sha256 != file.sha256:
        raise FailedPrecondition(f"model {file.name!r} has sha256 {file.sha256}, its card says {file.card.sha256}")
    names = file.card.classes or _default_classes(classes)
    if len(names) != classes:
        raise InvalidInput(
            f"card of {file.name!r} names {len(names)} classes, the network has {classes}", field="model"
        )
    preprocessing = file.card.preprocessing or preprocessing
    return Card(file.name, file.sha256, architecture, names, preprocessing, file.card.feature_layer)


def _default_classes(count: int) -> tuple[str, ...]:
    return imagenet_classes() if count == IMAGENET_CLASSES else tuple(f"class {index}" for index in range(count))


def _standard_file(name: str) -> tuple[Path, str]:
    """torchvision's standard weights of a network, downloaded unless they are there; path and digest."""
    url = models.get_model_weights(name)["DEFAULT"].url
    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1]
    try:
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(url, str(path), hash_prefix=path.stem.rsplit("-", 1)[-1], progress=False)
        return path, file_digest(path)
    except (OSError, RuntimeError) as error:
        message = f"the standard weights of {name!r} could not be downloaded; give a local weights file"
        raise FailedPrecondition(message) from error
