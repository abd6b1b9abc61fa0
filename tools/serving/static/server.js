// What is asked of the server: what the model is, and what is in a picture. The API is TensorFlow Serving's.

const TRIES = 8; // of a server that is busy
const MAX_WAIT_S = 30;
const BUSY = [429, 503];

/** What is said to the user. isOurs: whether the server was reached, and says so itself. */
export class ServerError extends Error {}

const IN_WORDS = {
  404: 'The server has no such model any more. Load this page again.',
  413: 'The picture is too large for this server.',
  504: 'The server took too long. It may be busy: try again.',
};

/** What the page must know of the model: see page.py. */
export async function fetchModel() {
  const response = await reach('page/model.json');
  if (!response.ok) {
    throw new ServerError(`The server has no model at the moment. (${await told(response)})`);
  }
  return response.json();
}

/**
 * What the model finds in a picture, a Blob of a JPEG or PNG file.
 *
 * onBusy(seconds, tryNumber) is called before a busy server is asked again.
 * Returns {prediction, times}: milliseconds of each part of the way, in its order.
 */
export async function predict(path, blob, {signal, onBusy = () => {}} = {}) {
  const began = performance.now();
  const body = `{"instances": [{"b64": "${await base64(blob)}"}]}`;
  for (let number = 1; ; number++) {
    const sent = performance.now();
    const response = await reach(path, {method: 'POST', body, signal, headers: {'Content-Type': 'application/json'}});
    const answered = performance.now();
    if (response.ok) {
      const prediction = (await response.json()).predictions[0];
      if (prediction.status && prediction.status !== 'ok') {
        throw new ServerError(`The server cannot read the picture: ${prediction.status}.`);
      }
      return {prediction, times: times(response, sent - began, answered - sent, performance.now() - answered)};
    }
    const message = await told(response);
    if (!BUSY.includes(response.status) || number === TRIES) {
      throw new ServerError(IN_WORDS[response.status] || message);
    }
    const seconds = wait(response.headers.get('Retry-After'));
    onBusy(seconds, number + 1);
    await sleep(seconds * 1000, signal);
  }
}

async function reach(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (error.name === 'AbortError') {
      throw error;
    }
    throw new ServerError('The server does not answer. Is it running, and is the network there?');
  }
}

/** What an answer that is an error says. */
async function told(response) {
  try {
    return (await response.json()).error;
  } catch {
    return `The server answers ${response.status}.`;
  }
}

/** Seconds of a Retry-After header, at least one. */
function wait(header) {
  const seconds = Number.parseInt(header, 10);
  return Math.min(Math.max(Number.isNaN(seconds) ? 1 : seconds, 1), MAX_WAIT_S);
}

function sleep(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(new DOMException('Stopped', 'AbortError'));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener('abort', stop, {once: true});
  });
}

/** The parts of a request's time. The server tells its own by Server-Timing; what is left of the time until its answer is the upload. */
function times(response, encode, untilAnswer, download) {
  const parts = {};
  for (const entry of (response.headers.get('Server-Timing') || '').split(',')) {
    const [, name, milliseconds] = entry.match(/^\s*([\w-]+);dur=([\d.]+)/) || [];
    if (name) {
      parts[name] = Number(milliseconds);
    }
  }
  const {queue = 0, model = 0, total = queue + model} = parts;
  return {
    encode, upload: Math.max(untilAnswer - total, 0), queue, model, server: Math.max(total - queue - model, 0), download,
  };
}

/** The bytes of a Blob in base64's standard alphabet. */
export function base64(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(',') + 1));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}
