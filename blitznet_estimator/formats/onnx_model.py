"""ONNX, twice: the raw outputs, and complete with boxes and a mask of a size that is given as input."""
import contextlib
import gc
import os

from blitznet_estimator.batch import raw_output_shapes
from blitznet_estimator.formats.registry import Exported

RAW, COMPLETE = 'model.onnx', 'model_complete.onnx'


def convert(order):
    """Write both files; returns them."""
    import onnx

    from blitznet_estimator.formats.onnx_complete import complete
    model = raw_model(order.graph, order.config)
    onnx.save(model, os.path.join(order.folder, RAW))
    complete(model, order.config)
    onnx.checker.check_model(model)
    onnx.save(model, os.path.join(order.folder, COMPLETE))
    return [Exported(RAW, 'onnx', 'raw', 'float32'), Exported(COMPLETE, 'onnx', 'complete', 'float32')]


def raw_model(graph, config):
    """The ONNX model of a frozen graph (its path), for batches of any size, with the names that all formats have."""
    import onnx
    import tf2onnx

    from blitznet_estimator.formats import frozen
    from blitznet_estimator.formats.onnx_complete import OPERATORS, rename
    from blitznet_estimator.formats.onnx_resizes import by_sizes
    names = ['input'] + list(raw_output_shapes(config.network))
    with _copies_freed():
        model, _ = tf2onnx.convert.from_graph_def(frozen.read(graph), input_names=['input:0'], output_names=[name + ':0' for name in names[1:]],
                                                  opset=OPERATORS)
    by_sizes(model)
    rename(model.graph, {name + ':0': name for name in names})
    for value in [*model.graph.input, *model.graph.output]:
        value.type.tensor_type.shape.dim[0].dim_param = 'N'
    onnx.checker.check_model(model)
    return model


@contextlib.contextmanager
def _copies_freed():
    """Free tf2onnx's copies within a `with` block.

    It copies the graph, with all weights, before each of its optimizers. The objects of a copy refer to each other in circles, so that they
    stay until Python collects them, which it hardly does meanwhile: 11 GB with blitznet300, and 5 with this.
    """
    from tf2onnx.optimizer.optimizer_base import GraphOptimizerBase
    optimize = GraphOptimizerBase.optimize

    def collected(self, *arguments):
        gc.collect()
        return optimize(self, *arguments)
    GraphOptimizerBase.optimize = collected
    try:
        yield
    finally:
        GraphOptimizerBase.optimize = optimize
