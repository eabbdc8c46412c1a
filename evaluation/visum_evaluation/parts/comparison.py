"""Baselines on the pictures, the network and, where they want them, the masks of the class runs."""

from visum_demo import load_world
from visum_demo.shipped import load_causal_figures
from visum_evaluation.parts.baselines import BASELINES
from visum_evaluation.parts.baselines.concepts import ExplainedClass
from visum_evaluation.parts.baselines.judgement import load_observable, read_regions, score_baselines
from visum_evaluation.parts.experiment import PartsOptions, Variant, Workspace
from visum_evaluation.parts.measures import PartsScore, mean_score


def compare_with_baselines(workspace: Workspace, options: PartsOptions) -> dict[str, PartsScore]:
    """The score of each baseline, mean over classes and rounds."""
    classifier = load_observable(options.world)
    names = load_world(options.world).classes
    scores: dict[str, list[PartsScore]] = {name: [] for name in BASELINES}
    for scenes in options.scenes():
        run = workspace.run(scenes, Variant("run", options.steps))
        files = [f"{scenes.class_name}-{number:05d}.png" for number in range(scenes.count)]
        regions = read_regions(run, files) if run else None
        explained = ExplainedClass(classifier, names.index(scenes.class_name), scenes.pictures(), regions)
        renderings = [scenes.rendering(number) for number in range(scenes.count)]
        figures = load_causal_figures(options.world)[scenes.class_name]
        for name, score in score_baselines(explained, renderings, figures, scenes.round).items():
            scores[name].append(score)
        workspace.tell(f"baselines, round {scenes.round}, {scenes.class_name}")
    return {name: mean_score(found) for name, found in scores.items()}
