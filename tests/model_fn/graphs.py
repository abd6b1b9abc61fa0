"""What runs before what, and what reads what, in a graph."""


def ancestors(op):
    """The ops that must have run before an op does."""
    found, ahead = set(), [op]
    while ahead:
        op = ahead.pop()
        new = {tensor.op for tensor in op.inputs} | set(op.control_inputs)
        ahead += new - found
        found |= new
    return found


def readers(tensor):
    """The ops that read a tensor or the same memory under another name."""
    views = 'Identity', 'Reshape'
    while tensor.op.type in views:
        tensor = tensor.op.inputs[0]
    found, tensors = set(), [tensor]
    while tensors:
        for op in tensors.pop().consumers():
            tensors += op.outputs if op.type in views else []
            found |= set() if op.type in views else {op}
    return found
