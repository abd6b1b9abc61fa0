"""Session-run hooks around training. Each is right when the global step advances by more than 1 per run."""
from hooks.nonfinite import NonFiniteHook
from hooks.overflow import OverflowHook
from hooks.profile import ProfileHook
from hooks.progress import ProgressHook
from hooks.run_summary import RunSummaryHook
from hooks.stop import StopHook
from hooks.throughput import ScalarWriter, ThroughputHook


def training_hooks(config, platform, stop=None):
    """The hooks of a training run on `platform`; they serve all its phases. stop: the StopRequest of the driver, or None."""
    run, workers = config.run, platform.num_workers
    images = config.data.batch_size * workers
    loop = run.iterations_per_loop
    hooks = [NonFiniteHook(), OverflowHook()]
    if stop:
        hooks.append(StopHook(stop))
    if platform.is_chief:
        hooks += [ProgressHook(config.train.train_steps, images, every=loop, enabled=run.progress),
                  ThroughputHook(images, max(run.summary_every, loop), ScalarWriter(run.model_dir)),
                  RunSummaryHook(run.model_dir, config.data.batch_size, workers)]
    if platform.is_chief and run.profile_steps:
        hooks.append(ProfileHook(run.model_dir, *run.profile_steps))
    return hooks
