// @ts-check
// The chat panel. Messages come back from the room before they show, so that everybody sees one order.

import { h, icon, linked } from '../dom.js';
import { clock, t } from '../i18n.js';

/** @param {import('../meeting.js').Meeting} meeting */
export function chatPanel(meeting) {
  const list = h('ol', { class: 'messages', tabindex: 0, 'aria-label': t('chat.title') });
  const empty = h('p', { class: 'empty' }, t('chat.empty'));
  const input = h('textarea', { rows: 1, maxlength: 4000, 'aria-label': t('chat.write'), placeholder: t('chat.write') });
  const grow = () => {
    input.style.height = 'auto';
    input.style.height = `${Math.min(140, input.scrollHeight)}px`;
  };
  const send = (/** @type {Event} */ event) => {
    event.preventDefault();
    const text = input.value.trim();
    if (text === '' || !meeting.say(text)) return;
    input.value = '';
    grow();
  };
  input.oninput = grow;
  input.onkeydown = (event) => {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) send(event);
  };
  const button = h('button', { type: 'submit', class: 'icon-button send', 'aria-label': t('chat.send'), title: t('chat.send') }, icon('send'));
  const form = h('form', { class: 'chat-form', onsubmit: send }, input, button);
  const element = h('div', { class: 'chat' }, empty, list, form);

  let lastFrom = '';
  let lastTime = 0;
  const add = (/** @type {import('../meeting.js').Meeting['messages'][number]} */ message) => {
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
    // Several in a row by one person share one heading.
    const follows = message.from === lastFrom && message.time.getTime() - lastTime < 120_000;
    lastFrom = message.from;
    lastTime = message.time.getTime();
    const name = message.own ? t('person.you') : message.name || t('person.guest');
    const head = h(
      'p',
      { class: 'message-head' },
      h('strong', {}, name),
      message.isPrivate ? h('em', {}, ` ${t('chat.private')}`) : null,
      h('time', { datetime: message.time.toISOString() }, clock(message.time)),
    );
    const body = h('p', { class: 'message-text', dir: 'auto' }, ...linked(message.text));
    list.append(h('li', { class: message.own ? 'message own' : 'message' }, follows ? null : head, body));
    empty.hidden = true;
    if (atEnd || message.own) list.scrollTop = list.scrollHeight;
  };
  meeting.messages.forEach(add);
  const stop = meeting.on('message', add);
  return { element, focus: () => (input.focus(), (list.scrollTop = list.scrollHeight)), close: stop };
}
