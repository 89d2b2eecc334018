// A participant who runs Jitsi's own client library, unmodified, of December 2021 (npm @lyno/lib-jitsi-meet 2.6726.2):
// a page with jquery and the library, served on localhost, that joins a room of our shard.
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const modules = fileURLToPath(new URL('../node_modules/', import.meta.url));
const files = {
  '/jquery.js': `${modules}jquery/dist/jquery.min.js`,
  '/lib-jitsi-meet.js': `${modules}.old-jitsi/package/lib-jitsi-meet.min.js`,
};
const html = '<!doctype html><title>old client</title><script src="/jquery.js"></script>' +
  '<script>globalThis.jquery = globalThis.jQuery;</script><script src="/lib-jitsi-meet.js"></script>';

/** Serves the page: {url, close()}. */
export async function serveOldClient() {
  const server = createServer((request, response) => {
    const file = files[request.url];
    response.setHeader('Content-Type', file ? 'text/javascript' : 'text/html');
    response.end(file ? readFileSync(file) : html);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}

/** Counts what the page's peer connections do, before any script of the page runs. */
export function watchPeerConnections() {
  const watched = { connections: [], setRemoteDescription: 0 };
  globalThis.watched = watched;
  const Original = globalThis.RTCPeerConnection;
  globalThis.RTCPeerConnection = class extends Original {
    constructor(...args) {
      super(...args);
      watched.connections.push(this);
    }
    setRemoteDescription(...args) {
      watched.setRemoteDescription += 1;
      return super.setRemoteDescription(...args);
    }
  };
  /** Inbound streams of all connections: [{kind, ssrc, framesDecoded, bytesReceived, totalAudioEnergy}]. */
  globalThis.inbound = async () => {
    const out = [];
    for (const connection of watched.connections) {
      for (const entry of (await connection.getStats()).values()) {
        if (entry.type === 'inbound-rtp') out.push({ kind: entry.kind, ssrc: entry.ssrc, framesDecoded: entry.framesDecoded ?? 0, bytesReceived: entry.bytesReceived, totalAudioEnergy: entry.totalAudioEnergy ?? 0 });
      }
    }
    return out;
  };
}

/** Joins ROOM at the shard's WebSocket URL. */
export async function joinOldClient(browser, pageUrl, websocket, room, name) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  page.problems = [];
  page.on('pageerror', (error) => page.problems.push(String(error)));
  page.on('console', (message) => { if (['error', 'warning'].includes(message.type())) page.problems.push(message.text().slice(0, 300)); });
  await page.addInitScript(watchPeerConnections);
  await page.goto(pageUrl);
  await page.evaluate(async ({ websocket: url, room: roomName, name: display }) => {
    const old = { joined: false, failed: null, remote: [], chat: [], dominant: null, left: [] };
    globalThis.old = old;
    const JitsiMeetJS = globalThis.JitsiMeetJS;
    JitsiMeetJS.setLogLevel(JitsiMeetJS.logLevels.ERROR);
    JitsiMeetJS.init({ disableAudioLevels: true, disableThirdPartyRequests: true, enableAnalyticsLogging: false });
    const tracks = await JitsiMeetJS.createLocalTracks({ devices: ['audio', 'video'], resolution: 180, constraints: { video: { width: 320, height: 180, frameRate: 15 } } });
    const connection = new JitsiMeetJS.JitsiConnection(null, null, {
      hosts: { domain: 'meet.jitsi', muc: 'conference.meet.jitsi', focus: 'focus.meet.jitsi' },
      serviceUrl: `${url}?room=${roomName}`, clientNode: 'http://jitsi.org/jitsimeet', enableLipSync: false, websocketKeepAlive: -1,
    });
    const { events } = JitsiMeetJS;
    connection.addEventListener(events.connection.CONNECTION_FAILED, (reason) => { old.failed = `connection: ${reason}`; });
    connection.addEventListener(events.connection.CONNECTION_ESTABLISHED, () => {
      const conference = connection.initJitsiConference(roomName, { openBridgeChannel: 'websocket', p2p: { enabled: false }, disableSimulcast: false, statisticsId: display });
      old.conference = conference;
      conference.setDisplayName(display);
      conference.on(events.conference.TRACK_ADDED, (track) => { if (!track.isLocal()) { old.remote.push(`${track.getParticipantId()} ${track.getType()}`); track.attach(Object.assign(document.createElement(track.getType()), { autoplay: true })); } });
      conference.on(events.conference.CONFERENCE_JOINED, () => { old.joined = true; });
      conference.on(events.conference.CONFERENCE_FAILED, (reason) => { old.failed = `conference: ${reason}`; });
      conference.on(events.conference.MESSAGE_RECEIVED, (id, text) => old.chat.push([id, text]));
      conference.on(events.conference.DOMINANT_SPEAKER_CHANGED, (id) => { old.dominant = id; });
      conference.on(events.conference.USER_LEFT, (id) => old.left.push(id));
      for (const track of tracks) conference.addTrack(track);
      conference.join();
    });
    connection.connect();
  }, { websocket, room, name });
  return page;
}
