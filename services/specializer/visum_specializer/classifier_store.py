"""Classifiers that a server has met, so that callers need not send them with every call."""

import threading
from collections import OrderedDict

from visum.v1 import specializer_pb2

from visum_runtime.errors import InvalidInput, NotFound
from visum_runtime.references import require_digest
from visum_specializer.messages import decode_classifier, digest_of


class ClassifierStore:
    """Keeps classifiers by digest, up to so many bytes; the one used longest ago goes first. Thread-safe.

    Args:
        max_bytes: What the kept ones may take together.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._kept: OrderedDict[str, specializer_pb2.Classifier] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, classifier: specializer_pb2.Classifier) -> str:
        """Keeps a classifier and answers its digest."""
        digest = digest_of(classifier)
        with self._lock:
            self._kept[digest] = classifier
            self._kept.move_to_end(digest)
            while len(self._kept) > 1 and sum(kept.ByteSize() for kept in self._kept.values()) > self._max_bytes:
                self._kept.popitem(last=False)
        return digest

    def find(self, reference: specializer_pb2.ClassifierRef) -> specializer_pb2.Classifier:
        """The classifier that a request names or brings along.

        Raises:
            NotFound: No classifier of that digest is kept here.
            InvalidInput: Neither a digest nor a classifier, or one that is wrong; names the field.
        """
        source = reference.WhichOneof("source")
        if source == "classifier":
            decode_classifier(reference.classifier)
            self.keep(reference.classifier)
            return reference.classifier
        if source is None or not reference.sha256:
            raise InvalidInput("is empty", field="classifier")
        require_digest(reference.sha256, "classifier.sha256")
        with self._lock:
            if reference.sha256 not in self._kept:
                raise NotFound(f"this server does not hold classifier {reference.sha256}: send it along")
            self._kept.move_to_end(reference.sha256)
            return self._kept[reference.sha256]
