"""Two classes of a network, summarized, compared and made better: `python -m deploy.kubeflow.pipeline visum.yaml`."""

import sys

from kfp import compiler, dsl

from deploy.kubeflow.components import class_run, comparison, specialization

SERVICES = (
    "mask=dns:///visum-mask:50051,proposals=dns:///visum-proposals:50051,"
    "clustering=dns:///visum-clustering:50051,specializer=dns:///visum-specializer:50051"
)
"""Those of the manifests, for steps in their namespace."""


@dsl.pipeline(name="visum-two-classes", description="Which parts of two classes does a network use?")
def two_classes(
    model: str,
    first_target: str,
    first_images: str,
    second_target: str,
    second_images: str,
    train: str,
    validation: str,
    options: list,
    services: str = SERVICES,
) -> None:
    """Summarizes two classes at once, then compares them and makes the network better by them.

    Args:
        model: Name of a network that the services have.
        first_target: A class, by name or index.
        first_images: Where its images are.
        second_target: Another class.
        second_images: Where its images are.
        train: Folder with a folder a class, the images above among them.
        validation: Another of other images.
        options: Options of the runs, as STEP.NAME=VALUE; may be empty.
        services: Addresses of the four services.
    """
    common = {"model": model, "services": services, "options": options}
    first = class_run(target=first_target, images=first_images, **common)
    second = class_run(target=second_target, images=second_images, **common)
    runs = {"first": first.outputs["run"], "second": second.outputs["run"]}
    comparison(model=model, services=services, **runs)
    specialization(train=train, validation=validation, services=services, **runs)


if __name__ == "__main__":
    compiler.Compiler().compile(two_classes, sys.argv[1])
