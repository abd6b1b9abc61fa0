// Computes by TensorFlow.js for engines/tfjs.py: node tfjs_runner.js MODEL.JSON. program.py tells how the two speak.
'use strict';

console.log = console.info = console.debug = console.error;  // the standard output is for answers alone
process.on('uncaughtException', (error) => {  // those of promises, too
  answer({error: error.message});
  process.exit(1);
});

const fs = require('fs');
const path = require('path');
const tf = require('@tensorflow/tfjs');
require('@tensorflow/tfjs-backend-wasm');

const BACKENDS = ['wasm', 'cpu'];  // the second has every operation, and is many times slower

function read(size) {  // that many bytes of the standard input, or null where it has ended
  const bytes = Buffer.alloc(size);
  for (let done = 0; done < size;) {
    const count = fs.readSync(0, bytes, done, size - done, null);
    if (!count) return null;
    done += count;
  }
  return bytes;
}

function readLine() {
  const bytes = [];
  for (let one = read(1); one; one = read(1)) {
    if (one[0] === 10) return Buffer.from(bytes).toString('utf8');
    bytes.push(one[0]);
  }
  return null;
}

function write(bytes) {
  for (let done = 0; done < bytes.length;) done += fs.writeSync(1, bytes, done);
}

function answer(header, arrays = {}) {
  const shapes = Object.fromEntries(Object.entries(arrays).map(([name, {shape}]) => [name, shape]));
  write(Buffer.from(JSON.stringify({...header, arrays: shapes}) + '\n'));
  for (const {values} of Object.values(arrays)) write(Buffer.from(values.buffer, values.byteOffset, values.byteLength));
}

async function load(file) {
  const text = JSON.parse(fs.readFileSync(file, 'utf8'));
  const artifacts = await tf.io.getModelArtifactsForJSON(text, async (groups) => {
    const parts = groups.flatMap(({paths}) => paths).map((name) => fs.readFileSync(path.join(path.dirname(file), name)));
    return [groups.flatMap(({weights}) => weights), new Uint8Array(Buffer.concat(parts)).buffer];
  });
  return tf.loadGraphModel(tf.io.fromMemory(artifacts));
}

function compute(model, values, shape) {  // {name: {shape, values}} of inputs
  return tf.tidy(() => {
    const names = model.outputNodes.map((name) => name.split(':')[0]);
    const found = [].concat(model.execute({[model.inputNodes[0]]: tf.tensor(values, shape, 'float32')}, model.outputNodes));
    return Object.fromEntries(found.map((tensor, i) => [names[i], {shape: tensor.shape, values: Float32Array.from(tensor.dataSync())}]));
  });
}

async function loadByBackend(file) {  // {model, why}, on the first backend that has all its operations; why it is not the one before
  let why = '';
  for (const backend of BACKENDS) {
    try {
      await tf.setBackend(backend);
      const model = await load(file);
      const shape = [1, ...model.inputs[0].shape.slice(1)];
      compute(model, new Float32Array(tf.util.sizeFromShape(shape)), shape);
      return {model, why};
    } catch (error) {
      if (backend === BACKENDS[BACKENDS.length - 1] || !/not registered for/.test(error.message)) throw error;
      why = error.message;
    }
  }
}

function serve(model) {
  for (let line = readLine(); line !== null; line = readLine()) {
    const [shape] = Object.values(JSON.parse(line).arrays);
    const bytes = read(4 * tf.util.sizeFromShape(shape));
    if (bytes === null) return;
    answer({}, compute(model, new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4), shape));
  }
}

loadByBackend(process.argv[2]).then(({model, why}) => {
  answer({backend: tf.getBackend(), version: tf.version.tfjs, why});
  serve(model);
});
