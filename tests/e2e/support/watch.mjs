// Scripts that run in a page before its own: they note what passes by, so that a test can say what never happened.

/** globalThis.seen.unavailable: who was said to have left the room, by every presence that came in. */
export function watchPresence() {
  const seen = { unavailable: [] };
  globalThis.seen = seen;
  const Original = globalThis.WebSocket;
  globalThis.WebSocket = class extends Original {
    constructor(...args) {
      super(...args);
      this.addEventListener('message', ({ data }) => {
        if (!String(data).startsWith('<presence')) return;
        const element = new DOMParser().parseFromString(data, 'text/xml').documentElement;
        if (element.getAttribute('type') === 'unavailable') seen.unavailable.push(element.getAttribute('from'));
      });
    }
  };
}

/** globalThis.selectedPair(): the two candidates that media takes, {local, remote}, or null. */
export function watchCandidates() {
  const connections = [];
  const Original = globalThis.RTCPeerConnection;
  globalThis.RTCPeerConnection = class extends Original {
    constructor(...args) {
      super(...args);
      connections.push(this);
    }
  };
  globalThis.selectedPair = async () => {
    const report = await connections.at(-1)?.getStats();
    const transport = [...(report?.values() ?? [])].find((e) => e.type === 'transport');
    const pair = report?.get(transport?.selectedCandidatePairId);
    return pair ? { local: { ...report.get(pair.localCandidateId) }, remote: { ...report.get(pair.remoteCandidateId) } } : null;
  };
}

/** Scripts that leave a page one way to the shard: the candidate with this port. */
export function onlyPort(port) {
  return [{ content: `globalThis.onlyPort = ${port};` }, filterCandidates];
}

function filterCandidates() {
  const original = RTCPeerConnection.prototype.setRemoteDescription;
  RTCPeerConnection.prototype.setRemoteDescription = function filtered({ type, sdp }) {
    const lines = sdp.split('\r\n').filter((line) => !line.startsWith('a=candidate:') || line.split(' ')[5] === String(globalThis.onlyPort));
    return original.call(this, { type, sdp: lines.join('\r\n') });
  };
}
