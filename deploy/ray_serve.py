"""A model behind Ray Serve, which spreads requests over processes and machines: POST a picture's bytes, get its boxes as JSON.

  pip install "ray[serve]"
  BLITZNET_MODEL=runs/tiny-shapes serve run deploy.ray_serve:app
  curl --data-binary @photo.jpg http://127.0.0.1:8000/
"""
import asyncio
import os

from ray import serve
from starlette.requests import Request
from starlette.responses import JSONResponse

MOST_BYTES = 32 << 20  # of a request


@serve.deployment(num_replicas=int(os.environ.get('BLITZNET_REPLICAS', 1)), ray_actor_options={'num_cpus': 1}, max_ongoing_requests=32)
class BlitzNet:
    """One copy of the model. Requests that come at about the same time are computed as one batch."""

    def __init__(self, path):
        from blitznet_estimator import Model
        self._model = Model(path, color='rgb')

    @serve.batch(max_batch_size=8, batch_wait_timeout_s=.01)
    async def _predict(self, pictures):
        results = await asyncio.get_running_loop().run_in_executor(None, self._model, pictures)
        return [result.to_dict() for result in results]

    async def __call__(self, request: Request):
        from blitznet_estimator.errors import UserError
        from input_fn.datasets.images import decode_image
        if int(request.headers.get('content-length') or MOST_BYTES + 1) > MOST_BYTES:
            return JSONResponse({'error': 'The request needs a Content-Length of at most %d bytes.' % MOST_BYTES}, 413)
        try:
            picture = decode_image(await request.body(), 'the picture', upright=True)
        except UserError as error:
            return JSONResponse({'error': str(error)}, 400)
        return JSONResponse(await self._predict(picture))


app = BlitzNet.bind(os.environ.get('BLITZNET_MODEL', 'runs/tiny-shapes'))
