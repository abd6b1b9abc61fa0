"""What a platform is: where a run happens."""
import abc


class Platform(abc.ABC):
    """Everything that depends on the device. A platform is made from a Config, and nothing else in the code asks which one it is."""

    name = ''  # 'cpu', 'gpu' or 'npu'

    @property
    @abc.abstractmethod
    def shard(self):
        """(index, count): this process's share of the training data."""

    @property
    @abc.abstractmethod
    def is_chief(self):
        """Whether this process writes checkpoints, summaries and metrics."""

    @property
    @abc.abstractmethod
    def num_workers(self):
        """Number of devices that make each step together, over all processes. Each takes a batch of its own at every step."""

    @property
    def batches_per_step(self):
        """Batches that this process's input gives at every step that it makes."""
        return 1

    def batches_before(self, step):
        """Batches that this process's input has given when the training is at `step`."""
        return step * self.batches_per_step

    @property
    def makes_own_steps(self):
        """Whether the processes of the job take turns: each of the global steps is made by one of them."""
        return False

    def resolved(self, config):
        """`config`, with the defaults that depend on how this platform trains. UserError for what does not go together there."""
        return config

    @abc.abstractmethod
    def run_config(self):
        """A new run configuration for the platform's estimator: a tf.estimator.RunConfig or the like."""

    @abc.abstractmethod
    def model_params(self):
        """The ModelParams of this platform."""

    @abc.abstractmethod
    def describe(self):
        """One line for the log: device, precision and what else shapes a run."""

    @abc.abstractmethod
    def make_estimator(self, model_fn, params):
        """The platform's own Estimator of model_fn(features, labels, mode, params). Callers use `estimator`."""

    def agree_on_start(self, estimator, step):
        """The step that all processes of the job start from: that of the chief. step: what this process found in its own folder."""
        del estimator
        return step

    def estimator(self, model_fn, params):
        """An Estimator of model_fn(features, labels, mode, params).

        Args:
          params: a dict, {'config': a Config}, and for predictions {'checkpoint': its path}. `platform`, the ModelParams, is added.
        """
        return self.make_estimator(model_fn, dict(params, platform=self.model_params()))

    @property
    def pauses(self):
        """Whether `train` lets an evaluation run between two steps, its session left open. Else each phase between two has a session of its own."""
        return False

    def train(self, estimator, input_fn, max_steps, hooks, pauses=None):
        """Train `estimator` to `max_steps`, as its own `train` does, together with the other processes of the job.

        pauses: a `checkpoint_hook.Pauses`, or None. It is given only where this platform `pauses`.
        """
        del pauses
        estimator.train(input_fn, max_steps=max_steps, hooks=hooks)

    def leave(self):
        """Say to the other processes of the job, where that is needed, that this one has trained all that it will."""
        return None

    @property
    def only_serves(self):
        """Whether this process of a job trains nothing, but holds the weights of those that do: `serve` does it."""
        return False

    def serve(self):
        """Hold weights until the job is over. It is called where `only_serves`, and nowhere else."""
        raise NotImplementedError(type(self).__name__)

    @property
    def only_evaluates(self):
        """Whether this process of a job trains nothing, but evaluates each checkpoint that the others save."""
        return False

    def predict(self, estimator, input_fn, checkpoint):
        """Yield what `estimator` predicts with the weights of `checkpoint`: dicts of arrays, batch by batch, in order."""
        return estimator.predict(input_fn, checkpoint_path=checkpoint, yield_single_examples=False)
