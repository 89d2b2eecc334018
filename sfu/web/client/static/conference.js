// @ts-check
// Asks the focus for a conference until there is one: a busy server says "not yet", and is asked again after 1, 2, 4 ...
// seconds.

import { backoff, pause } from './backoff.js';
import { conferenceRequest, kFocus } from './jingle.js';
import { attribute, child } from './xml.js';
import { XmppError } from './xmpp.js';

// One per page load: enough for the focus to tell machines apart, and nothing to follow a person by.
const kMachine = Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(16).padStart(8, '0')).join('');

/** The focus said no, and will say so again. */
export class Refusal extends Error {
  /** @param {'forbidden' | 'refused'} reason @param {string} text */
  constructor(reason, text) {
    super(text);
    this.reason = reason;
  }
}

/**
 * @param {import('./xmpp.js').Stream} stream
 * @param {string} focus
 * @param {string} room
 * @param {(delay: number, skip: () => void) => void} waiting told before each wait
 * @returns {Promise<string>} the focus' bare JID
 */
export async function awaitConference(stream, focus, room, waiting) {
  for (let attempt = 0; ; ++attempt) {
    const answer = await ask(stream, focus, room);
    if (attribute(answer, 'ready') === 'true') return attribute(answer, 'focusjid');
    const delay = backoff(attempt);
    const wait = pause(delay);
    waiting(delay, wait.skip);
    await wait.done;
    if (!stream.isOpen) throw new XmppError('closed');
  }
}

/**
 * @param {import('./xmpp.js').Stream} stream
 * @param {string} focus
 * @param {string} room
 * @returns {Promise<Element | null>} null when nobody answered, or with a passing error
 */
async function ask(stream, focus, room) {
  try {
    const answer = await stream.request('set', focus, conferenceRequest(room, kMachine));
    return child(answer, 'conference', kFocus);
  } catch (error) {
    if (!(error instanceof XmppError) || error.condition === 'closed') throw error;
    if (error.condition === 'not-authorized') throw new Refusal('forbidden', error.text);
    if (['cancel', 'auth', 'modify'].includes(error.type)) throw new Refusal('refused', error.text || error.condition);
    return null;
  }
}
