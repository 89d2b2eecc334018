// @ts-check
// The line above the pictures that says what is wrong and what is being done about it.

import { h, icon, setText } from '../dom.js';
import { t } from '../i18n.js';

const kThinAfter = 2000; // ms; what mends itself sooner needs no words

/**
 * @param {import('../meeting.js').Meeting} meeting
 * @param {import('../audio.js').AudioOut} audio
 */
export function banner(meeting, audio) {
  const words = h('span', { role: 'status' });
  const countdown = h('span', { 'aria-hidden': 'true' }); // not read out each second
  const retry = h('button', { type: 'button', class: 'text-button', onclick: () => meeting.retryNow() }, t('banner.now'));
  const trouble = h('div', { class: 'banner' }, icon('warning'), words, countdown, retry);
  const hear = h('button', { type: 'button', class: 'primary', onclick: () => void audio.unblock() }, icon('sound'), t('banner.hear'));
  const sound = h('div', { class: 'banner' }, h('span', { role: 'status' }, t('banner.sound')), hear);
  const element = h('div', { class: 'banners' }, trouble, sound);

  let thinSince = 0; // 0: it is not

  const update = () => {
    const { problem, phase } = meeting;
    const media = phase === 'joined' && ['failed', 'disconnected'].includes(meeting.mediaState);
    if (!meeting.downlink?.suspended) thinSince = 0;
    else if (thinSince === 0) thinSince = Date.now();
    const thin = thinSince !== 0 && Date.now() - thinSince >= kThinAfter;
    const text =
      phase === 'joined' ? (media ? t('banner.media') : thin ? t('banner.thin') : '') : problem ? t(`banner.${problem.reason}`) : t('banner.connecting');
    setText(words, text);
    const waits = phase !== 'joined' && problem !== null;
    const seconds = problem ? Math.ceil((problem.retryAt - Date.now()) / 1000) : 0;
    setText(countdown, !waits ? '' : seconds > 0 ? t('banner.again', { count: seconds }) : t('banner.trying'));
    retry.hidden = !waits || seconds <= 0;
    trouble.hidden = text === '';
    trouble.classList.toggle('calm', phase === 'connecting' && !problem);
    sound.hidden = !audio.blocked;
  };
  const timer = setInterval(update, 500);
  const stop = audio.on('blocked', update);
  return { element, update, close: () => (clearInterval(timer), stop()) };
}
