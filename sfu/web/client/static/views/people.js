// @ts-check
// Who is here; for moderators with the means to mute and to remove.

import { colourOf, h, icon, iconButton, initials } from '../dom.js';
import { t } from '../i18n.js';

/**
 * @param {import('../meeting.js').Meeting} meeting
 * @param {(question: string, yes: string, run: () => void) => void} ask
 */
export function peoplePanel(meeting, ask) {
  const list = h('ul', { class: 'people' });
  let drawn = '';
  const update = () => {
    const people = meeting.participants();
    const moderator = meeting.isModerator;
    // Raised hands first, then as they came.
    const sorted = [...people].sort((a, b) => Number(b.hand) - Number(a.hand));
    const facts = sorted.map((p) => [p.id, p.name, p.isModerator, p.audioMuted, p.videoMuted, p.hand]);
    const key = JSON.stringify([facts, moderator]);
    if (key === drawn) return;
    drawn = key;
    const focused = document.activeElement?.getAttribute('data-action') ?? '';
    list.replaceChildren(...sorted.map((p) => row(p, moderator)));
    // The list is drawn anew; whoever was on a button with the keyboard stays there.
    if (focused) /** @type {HTMLElement | null} */ (list.querySelector(`[data-action="${CSS.escape(focused)}"]`))?.focus();
  };

  /** @param {import('../meeting.js').Participant} person @param {boolean} moderator */
  const row = (person, moderator) => {
    const plain = person.name || t('person.guest');
    const name = person.isSelf ? t('tile.you', { name: plain }) : plain;
    /** @param {string} symbol @param {string} words */
    const badge = (symbol, words) => h('span', { class: `badge badge-${symbol}`, role: 'img', 'aria-label': words, title: words }, icon(symbol));
    /** @param {string} action @param {string} symbol @param {string} words @param {() => void} run */
    const button = (action, symbol, words, run) => {
      const element = iconButton(symbol, words, run);
      element.setAttribute('data-action', `${action} ${person.id}`);
      return element;
    };
    const kick = () => ask(t('people.kick-ask', { name: plain }), t('people.kick-yes'), () => void meeting.kick(person.id));
    const acts = moderator && !person.isSelf;
    return h(
      'li',
      { class: 'person' },
      h('span', { class: `avatar ${colourOf(person.id)}`, 'aria-hidden': 'true' }, initials(plain)),
      h(
        'span',
        { class: 'person-name' },
        name,
        person.isModerator ? h('small', {}, t('person.moderator')) : null,
      ),
      person.hand ? badge('hand', t('tile.hand')) : null,
      person.audioMuted ? badge('mic-off', t('tile.muted')) : null,
      acts && !person.audioMuted ? button('mute', 'mic', t('people.mute', { name: plain }), () => void meeting.mute(person.id, 'audio')) : null,
      acts && !person.videoMuted ? button('stop', 'camera', t('people.stop-video', { name: plain }), () => void meeting.mute(person.id, 'video')) : null,
      acts ? button('kick', 'remove', t('people.kick', { name: plain }), kick) : null,
    );
  };

  update();
  return { element: list, update, focus: () => {}, close: () => {} };
}
