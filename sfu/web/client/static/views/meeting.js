// @ts-check
// The meeting on the screen: puts stage, controls, panels and banner together and keeps them up to date, at most once
// a frame.

import { AudioOut } from '../audio.js';
import { h, icon, iconButton } from '../dom.js';
import { t } from '../i18n.js';
import { expose } from '../inspect.js';
import { MediaProblem } from '../media.js';
import { MutedSpeech } from '../speech.js';
import { banner } from './banner.js';
import { chatPanel } from './chat.js';
import { connectionPanel } from './connection.js';
import { controlBar } from './controls.js';
import { ask, devicesDialog, kKeys, keysDialog, shortcutsOn } from './dialogs.js';
import { peoplePanel } from './people.js';
import { Stage } from './stage.js';
import { toast, untoast } from './toasts.js';

const kQuietFrom = 10; // with so many people, comings and goings are not announced

/** @type {Record<string, string>} */
const kPanelTitles = { chat: 'chat.title', people: 'people.title', connection: 'connection.title' };

/**
 * @param {HTMLElement} root
 * @param {{ meeting: import('../meeting.js').Meeting, title: string }} options
 * @returns {{ close: () => void }}
 */
export function meetingPage(root, { meeting, title }) {
  const { media } = meeting;
  let panel = '';
  let unread = 0;
  /** @type {{ element: HTMLElement, update?: () => void, focus: () => void, close: () => void } | null} */
  let content = null;
  /** @type {HTMLElement | null} */
  let opener = null;

  const sounds = h('div', { hidden: true });
  const audio = new AudioOut(sounds);
  audio.setSpeaker(media.chosen.audiooutput);
  expose(meeting, audio);

  const stage = new Stage(meeting, () => open('people'));
  const problems = banner(meeting, audio);
  const side = h('aside', { class: 'side' });
  side.hidden = true;
  const invite = h(
    'div',
    { class: 'invite' },
    h('h2', {}, t('stage.alone')),
    h('p', {}, t('stage.invite')),
    h('button', { type: 'button', class: 'primary', onclick: () => void copyLink() }, icon('link'), t('control.copy')),
  );

  /** @param {string} name */
  const open = (name) => {
    const same = panel === name;
    closePanel();
    if (same) return;
    panel = name;
    opener = /** @type {HTMLElement | null} */ (document.activeElement);
    content = name === 'chat' ? chatPanel(meeting) : name === 'people' ? peoplePanel(meeting, ask) : connectionPanel(meeting);
    const heading = h('h2', { tabindex: -1 }, t(kPanelTitles[name]));
    side.replaceChildren(h('div', { class: 'side-head' }, heading, iconButton('close', t('app.close'), closePanel)), content.element);
    side.setAttribute('aria-label', t(kPanelTitles[name]));
    side.hidden = false;
    if (name === 'chat') {
      unread = 0;
      untoast('chat');
    }
    if (name === 'people') heading.focus();
    else content.focus();
    draw();
  };
  const closePanel = () => {
    if (!panel) return;
    content?.close();
    content = null;
    panel = '';
    const hadFocus = side.contains(document.activeElement);
    side.hidden = true;
    side.replaceChildren();
    if (hadFocus) opener?.focus();
    draw();
  };

  /** @param {Promise<void>} attempt */
  const told = (attempt) =>
    void attempt.catch((error) => {
      if (!(error instanceof MediaProblem)) console.error(error);
      else if (error.reason !== 'cancelled') toast(t(`problem.${error.kind}.${error.reason}`), { icon: 'warning', seconds: 12 });
    });
  const copyLink = async () => {
    const link = location.origin + location.pathname;
    try {
      await navigator.clipboard.writeText(link);
      toast(t('notice.copied'), { icon: 'link' });
    } catch {
      toast(t('notice.copy-failed', { link }), { icon: 'warning', seconds: 20 });
    }
  };
  const actions = {
    mic: () => {
      untoast('mic-off');
      told(media.setAudio(!media.audioOn));
    },
    camera: () => told(media.setVideo(!media.videoOn)),
    share: () => {
      if (media.canShareScreen) told(media.desktopTrack ? media.stopScreen() : media.startScreen());
    },
    hand: () => meeting.raiseHand(!meeting.hand),
    chat: () => open('chat'),
    people: () => open('people'),
    connection: () => open('connection'),
    devices: () => devicesDialog(media),
    copy: () => void copyLink(),
    full: () => {
      if (document.fullscreenElement) void document.exitFullscreen();
      else void document.documentElement.requestFullscreen?.().catch(() => {});
    },
    keys: () => keysDialog(),
    leave: () => meeting.leave(),
  };
  const controls = controlBar(actions, media.canShareScreen);
  const heading = h('h1', { class: 'meeting-title' }, title);
  root.replaceChildren(
    h(
      'div',
      { class: 'meeting' },
      h('header', { class: 'meeting-head' }, heading),
      h('main', { class: 'meeting-body' }, problems.element, stage.element, invite),
      side,
      controls.element,
      sounds,
    ),
  );
  document.title = `${title} · ${t('app.name')}`;

  let wasAway = false;
  let wasModerator = false;
  let wasIn = false;
  /** @type {Set<string>} */
  let hands = new Set();
  const draw = () => {
    const people = meeting.participants();
    stage.update();
    audio.update(people);
    problems.update();
    content?.update?.();
    controls.update({
      audio: media.audioOn && media.audioTrack !== null,
      video: media.videoOn,
      screen: media.desktopTrack !== null,
      hand: meeting.hand,
      unread,
      people: people.length,
      panel,
    });
    invite.hidden = meeting.phase !== 'joined' || people.length !== 1 || panel !== '' || media.desktopTrack !== null;
    document.title = `${unread > 0 ? `(${unread}) ` : ''}${title} · ${t('app.name')}`;
    announce(people);
  };
  /** @param {import('../meeting.js').Participant[]} people */
  const announce = (people) => {
    const raised = people.filter((p) => p.hand && !p.isSelf);
    for (const p of raised) {
      if (!hands.has(p.id)) toast(t('notice.hand', { name: p.name || t('person.guest') }), { icon: 'hand' });
    }
    hands = new Set(raised.map((p) => p.id));
    if (meeting.phase === 'reconnecting') wasAway = true;
    if (meeting.phase !== 'joined') return;
    if (wasAway) toast(t('notice.back'));
    wasAway = false;
    if (meeting.isModerator && !wasModerator && wasIn) toast(t('notice.moderator'), { icon: 'star' });
    wasModerator = meeting.isModerator;
    wasIn = true;
  };

  let scheduled = false;
  const soon = () => {
    if (scheduled) return;
    scheduled = true;
    // Hidden pages get no frames, but must still play the sound of whoever comes.
    const run = () => {
      scheduled = false;
      if (meeting.phase !== 'ended') draw();
    };
    if (document.hidden) setTimeout(run, 50);
    else requestAnimationFrame(run);
  };
  const speech = new MutedSpeech();
  const listening = setInterval(() => {
    if (!speech.feed(media.level(), !media.audioOn, Date.now())) return;
    const action = { label: t('control.unmute'), run: actions.mic };
    toast(t('notice.speaking-muted'), { icon: 'mic-off', seconds: 6, action });
  }, 100);

  const stops = [
    meeting.on('change', soon),
    meeting.on('message', (message) => {
      if (panel !== 'chat' && !message.own) {
        ++unread;
        const text = message.text.length > 80 ? `${message.text.slice(0, 79)}…` : message.text;
        toast(t('chat.new', { name: message.name || t('person.guest'), text }), { icon: 'chat' });
      }
      soon();
    }),
    meeting.on('notice', (key, parameters) => {
      const passing = key === 'notice.joined' || key === 'notice.left';
      if (passing && meeting.participants().length > kQuietFrom) return;
      toast(t(key, { ...parameters, ...('name' in parameters ? { name: parameters.name || t('person.guest') } : {}) }));
    }),
    media.on('lost', (kind) => toast(t(`problem.lost-${kind}`), { icon: 'warning', seconds: 12 })),
    media.on('chosen', () => audio.setSpeaker(media.chosen.audiooutput)),
  ];

  const onKey = (/** @type {KeyboardEvent} */ event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = /** @type {HTMLElement} */ (event.target);
    if (document.querySelector('dialog[open]')) return;
    if (event.key === 'Escape') {
      if (panel) closePanel();
      else stage.unpin();
      return;
    }
    if (target.closest('input, textarea, select, [role=menu]') || !shortcutsOn()) return;
    const action = kKeys[/** @type {keyof typeof kKeys} */ (event.key.toLowerCase())];
    if (!action || event.repeat) return;
    event.preventDefault();
    actions[/** @type {keyof typeof actions} */ (action)]();
  };
  document.addEventListener('keydown', onKey);
  document.addEventListener('fullscreenchange', soon);
  const wakeLock = keepAwake();
  draw();

  return {
    close: () => {
      clearInterval(listening);
      stops.forEach((stop) => stop());
      document.removeEventListener('keydown', onKey);
      document.removeEventListener('fullscreenchange', soon);
      wakeLock();
      controls.close();
      problems.close();
      content?.close();
      stage.close();
      audio.close();
      untoast();
      document.querySelectorAll('dialog').forEach((d) => d.close());
      if (document.fullscreenElement) void document.exitFullscreen();
    },
  };
}

/** Keeps the screen on while one only listens. @returns {() => void} ends it */
function keepAwake() {
  /** @type {any} */
  let lock = null;
  const take = () => {
    if (document.hidden) return;
    /** @type {any} */ (navigator).wakeLock?.request('screen').then((/** @type {any} */ got) => (lock = got), () => {});
  };
  document.addEventListener('visibilitychange', take);
  take();
  return () => {
    document.removeEventListener('visibilitychange', take);
    void lock?.release().catch(() => {});
  };
}
