"""TF_CONFIG, by which TensorFlow's Estimator and Kubernetes describe a cluster of machines. No platform joins one so far."""
import json
import os

from blitznet_estimator.errors import UserError


def refuse_cluster(instead, environ=None):
    """UserError where TF_CONFIG holds a cluster or cannot be read, which would make a run configuration wait or fail.

    Args:
      instead: what to do, the end of a sentence.
      environ: the environment variables; by default those of this process.
    """
    text = (os.environ if environ is None else environ).get('TF_CONFIG') or '{}'
    try:
        described = json.loads(text)
    except ValueError as error:
        raise UserError('TF_CONFIG is not JSON (%s): unset it, %s.' % (error, instead))
    if not isinstance(described, dict):
        raise UserError('TF_CONFIG=%s is no JSON object: unset it, %s.' % (text, instead))
    if described.get('cluster') or described.get('task'):
        raise UserError('TF_CONFIG describes a cluster, which is not used: unset it, %s.' % instead)
