// Runs in the page, beside it: what #remote shows and plays, read back by content. Its text is put into a function together with stamp.js.

/* global readStamp, stampHeight */
(() => {
  const remote = document.getElementById('remote');
  const seen = { frames: 0, stamps: [], peaksHz: [], colours: [] };
  const canvas = document.createElement('canvas');
  const context = canvas.getContext('2d', { willReadFrequently: true, alpha: false });

  function look() {
    const width = remote.videoWidth, height = remote.videoHeight;
    if (width > 0) {
      if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
      context.drawImage(remote, 0, 0);
      const { data } = context.getImageData(0, 0, width, stampHeight(width));
      const luma = (x, y) => {
        const at = 4 * (y * width + x);
        return 16 + (65.738 * data[at] + 129.057 * data[at + 1] + 25.064 * data[at + 2]) / 256; // BT.601, 16..235
      };
      const stamp = readStamp(luma, width);
      seen.frames++;
      if (stamp) seen.stamps.push(stamp);
      seen.colours.push([...context.getImageData(width >> 2, height >> 1, 1, 1).data.slice(0, 3)].join(' '));
    }
    remote.requestVideoFrameCallback(look);
  }
  remote.requestVideoFrameCallback(look);

  const audio = new AudioContext();
  const analyser = new AnalyserNode(audio, { fftSize: 8192, smoothingTimeConstant: 0 });
  audio.createMediaStreamSource(remote.srcObject).connect(analyser);
  const bins = new Float32Array(analyser.frequencyBinCount);
  setInterval(() => {
    analyser.getFloatFrequencyData(bins);
    let loudest = 1;
    for (let i = 2; i < bins.length; i++) if (bins[i] > bins[loudest]) loudest = i;
    if (bins[loudest] > -60) seen.peaksHz.push((loudest * audio.sampleRate) / analyser.fftSize);
  }, 200);

  window.seen = seen;
})();
