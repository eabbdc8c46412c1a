"""Settings of servers that load networks."""

from dataclasses import dataclass
from pathlib import Path

import torch

from visum_models.repository import ModelSettings
from visum_runtime.settings import ServerSettings, setting

DEVICES = ("auto", "cpu", "cuda")
_HEXADECIMAL_DIGITS = 64


@dataclass(frozen=True, kw_only=True)
class ModelServerSettings(ServerSettings):
    """Settings of a server that loads networks.

    Raises:
        ValueError: A value is out of its range; the message names the field.
    """

    model_dir: str = setting("", "folder of weights files (.pth, .pt, .pt2) with their cards (.json)")
    trust_model_dir: bool = setting(False, "load the folder's exported programs; loading one can execute its code")
    trusted_sha256: str = setting("", "digests of exported programs that may be loaded, separated by commas")
    standard_weights: bool = setting(True, "use torchvision's standard weights by name, downloading them")
    model_cache_bytes: int = setting(4 << 30, "memory for loaded networks, bytes")
    device: str = setting("auto", f"one of {', '.join(DEVICES)}; auto takes a GPU where there is one")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.model_dir and not Path(self.model_dir).is_dir():
            raise ValueError(f"setting model_dir: {self.model_dir} is not a folder")
        if self.device not in DEVICES:
            raise ValueError(f"setting device must be one of {', '.join(DEVICES)}")
        if any(len(digest) != _HEXADECIMAL_DIGITS for digest in self._trusted()):
            raise ValueError("setting trusted_sha256 must hold digests of 64 hexadecimal digits")

    def models(self) -> ModelSettings:
        """What the repository may load."""
        return ModelSettings(
            model_dir=Path(self.model_dir) if self.model_dir else None,
            trust_model_dir=self.trust_model_dir,
            trusted_sha256=frozenset(self._trusted()),
            standard_weights=self.standard_weights,
            cache_bytes=self.model_cache_bytes,
        )

    def torch_device(self) -> torch.device:
        """The device to use."""
        available = torch.cuda.is_available()
        return torch.device("cuda" if self.device == "cuda" or (self.device == "auto" and available) else "cpu")

    def _trusted(self) -> list[str]:
        return [digest.strip() for digest in self.trusted_sha256.split(",") if digest.strip()]


def device_class(device: torch.device) -> str:
    """The name that results depend on: cpu, or the accelerator's."""
    return "cpu" if device.type == "cpu" else torch.cuda.get_device_name(device)
