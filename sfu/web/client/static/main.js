// @ts-check
// Where it begins: the address says which room, and the pages follow one another: preview, meeting, end.

import { h } from './dom.js';
import { chooseLanguage, setLanguage, t } from './i18n.js';
import { Media } from './media.js';
import { Meeting } from './meeting.js';
import { readOptions } from './options.js';
import { roomKey, roomOfPath } from './rooms.js';
import { loadConfig } from './server.js';
import { recall, remember } from './settings.js';
import { endedPage } from './views/ended.js';
import { meetingPage } from './views/meeting.js';
import { prejoin } from './views/prejoin.js';
import { startPage } from './views/start.js';
import { toast } from './views/toasts.js';

const root = /** @type {HTMLElement} */ (document.getElementById('app'));
const options = readOptions(location.search, location.hash);
setLanguage(chooseLanguage([options.lang, recall('language', ''), ...(navigator.languages ?? [])]));
const title = roomOfPath(location.pathname);

if (typeof RTCPeerConnection === 'undefined' || typeof WebSocket === 'undefined') {
  root.replaceChildren(h('p', { class: 'plain-note' }, t('app.unsupported')));
} else if (title === null) {
  startPage(root);
} else {
  void visit(title);
}

/** @param {string} room as people read it */
async function visit(room) {
  const key = roomKey(room);
  const chosen = { audioinput: '', videoinput: '', audiooutput: '', ...recall('devices', {}) };
  const media = new Media(options, chosen);
  media.on('chosen', () => remember('devices', media.chosen));
  const audio = options.audio ?? recall('audio', true);
  const video = options.video ?? recall('video', true);
  const config = loadConfig(key, options.config);
  let name = options.name ?? recall('name', '');
  if (options.skipPrejoin) {
    const report = (/** @type {any} */ error) => {
      if (error?.kind) toast(t(`problem.${error.kind}.${error.reason}`), { icon: 'warning', seconds: 12 });
    };
    await Promise.all([
      audio ? media.setAudio(true).catch(report) : null,
      video ? media.setVideo(true).catch(report) : null,
    ]);
  } else {
    name = await prejoin(root, { title: room, name, media, audio, video });
  }
  meet({ config: await config, key, name, media, room, password: '' });
}

/** @typedef {{ config: import('./server.js').Config, key: string, name: string, media: Media, room: string, password: string }} Visit */

/** @param {Visit} visit */
function meet(visit) {
  const { config, key, name, media, room, password } = visit;
  const meeting = new Meeting({ config, key, name, media, options });
  meeting.password = password;
  const page = meetingPage(root, { meeting, title: room });
  // A page that goes says so, or the others would see a frozen picture until the server notices.
  const goodbye = () => meeting.leave();
  addEventListener('pagehide', goodbye);
  let over = false;
  const was = { audio: false, video: false };
  meeting.on('change', () => {
    if (meeting.phase !== 'ended') {
      Object.assign(was, { audio: media.audioOn, video: media.videoOn });
      return;
    }
    removeEventListener('pagehide', goodbye);
    if (!meeting.end || over) return;
    over = true;
    page.close();
    media.close();
    endedPage(root, meeting.end, (typed) => void again(typed));
  });
  const again = async (/** @type {string} */ typed) => {
    root.replaceChildren();
    // As it was: who was muted comes back muted.
    if (was.audio) await media.setAudio(true).catch(() => {});
    if (was.video) await media.setVideo(true).catch(() => {});
    meet({ ...visit, name: meeting.name, password: typed });
  };
  meeting.start();
}
