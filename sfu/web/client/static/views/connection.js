// @ts-check
// The connection in figures, for whoever helps to find out why something stutters.

import { h, icon } from '../dom.js';
import { clock, t } from '../i18n.js';
import { gradeOf } from '../stats.js';

/** @param {import('../meeting.js').Meeting} meeting */
export function connectionPanel(meeting) {
  const element = h('div', { class: 'connection', tabindex: 0, role: 'region', 'aria-label': t('connection.title') });
  const update = () => {
    const { summary, quality, downlink } = meeting;
    const state = (/** @type {boolean} */ open) => t(open ? 'connection.open' : 'connection.closed');
    const facts = [
      ['connection.shard', meeting.shard || t('connection.unknown')],
      ['connection.region', meeting.region],
      ['connection.room', meeting.key],
      ['connection.since', meeting.started ? clock(meeting.started) : ''],
      ['connection.signalling', state(meeting.stream.isOpen)],
      ['connection.media', state(meeting.mediaState === 'connected')],
      ['connection.channel', state(meeting.channel?.isOpen ?? false)],
      ['connection.quality', quality === null ? '' : t('connection.score', { grade: t(`grade.${gradeOf(quality)}`), count: quality })],
      ['connection.path', summary?.path ? t(`connection.${summary.path}`, { protocol: summary.protocol.toUpperCase() }) : ''],
      ['connection.rtt', summary?.rtt != null ? t('connection.ms', { count: summary.rtt }) : ''],
      ['connection.sent', summary ? t('connection.rate', { rate: summary.sendKbps, loss: summary.sendLoss }) : ''],
      ['connection.received', summary ? t('connection.rate', { rate: summary.receiveKbps, loss: summary.receiveLoss }) : ''],
      ['connection.carries', downlink && downlink.kbps > 0 ? t('connection.kbps', { rate: downlink.kbps }) : ''],
      ['connection.available', summary?.available != null ? t('connection.kbps', { rate: summary.available }) : ''],
    ];
    const limited = summary?.sending.find((s) => s.limited)?.limited;
    element.replaceChildren(
      h('dl', { class: 'facts' }, ...facts.filter(([, value]) => value).map(([key, value]) => h('div', {}, h('dt', {}, t(key)), h('dd', {}, value)))),
      ...(downlink?.suspended ? [h('p', { class: 'hint' }, t('connection.suspended'))] : []),
      ...(downlink?.limited && !downlink.suspended ? [h('p', { class: 'hint' }, t('connection.limited'))] : []),
      ...(limited ? [h('p', { class: 'hint' }, t(`connection.limited-${limited}`))] : []),
      table(t('connection.everybody'), kPeople, everybody(meeting)),
      ...(summary ? [table(t('connection.sent'), kStreams, sent(meeting, summary)), table(t('connection.received'), kStreams, received(meeting, summary))] : []),
    );
  };
  update();
  const stop = meeting.on('stats', update);
  return { element, update, focus: () => element.focus(), close: stop };
}

const kPeople = ['connection.who', 'connection.quality', 'connection.delay', 'connection.loss', 'connection.rates'];
const kStreams = ['connection.who', 'connection.what', 'connection.bitrate'];

/** What each says of its own connection. @param {import('../meeting.js').Meeting} meeting */
function everybody(meeting) {
  return meeting.participants().flatMap(({ name, isSelf, quality, told }) => {
    if (quality === null) return [];
    const { summary } = meeting;
    const own = summary && { rtt: summary.rtt, loss: Math.max(summary.sendLoss, summary.receiveLoss), sendKbps: summary.sendKbps, receiveKbps: summary.receiveKbps };
    const figures = isSelf ? own : told;
    const grade = gradeOf(quality);
    const some = (/** @type {number | null | undefined} */ value, /** @type {string} */ key) => (value == null ? '–' : t(key, { count: value }));
    const plain = name || t('person.guest');
    return [
      [
        isSelf ? t('tile.you', { name: plain }) : plain,
        h('span', { class: 'grade' }, icon(`signal-${grade}`), t(`grade.${grade}`)),
        some(figures?.rtt, 'connection.ms'),
        some(figures?.loss, 'connection.percent'),
        `${figures?.sendKbps ?? '–'}, ${figures?.receiveKbps ?? '–'}`,
      ],
    ];
  });
}

/** @param {import('../stats.js').StreamStats} s */
function size(s) {
  if (s.kind === 'audio') return t('connection.sound');
  return s.height > 0 ? `${s.width}×${s.height}, ${s.fps}/s, ${s.codec}` : '–';
}

/** @param {import('../meeting.js').Meeting} meeting @param {import('../stats.js').Summary} summary */
function sent(meeting, summary) {
  const screen = meeting.session?.midOf('desktop');
  return summary.sending
    .filter((s) => s.bytes > 0)
    .map((s) => [s.kind === 'audio' ? t('device.audioinput') : s.mid === screen ? t('control.share') : t('device.videoinput'), size(s), s.kbps]);
}

/** @param {import('../meeting.js').Meeting} meeting @param {import('../stats.js').Summary} summary */
function received(meeting, summary) {
  return meeting.participants().flatMap((p) =>
    [...(p.camera ? [p.camera] : []), ...p.screens, ...p.audio].flatMap((item) => {
      const stream = item.mid ? summary.receiving.find((s) => s.mid === item.mid) : undefined;
      return stream ? [[p.name || t('person.guest'), size(stream), stream.kbps]] : [];
    }),
  );
}

/** @param {string} caption @param {string[]} columns @param {(string | number | Element)[][]} rows */
function table(caption, columns, rows) {
  if (rows.length === 0) return h('div', {});
  const head = columns.map((key) => h('th', { scope: 'col' }, t(key)));
  return h(
    'table',
    {},
    h('caption', {}, caption),
    h('thead', {}, h('tr', {}, ...head)),
    h('tbody', {}, ...rows.map((cells) => h('tr', {}, ...cells.map((c) => h('td', {}, typeof c === 'number' ? String(c) : c))))),
  );
}
