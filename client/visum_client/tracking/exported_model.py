"""A specialized classifier as MLflow loads it. MLflow keeps this file with the model: it needs nothing of visum."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel
from numpy.typing import NDArray

Logits = Callable[[NDArray[np.float32]], NDArray[np.float32]]


class ExportedNetwork(PythonModel):
    """Class scores, float32 [N, classes], of normalized images, float32 [N, 3, S, S]."""

    def load_context(self, context: Any) -> None:
        """Reads the file: an exported program, which can execute code, or ONNX."""
        path = Path(context.artifacts["network"])
        self._logits = _onnx(path) if path.suffix == ".onnx" else _exported_program(path)

    def predict(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> NDArray[np.float32]:
        """The scores of the classes in the order of the card; they sum to one."""
        logits = self._logits(np.ascontiguousarray(model_input, np.float32))
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        return raised / raised.sum(axis=1, keepdims=True)


def _exported_program(path: Path) -> Logits:
    torch = importlib.import_module("torch")
    network = torch.export.load(path).module()

    def logits(images: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.no_grad():
            return network(torch.from_numpy(images)).numpy()

    return logits


def _onnx(path: Path) -> Logits:
    session = importlib.import_module("onnxruntime").InferenceSession(path)
    name = session.get_inputs()[0].name
    return lambda images: session.run(None, {name: images})[0]


set_model(ExportedNetwork())
