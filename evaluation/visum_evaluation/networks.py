"""Networks that an experiment runs itself, without a service."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from visum_client.errors import VisumError
from visum_client.models import ModelFolder, find_model
from visum_client.private_folder import PrivateFolder
from visum_models import Classifier, ModelRepository
from visum_models.repository import ModelSettings
from visum_runtime.errors import InvalidInput, ServiceError


@dataclass(frozen=True)
class Networks:
    """Exactly the networks whose files are named, and torchvision's."""

    repository: ModelRepository
    folder: ModelFolder

    def load(self, model: str | Path, weights: Path | None = None) -> Classifier:
        """The network of a name, of a name and a weights file, or of a file with its card.

        Raises:
            VisumError: There is none, or it is not as it must be.
        """
        given = find_model(model, weights)
        self.folder.add(given)
        return self.repository.load(given.name, given.sha256)


@contextmanager
def open_networks(*, submodules: bool = False) -> Iterator[Networks]:
    """Networks for the time of an experiment, with layers where `submodules`, else as fast as possible.

    Errors of the services' code are raised as VisumError.
    """
    private = PrivateFolder()
    try:
        settings = ModelSettings(model_dir=private.path, trust_model_dir=True)
        yield Networks(ModelRepository(settings, submodules=submodules), ModelFolder(private.path))
    except (ServiceError, InvalidInput) as error:
        raise VisumError(str(error)) from error
    finally:
        private.close()
