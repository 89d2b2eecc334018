// @ts-check
// Who is in the meeting and what each shows: presences of the room, tracks of the call and words of the bridge put
// together into one list for the views. Pure.

/**
 * @typedef {import('./muc.js').Occupant} Occupant
 * @typedef {import('./session.js').Remote} Remote
 *
 * @typedef {object} Shown
 * @property {string} name      source name
 * @property {MediaStreamTrack | null} track
 * @property {string} mid
 * @property {boolean} forwarded whether the bridge sends it
 * @property {boolean} suspended it does not, since the way to us is too thin
 *
 * @typedef {object} Participant
 * @property {string} id
 * @property {string} name            '' when none was given
 * @property {boolean} isSelf
 * @property {boolean} isModerator
 * @property {boolean} audioMuted
 * @property {boolean} videoMuted
 * @property {boolean} hand
 * @property {boolean} interrupted    the bridge does not hear from this one
 * @property {number | null} quality  0 to 100, as this one says
 * @property {import('./bridge.js').Told | null} told  what this one says besides
 * @property {Shown | null} camera
 * @property {Shown[]} screens
 * @property {Shown[]} audio
 */

/**
 * Ourselves.
 * @param {Occupant} occupant
 * @param {object} own
 * @param {string} own.name
 * @param {boolean} own.hand
 * @param {import('./media.js').Media} own.media
 * @param {number | null} own.quality
 * @returns {Participant}
 */
export function selfOf(occupant, { name, hand, media, quality }) {
  const { id } = occupant;
  /** @param {string} suffix @param {MediaStreamTrack} track @returns {Shown} */
  const shown = (suffix, track) => ({ name: `${id}-${suffix}`, track, mid: '', forwarded: true, suspended: false });
  return {
    id,
    name,
    isSelf: true,
    isModerator: occupant.role === 'moderator',
    audioMuted: !(media.audioTrack && media.audioOn),
    videoMuted: !media.videoOn,
    hand,
    interrupted: false,
    quality,
    told: null,
    camera: media.videoTrack ? shown('v0', media.videoTrack) : null,
    screens: media.desktopTrack ? [shown('v1', media.desktopTrack)] : [],
    audio: [],
  };
}

/**
 * Somebody else. What is muted is said in SourceInfo by current clients, in elements of their own by those of 2021;
 * what nobody says is on, as long as there is a source.
 * @param {Occupant} occupant
 * @param {string} name
 * @param {Remote[]} remote of everybody
 * @param {{ forwarded: Set<string> | null, suspended: Set<string>, interrupted: Set<string>, told: Map<string, import('./bridge.js').Told> } | null} bridge
 * @returns {Participant}
 */
export function otherOf(occupant, name, remote, bridge) {
  const { id, sourceInfo: info } = occupant;
  const own = remote.filter((r) => r.source.owner === id);
  const isScreen = (/** @type {Remote} */ r) => {
    const said = info[r.source.name]?.videoType;
    if (said) return said === 'desktop';
    return r.source.videoType === 'desktop' || (occupant.oldDesktop && r.source.name.endsWith('-v0'));
  };
  const isOn = (/** @type {Remote} */ r, /** @type {boolean | null} */ old) => !(info[r.source.name]?.muted ?? old ?? false);
  /** @param {Remote} r @returns {Shown} */
  const shown = (r) => ({
    name: r.source.name,
    track: r.track,
    mid: r.mid,
    forwarded: !bridge?.forwarded || bridge.forwarded.has(r.source.name),
    suspended: bridge?.suspended.has(r.source.name) ?? false,
  });
  const audio = own.filter((r) => r.source.kind === 'audio');
  const video = own.filter((r) => r.source.kind === 'video' && isOn(r, occupant.videoMuted));
  const camera = video.find((r) => !isScreen(r));
  return {
    id,
    name,
    isSelf: false,
    isModerator: occupant.role === 'moderator',
    audioMuted: !audio.some((r) => isOn(r, occupant.audioMuted)),
    videoMuted: !camera,
    hand: occupant.hand,
    interrupted: bridge?.interrupted.has(id) ?? false,
    quality: bridge?.told.get(id)?.quality ?? null,
    told: bridge?.told.get(id) ?? null,
    camera: camera ? shown(camera) : null,
    screens: video.filter(isScreen).map(shown),
    audio: audio.map(shown),
  };
}
