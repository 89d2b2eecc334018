// @ts-check
// Room names: what stands in the address bar, what the servers use as key, and suggestions for new ones. Pure.

const kMaxSegments = 2; // ROOM or TENANT/ROOM

/** @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // an invalid escape stays text
  }
}

// Half a surrogate pair makes encodeURIComponent throw.
/** @param {string} text */
function wellFormed(text) {
  return text.replace(/\p{Surrogate}/gu, '\u{FFFD}');
}

/**
 * The room that a path names, as people read it; null on the start page and for paths that are no room.
 * @param {string} path
 * @returns {string | null}
 */
export function roomOfPath(path) {
  const segments = path.split('/').filter(Boolean).map(decode);
  if (segments.length === 0 || segments.length > kMaxSegments) return null;
  const name = segments.join('/').trim();
  return name === '' ? null : name;
}

/**
 * The address path of a room typed by a person, who may also paste a whole link.
 * @param {string} typed
 * @returns {string} '' when nothing usable was typed
 */
export function pathOfRoom(typed) {
  let text = wellFormed(typed.trim());
  const link = /^https?:\/\/[^/]+\/([^?#]*)/i.exec(text);
  if (link) text = decode(link[1]);
  const segments = text.split('/').map((s) => s.trim().replace(/\s+/g, '-')).filter(Boolean);
  if (segments.length === 0 || segments.length > kMaxSegments) return '';
  // "." and ".." would be eaten by URL resolution.
  if (segments.some((s) => s === '.' || s === '..')) return '';
  return '/' + segments.map(encodeURIComponent).join('/');
}

/**
 * The key that signalling uses: decoded, NFKC, lower case, percent-encoded, lower case again. Every spelling of one
 * room must end in one key, or its people never meet. The apostrophe, which encodeURIComponent leaves but a JID's local
 * part forbids (RFC 7622 3.3.1), is escaped as well.
 * @param {string} name
 */
export function roomKey(name) {
  const normal = decode(name).normalize('NFKC').toLowerCase();
  return encodeURIComponent(wellFormed(normal))
    .replace(/'/g, '%27')
    .toLowerCase();
}

/**
 * The room's address. A tenant stands in the domain, as Jitsi's clients have it (room@conference.TENANT.meet.jitsi), so
 * that both meet; a tenant that could not stand in a domain stays in front of the room.
 * @param {string} key
 * @param {{ domain: string, muc: string }} config
 */
export function roomAddress(key, { domain, muc }) {
  const [, tenant, room] = /^([a-z0-9_-]+)%2f(.+)$/.exec(key) ?? [];
  if (!tenant || !muc.endsWith(`.${domain}`)) return `${key}@${muc}`;
  return `${room}@${muc.slice(0, -domain.length)}${tenant}.${domain}`;
}

const kQualities =
  'amber azure brave breezy bright calm clear clever coral cosy crisp curious dapper eager early fair fancy fond gentle ' +
  'glad golden grand happy hazel honest humble ivory jolly keen kind lively lucky mellow merry mild misty neat nimble ' +
  'noble olive patient plucky polite proud quick quiet ready rosy ruby silver simple smart snowy solid sunny swift tidy ' +
  'warm wild wise witty young';
const kThings =
  'acorn anchor apple arrow badger basket beacon birch bridge brook button canyon castle cedar cherry cloud comet copper ' +
  'coral cotton dolphin dune falcon feather fern forest fox garden ginger harbor heron hill island ivy kettle lake lantern ' +
  'lemon lily maple meadow melon mill moon mountain oak ocean orchid otter panda pebble pepper pine planet plum pond quartz ' +
  'rabbit raven reef river robin rocket saddle shell sparrow spruce star stone summit swan thistle tiger tulip valley violet ' +
  'walnut willow window winter wren';

/**
 * A name that is easy to say on the phone and hard to guess.
 * @param {(below: number) => number} [pick]
 */
export function suggestRoom(pick = (below) => crypto.getRandomValues(new Uint32Array(1))[0] % below) {
  const qualities = kQualities.split(' ');
  const things = kThings.split(' ');
  const one = () => `${qualities[pick(qualities.length)]}-${things[pick(things.length)]}`;
  return `${one()}-${one()}-${10 + pick(90)}`;
}
