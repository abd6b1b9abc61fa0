// The camera: its frames one by one, each taken when the answer to the one before is there.

const SIDE = 640; // pixels of a frame's longer side
const QUALITY = .85;
const WINDOW = 10; // frames over which the rate is taken

const IN_WORDS = {
  NotAllowedError: 'The browser was not allowed to use the camera. Allow it in the address bar, and try again.',
  NotFoundError: 'There is no camera.',
  NotReadableError: 'The camera is used by another program.',
};

/** What is wrong with the camera, in words. */
export class CameraError extends Error {}

/** ask(blob, bitmap): settles when a frame has been answered and drawn. onRate(frames per second). onError(error): it has stopped. */
export class Camera {
  constructor(handlers) {
    Object.assign(this, handlers);
    this.video = document.createElement('video');
    Object.assign(this.video, {muted: true, playsInline: true});
    this.stream = null;
    this.isPaused = false;
  }

  get isOn() {
    return Boolean(this.stream);
  }

  async start() {
    if (!navigator.mediaDevices?.getUserMedia) {
      throw new CameraError('Browsers give a camera only to pages that come by https, or from this machine itself (localhost).');
    }
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({video: {width: {ideal: SIDE}, facingMode: 'environment'}, audio: false});
      this.video.srcObject = this.stream;
      await this.video.play();
    } catch (error) {
      this.stop();
      throw new CameraError(IN_WORDS[error.name] || `The camera cannot be used (${error.message}).`);
    }
    this.stream.getTracks()[0].addEventListener('ended', () => this.isOn && this.fail(new CameraError('The camera is gone.')));
    this.isPaused = false;
    this.run(this.stream);
  }

  stop() {
    this.stream?.getTracks().forEach(track => track.stop());
    this.stream = null;
    this.video.srcObject = null;
  }

  fail(error) {
    this.stop();
    this.onError(error);
  }

  /** Ask about frame after frame until this stream is stopped. */
  async run(stream) {
    let ends = [];
    while (this.stream === stream) {
      if (this.isPaused || document.hidden) {
        ends = [];
        await new Promise(resolve => setTimeout(resolve, 100));
        continue;
      }
      try {
        await this.ask(...await this.frame());
      } catch (error) {
        if (this.stream === stream) {
          this.fail(error);
        }
        return;
      }
      ends = [...ends, performance.now()].slice(-WINDOW);
      if (ends.length > 1) {
        this.onRate(1000 * (ends.length - 1) / (ends[ends.length - 1] - ends[0]));
      }
    }
  }

  /** [JPEG Blob, bitmap] of what the camera sees now. */
  async frame() {
    const {videoWidth, videoHeight} = this.video;
    const factor = Math.min(1, SIDE / Math.max(videoWidth, videoHeight));
    const canvas = new OffscreenCanvas(Math.round(videoWidth * factor), Math.round(videoHeight * factor));
    canvas.getContext('2d').drawImage(this.video, 0, 0, canvas.width, canvas.height);
    const blob = await canvas.convertToBlob({type: 'image/jpeg', quality: QUALITY});
    return [blob, canvas.transferToImageBitmap()];
  }
}
