"""Session-run hooks around training. Each is right when the global step advances by more than 1 per run."""
from hooks.loss_table import LossTableHook
from hooks.nonfinite import NonFiniteHook
from hooks.overflow import OverflowHook
from hooks.profile import ProfileHook
from hooks.progress import ProgressHook
from hooks.run_summary import RunSummaryHook
from hooks.stop import StopHook
from hooks.throughput import ScalarWriter, ThroughputHook
from hooks.time_budget import TimeBudgetHook


def training_hooks(config, platform, stop=None, budget=None):
    """The hooks of a training run on `platform`; they serve all its phases. stop, budget: the driver's StopRequest and TimeBudget, or None."""
    run, workers = config.run, platform.num_workers
    images = config.data.batch_size * workers
    loop = run.iterations_per_loop
    hooks = [NonFiniteHook(), OverflowHook()]
    if stop:
        hooks.append(StopHook(stop))
    if budget:
        hooks.append(TimeBudgetHook(budget))
    if platform.is_chief:
        hooks += [ProgressHook(config.train.train_steps, images, every=loop, enabled=run.progress),
                  ThroughputHook(images, max(run.summary_every, loop), ScalarWriter(run.model_dir)),
                  LossTableHook(run.model_dir, max(run.summary_every, loop)),
                  RunSummaryHook(run.model_dir, config.data.batch_size, workers)]
    if platform.is_chief and run.profile_steps:
        hooks.append(ProfileHook(run.model_dir, *run.profile_steps))
    return hooks
