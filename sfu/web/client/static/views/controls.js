// @ts-check
// The bar at the lower edge: what one does all the time as buttons, the rest behind "More".

import { h, icon, setIcon, setLabel, setText } from '../dom.js';
import { t } from '../i18n.js';

/**
 * @typedef {object} Actions
 * @property {() => void} mic
 * @property {() => void} camera
 * @property {() => void} share
 * @property {() => void} hand
 * @property {() => void} chat
 * @property {() => void} people
 * @property {() => void} connection
 * @property {() => void} devices
 * @property {() => void} copy
 * @property {() => void} full
 * @property {() => void} keys
 * @property {() => void} leave
 */

/** @param {Actions} actions @param {boolean} canShare */
export function controlBar(actions, canShare) {
  /** @param {keyof Actions} action @param {string} name @param {string} [className] */
  const button = (action, name, className = '') => {
    const element = h('button', { type: 'button', class: `control ${className}`, onclick: () => actions[action]() }, icon(name));
    element.append(h('span', { class: 'control-words', 'aria-hidden': 'true' }));
    return element;
  };
  const mic = button('mic', 'mic');
  const camera = button('camera', 'camera');
  const share = canShare ? button('share', 'screen', 'wide-only') : null;
  const hand = button('hand', 'hand', 'wide-only');
  const chat = button('chat', 'chat');
  const people = button('people', 'people');
  const leave = button('leave', 'leave', 'leave');
  const unread = h('span', { class: 'count', 'aria-hidden': 'true' });
  const count = h('span', { class: 'count calm', 'aria-hidden': 'true' });
  chat.append(' ', unread);
  people.append(' ', count);
  const menu = moreMenu(actions, canShare);
  const element = h(
    'nav',
    { class: 'controls', 'aria-label': t('control.bar') },
    mic, camera, share, hand, chat, people, menu.element, leave,
  );

  /**
   * @param {HTMLElement | null} target @param {string} symbol @param {string} words @param {string} [label] the full name
   */
  const name = (target, symbol, words, label = words) => {
    if (!target) return;
    setIcon(/** @type {Element} */ (target.querySelector('.icon')), symbol);
    setText(/** @type {Element} */ (target.querySelector('.control-words')), words);
    setLabel(target, label);
  };

  /** @param {{ audio: boolean, video: boolean, screen: boolean, hand: boolean, unread: number, people: number, panel: string }} state */
  const update = (state) => {
    name(mic, state.audio ? 'mic' : 'mic-off', t(state.audio ? 'control.mute' : 'control.unmute'));
    name(camera, state.video ? 'camera' : 'camera-off', t(state.video ? 'control.camera-off' : 'control.camera-on'));
    mic.classList.toggle('off', !state.audio);
    camera.classList.toggle('off', !state.video);
    name(share, state.screen ? 'screen-off' : 'screen', t(state.screen ? 'control.unshare' : 'control.share'));
    share?.classList.toggle('active', state.screen);
    name(hand, 'hand', t(state.hand ? 'control.hand-down' : 'control.hand-up'));
    hand.classList.toggle('active', state.hand);
    name(chat, 'chat', t('control.chat'), state.unread > 0 ? t('control.chat-unread', { count: state.unread }) : t('control.chat'));
    name(people, 'people', t('control.people'), t('control.people-count', { count: state.people }));
    name(leave, 'leave', t('control.leave'));
    chat.setAttribute('aria-expanded', String(state.panel === 'chat'));
    people.setAttribute('aria-expanded', String(state.panel === 'people'));
    unread.hidden = state.unread === 0;
    setText(unread, state.unread > 99 ? '99+' : String(state.unread));
    setText(count, String(state.people));
    menu.update(state);
  };
  return { element, update, close: menu.close };
}

/** @param {Actions} actions @param {boolean} canShare */
function moreMenu(actions, canShare) {
  /** @type {Record<string, HTMLElement>} */
  const items = {};
  /** @param {keyof Actions} action @param {string} symbol @param {string} key @param {string} [className] */
  const item = (action, symbol, key, className = '') => {
    const run = () => {
      close();
      toggle.focus();
      actions[action]();
    };
    items[action] = h(
      'button',
      { type: 'button', role: 'menuitem', tabindex: -1, class: className, onclick: run },
      icon(symbol),
      h('span', {}, t(key)),
    );
    return items[action];
  };
  const menu = h(
    'div',
    { class: 'menu', role: 'menu', 'aria-label': t('control.more'), id: 'more-menu' },
    canShare ? item('share', 'screen', 'control.share', 'narrow-only') : null,
    item('hand', 'hand', 'control.hand-up', 'narrow-only'),
    item('copy', 'link', 'control.copy'),
    item('devices', 'devices', 'control.devices'),
    item('connection', 'signal', 'control.connection'),
    document.fullscreenEnabled ? item('full', 'full', 'control.fullscreen') : null,
    item('keys', 'keys', 'control.keys', 'wide-only'),
  );
  menu.hidden = true;
  const shown = () =>
    /** @type {HTMLElement[]} */ ([...menu.querySelectorAll('[role=menuitem]')]).filter((e) => e.offsetParent !== null);
  const open = () => {
    menu.hidden = false;
    toggle.setAttribute('aria-expanded', 'true');
    document.addEventListener('pointerdown', outside);
    shown()[0]?.focus();
  };
  const close = () => {
    menu.hidden = true;
    toggle.setAttribute('aria-expanded', 'false');
    document.removeEventListener('pointerdown', outside);
  };
  const outside = (/** @type {Event} */ event) => {
    if (!element.contains(/** @type {Node} */ (event.target))) close();
  };
  menu.onkeydown = (event) => {
    const list = shown();
    const at = list.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1 + list.length, Home: 0, End: list.length - 1 }[event.key];
    if (to !== undefined) list[to % list.length]?.focus();
    else if (event.key === 'Escape') {
      close();
      toggle.focus();
    } else {
      if (event.key === 'Tab') close();
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  const toggle = h(
    'button',
    {
      type: 'button', class: 'control', 'aria-haspopup': 'menu', 'aria-expanded': 'false', 'aria-controls': 'more-menu',
      'aria-label': t('control.more'), title: t('control.more'), onclick: () => (menu.hidden ? open() : close()),
    },
    icon('more'),
    h('span', { class: 'control-words', 'aria-hidden': 'true' }, t('control.more')),
  );
  const element = h('div', { class: 'more' }, toggle, menu);
  /** @param {{ screen: boolean, hand: boolean }} state */
  const update = (state) => {
    const label = (/** @type {string} */ action, /** @type {string} */ key) => {
      const words = items[action]?.querySelector('span');
      if (words) setText(words, t(key));
    };
    label('share', state.screen ? 'control.unshare' : 'control.share');
    label('hand', state.hand ? 'control.hand-down' : 'control.hand-up');
    label('full', document.fullscreenElement ? 'control.fullscreen-end' : 'control.fullscreen');
  };
  return { element, update, close };
}
