"""Steps of Kubeflow pipelines. Each types one command of visum, in the client's image, against running services.

kfp sends the body of each function alone, so each imports what it needs.
"""

from kfp import dsl

IMAGE = "visum-client:0.1.0"
"""The image that `make images` builds; put the name of your registry before it."""


@dsl.component(base_image=IMAGE)
def class_run(
    model: str,
    target: str,
    images: str,
    services: str,
    options: list,
    run: dsl.Output[dsl.Dataset],
    report: dsl.Output[dsl.HTML],
) -> int:
    """Finds the visual summaries of a class.

    Args:
        model: Name of a network that the services have, or a file that this step sees.
        target: The class, by name or index.
        images: A folder that this step sees, or a URI as s3://bucket/folder/.
        services: Addresses of the four services, as VISUM_SERVICES has them.
        options: Options of steps, as STEP.NAME=VALUE.
        run: The run folder.
        report: Its report.

    Returns:
        How many summaries were found.
    """
    import json
    import shutil
    import subprocess

    words = ["visum", "run", "--model", model, "--target", target, "--images", images, "--out", run.path, "--json"]
    words += ["--services", services, "--no-progress"]
    for option in options:
        words += ["--option", option]
    done = subprocess.run(words, stdout=subprocess.PIPE, check=True, text=True)
    figures = json.loads(done.stdout)
    shutil.copyfile(figures["report"], report.path)
    run.metadata.update({"model": model, "target": target})
    return len(figures["summaries"])


@dsl.component(base_image=IMAGE)
def comparison(
    model: str, services: str, first: dsl.Input[dsl.Dataset], second: dsl.Input[dsl.Dataset], page: dsl.Output[dsl.HTML]
) -> int:
    """Holds two runs side by side: two networks on the same images, or two classes of one network.

    Args:
        model: For two classes: their network, as for the runs.
        services: Addresses of the four services.
        first: A run folder.
        second: Another.
        page: The comparison, with pictures.

    Returns:
        How many parts were compared: pairs and those that stand alone.
    """
    import json
    import subprocess

    words = ["visum", "compare", first.path, second.path, "--model", model, "--out", page.path, "--json"]
    words += ["--services", services, "--no-progress"]
    done = subprocess.run(words, stdout=subprocess.PIPE, check=True, text=True)
    return len(json.loads(done.stdout)["parts"])


@dsl.component(base_image=IMAGE)
def specialization(
    train: str,
    validation: str,
    services: str,
    first: dsl.Input[dsl.Dataset],
    second: dsl.Input[dsl.Dataset],
    classifier: dsl.Output[dsl.Model],
    card: dsl.Output[dsl.Artifact],
    accuracies: dsl.Output[dsl.Metrics],
) -> float:
    """Makes a network better by the summaries of two of its classes.

    Args:
        train: A folder that this step sees, with a folder a class, the runs' images among them.
        validation: Another of other images.
        services: Addresses of the four services.
        first: The run folder of a class.
        second: That of another class of the network.
        classifier: The specialized classifier, an exported program.
        card: Its card: what it was made of.
        accuracies: On the validation images, before and after.

    Returns:
        Weight of the summaries; 0: they do not help.
    """
    import json
    import shutil
    import subprocess
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        runs = [shutil.copytree(run.path, Path(folder) / name) for run, name in ((first, "first"), (second, "second"))]
        out = Path(folder) / "specialized.pt2"
        words = ["visum", "specialize", *map(str, runs), "--train", train, "--validation", validation]
        words += ["--out", str(out), "--services", services, "--no-progress", "--json"]
        done = subprocess.run(words, stdout=subprocess.PIPE, check=True, text=True)
        figures = json.loads(done.stdout)
        shutil.copyfile(out, classifier.path)
        shutil.copyfile(figures["card"], card.path)
    for name, values in figures["validation_accuracy"].items():
        accuracies.log_metric(f"{name}_before", values["before"])
        accuracies.log_metric(f"{name}_after", values["after"])
    classifier.metadata["sha256"] = figures["sha256"]
    return float(figures["weight"])
