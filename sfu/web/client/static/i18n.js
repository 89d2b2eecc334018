// @ts-check
// All words of the client, in all its languages. A language is one more column; {name} stands for a parameter.
// A test checks that no word is missing and none is left over.

export const kLanguages = /** @type {const} */ ({ en: 'English', de: 'Deutsch' });

/** @type {Record<string, { en: string, de: string }>} */
export const kWords = {
  'app.name': { en: 'Roomgate', de: 'Roomgate' },
  'app.language': { en: 'Language', de: 'Sprache' },
  'app.unsupported': {
    en: 'This browser cannot make video calls. A current Firefox, Chrome, Edge or Safari can.',
    de: 'Dieser Browser kann keine Videoanrufe. Ein aktueller Firefox, Chrome, Edge oder Safari kann es.',
  },
  'app.close': { en: 'Close', de: 'Schließen' },

  'start.title': { en: 'Meet face to face, from anywhere', de: 'Von überall, und doch von Angesicht zu Angesicht' },
  'start.text': {
    en: 'Pick a room, send the link, talk. No account, nothing to install.',
    de: 'Raum wählen, Link verschicken, reden. Ohne Konto, ohne Installation.',
  },
  'start.room': { en: 'Room name', de: 'Raumname' },
  'start.hint': {
    en: 'Whoever knows the name can come in. The suggestion is hard to guess.',
    de: 'Wer den Namen kennt, kommt herein. Der Vorschlag ist schwer zu erraten.',
  },
  'start.another': { en: 'Suggest another name', de: 'Anderen Namen vorschlagen' },
  'start.go': { en: 'Go to the room', de: 'Zum Raum' },
  'start.bad': { en: 'This cannot be a room name. Letters, digits and hyphens work best.', de: 'Das kann kein Raumname sein. Am besten gehen Buchstaben, Ziffern und Bindestriche.' },

  'prejoin.title': { en: 'Ready to join?', de: 'Bereit?' },
  'prejoin.room': { en: 'Room', de: 'Raum' },
  'prejoin.name': { en: 'Your name', de: 'Ihr Name' },
  'prejoin.name-hint': { en: 'The others see it', de: 'Die anderen sehen ihn' },
  'prejoin.join': { en: 'Join', de: 'Beitreten' },
  'prejoin.back': { en: 'Other room', de: 'Anderer Raum' },
  'prejoin.preview': { en: 'Your camera', de: 'Ihre Kamera' },
  'prejoin.camera-off': { en: 'Your camera is off', de: 'Ihre Kamera ist aus' },
  'prejoin.camera-opening': { en: 'Starting your camera …', de: 'Ihre Kamera startet …' },

  'device.audioinput': { en: 'Microphone', de: 'Mikrofon' },
  'device.videoinput': { en: 'Camera', de: 'Kamera' },
  'device.audiooutput': { en: 'Speaker', de: 'Lautsprecher' },
  'device.default': { en: 'System default', de: 'Standard des Systems' },
  'device.unnamed': { en: '{kind} {count}', de: '{kind} {count}' },
  'device.none': { en: 'None found', de: 'Nichts gefunden' },
  'device.level': { en: 'Microphone level', de: 'Mikrofonpegel' },
  'device.test': { en: 'Play a test sound', de: 'Testton abspielen' },
  'device.title': { en: 'Sound and camera', de: 'Ton und Kamera' },

  'problem.audio.refused': {
    en: 'The microphone is blocked for this page. Allow it with the icon beside the address, then switch it on again. Without it you can still join and listen.',
    de: 'Das Mikrofon ist für diese Seite gesperrt. Erlauben Sie es über das Symbol neben der Adresse und schalten Sie es dann wieder ein. Auch ohne können Sie beitreten und zuhören.',
  },
  'problem.audio.absent': {
    en: 'No microphone was found. Plug one in, or join and listen.',
    de: 'Es wurde kein Mikrofon gefunden. Schließen Sie eines an, oder treten Sie bei und hören zu.',
  },
  'problem.audio.busy': {
    en: 'The microphone cannot be opened; another program may be using it. Close that program and switch it on again, or join and listen.',
    de: 'Das Mikrofon lässt sich nicht öffnen; vielleicht benutzt es ein anderes Programm. Schließen Sie es und schalten Sie das Mikrofon wieder ein, oder hören Sie nur zu.',
  },
  'problem.audio.insecure': {
    en: 'Browsers give the microphone only to secure pages. Open this address with https://.',
    de: 'Browser geben das Mikrofon nur an sichere Seiten. Öffnen Sie diese Adresse mit https://.',
  },
  'problem.audio.unknown': { en: 'The microphone cannot be opened.', de: 'Das Mikrofon lässt sich nicht öffnen.' },
  'problem.video.refused': {
    en: 'The camera is blocked for this page. Allow it with the icon beside the address, then switch it on again. Without it you can still join.',
    de: 'Die Kamera ist für diese Seite gesperrt. Erlauben Sie sie über das Symbol neben der Adresse und schalten Sie sie dann wieder ein. Auch ohne können Sie beitreten.',
  },
  'problem.video.absent': { en: 'No camera was found. You can join without.', de: 'Es wurde keine Kamera gefunden. Sie können ohne beitreten.' },
  'problem.video.busy': {
    en: 'The camera cannot be opened; another program may be using it. Close that program and switch it on again, or join without.',
    de: 'Die Kamera lässt sich nicht öffnen; vielleicht benutzt sie ein anderes Programm. Schließen Sie es und schalten Sie die Kamera wieder ein, oder treten Sie ohne bei.',
  },
  'problem.video.insecure': {
    en: 'Browsers give the camera only to secure pages. Open this address with https://.',
    de: 'Browser geben die Kamera nur an sichere Seiten. Öffnen Sie diese Adresse mit https://.',
  },
  'problem.video.unknown': { en: 'The camera cannot be opened.', de: 'Die Kamera lässt sich nicht öffnen.' },
  'problem.desktop.busy': { en: 'The screen cannot be shared: the system does not let the browser see it.', de: 'Der Bildschirm lässt sich nicht teilen: Das System lässt den Browser ihn nicht sehen.' },
  'problem.desktop.absent': { en: 'There is nothing to share.', de: 'Es gibt nichts zu teilen.' },
  'problem.desktop.unknown': { en: 'The screen cannot be shared.', de: 'Der Bildschirm lässt sich nicht teilen.' },
  'problem.lost-audio': { en: 'Your microphone was disconnected. The others cannot hear you.', de: 'Ihr Mikrofon wurde getrennt. Die anderen hören Sie nicht.' },
  'problem.lost-video': { en: 'Your camera was disconnected.', de: 'Ihre Kamera wurde getrennt.' },

  'control.bar': { en: 'Meeting controls', de: 'Steuerung' },
  'control.mute': { en: 'Mute', de: 'Stummschalten' },
  'control.unmute': { en: 'Unmute', de: 'Ton ein' },
  'control.camera-off': { en: 'Camera off', de: 'Kamera aus' },
  'control.camera-on': { en: 'Camera on', de: 'Kamera ein' },
  'control.share': { en: 'Share screen', de: 'Bildschirm teilen' },
  'control.unshare': { en: 'Stop sharing', de: 'Teilen beenden' },
  'control.hand-up': { en: 'Raise hand', de: 'Hand heben' },
  'control.hand-down': { en: 'Lower hand', de: 'Hand senken' },
  'control.chat': { en: 'Chat', de: 'Chat' },
  'control.chat-unread': { en: 'Chat {count} unread', de: 'Chat {count} ungelesen' },
  'control.people': { en: 'People', de: 'Personen' },
  'control.people-count': { en: 'People {count}', de: 'Personen {count}' },
  'control.more': { en: 'More', de: 'Mehr' },
  'control.leave': { en: 'Leave', de: 'Verlassen' },
  'control.copy': { en: 'Copy link', de: 'Link kopieren' },
  'control.devices': { en: 'Sound and camera', de: 'Ton und Kamera' },
  'control.connection': { en: 'Connection', de: 'Verbindung' },
  'control.fullscreen': { en: 'Full screen', de: 'Vollbild' },
  'control.fullscreen-end': { en: 'Leave full screen', de: 'Vollbild beenden' },
  'control.keys': { en: 'Keyboard shortcuts', de: 'Tastenkürzel' },

  'stage.label': { en: 'Videos', de: 'Videos' },
  'stage.more': { en: '{count} more', de: '{count} weitere' },
  'stage.more-label': { en: '{count} more people, show list', de: '{count} weitere Personen, Liste zeigen' },
  'stage.alone': { en: 'You are the first one here', de: 'Sie sind als Erste oder Erster hier' },
  'stage.invite': { en: 'Send the link to those you want to meet.', de: 'Schicken Sie den Link denen, die Sie treffen wollen.' },

  'tile.you': { en: '{name} (you)', de: '{name} (Sie)' },
  'tile.screen': { en: 'Screen of {name}', de: 'Bildschirm von {name}' },
  'tile.own-screen': { en: 'You are sharing your screen', de: 'Sie teilen Ihren Bildschirm' },
  'tile.pin': { en: 'Pin {name}', de: '{name} anheften' },
  'tile.unpin': { en: 'Unpin {name}', de: '{name} lösen' },
  'tile.full': { en: 'Show {name} in full screen', de: '{name} im Vollbild zeigen' },
  'tile.interrupted': { en: 'Connection interrupted', de: 'Verbindung unterbrochen' },
  'tile.paused': { en: 'Video paused to save bandwidth', de: 'Video pausiert, um Bandbreite zu sparen' },
  'tile.muted': { en: 'Microphone off', de: 'Mikrofon aus' },
  'tile.hand': { en: 'Hand raised', de: 'Hand gehoben' },
  'tile.suspended': { en: 'Video paused: your connection is too slow', de: 'Video pausiert: Ihre Verbindung ist zu langsam' },
  'tile.speaking': { en: 'Speaking', de: 'Spricht' },

  'person.guest': { en: 'Guest', de: 'Gast' },
  'person.you': { en: 'You', de: 'Sie' },
  'person.moderator': { en: 'Moderator', de: 'Moderation' },

  'people.title': { en: 'People', de: 'Personen' },
  'people.mute': { en: 'Mute {name}', de: '{name} stummschalten' },
  'people.stop-video': { en: 'Switch off camera of {name}', de: 'Kamera von {name} ausschalten' },
  'people.kick': { en: 'Remove {name}', de: '{name} entfernen' },
  'people.kick-ask': { en: 'Remove {name} from the meeting?', de: '{name} aus der Besprechung entfernen?' },
  'people.kick-yes': { en: 'Remove', de: 'Entfernen' },
  'people.cancel': { en: 'Cancel', de: 'Abbrechen' },

  'chat.title': { en: 'Chat', de: 'Chat' },
  'chat.write': { en: 'Message to everyone', de: 'Nachricht an alle' },
  'chat.send': { en: 'Send', de: 'Senden' },
  'chat.empty': { en: 'Nothing written yet. Messages are gone when the meeting ends.', de: 'Noch nichts geschrieben. Nachrichten sind mit dem Ende der Besprechung fort.' },
  'chat.private': { en: 'only to you', de: 'nur an Sie' },
  'chat.new': { en: '{name}: {text}', de: '{name}: {text}' },

  'connection.title': { en: 'Connection', de: 'Verbindung' },
  'connection.shard': { en: 'Shard', de: 'Shard' },
  'connection.region': { en: 'Region', de: 'Region' },
  'connection.room': { en: 'Room', de: 'Raum' },
  'connection.since': { en: 'Meeting since', de: 'Besprechung seit' },
  'connection.signalling': { en: 'Signalling', de: 'Signalisierung' },
  'connection.media': { en: 'Media', de: 'Medien' },
  'connection.channel': { en: 'Bridge channel', de: 'Bridge-Kanal' },
  'connection.path': { en: 'Path', de: 'Weg' },
  'connection.rtt': { en: 'Round trip', de: 'Umlaufzeit' },
  'connection.ms': { en: '{count} ms', de: '{count} ms' },
  'connection.sent': { en: 'Sent', de: 'Gesendet' },
  'connection.received': { en: 'Received', de: 'Empfangen' },
  'connection.rate': { en: '{rate} kbit/s, {loss} % lost', de: '{rate} kbit/s, {loss} % verloren' },
  'quality.good': { en: 'Good connection', de: 'Gute Verbindung' },
  'quality.fair': { en: 'Fair connection', de: 'Mäßige Verbindung' },
  'quality.poor': { en: 'Poor connection', de: 'Schlechte Verbindung' },
  'grade.good': { en: 'Good', de: 'Gut' },
  'grade.fair': { en: 'Fair', de: 'Mäßig' },
  'grade.poor': { en: 'Poor', de: 'Schlecht' },
  'connection.quality': { en: 'Quality', de: 'Qualität' },
  'connection.score': { en: '{grade}, {count} of 100', de: '{grade}, {count} von 100' },
  'connection.everybody': { en: 'Everybody', de: 'Alle' },
  'connection.delay': { en: 'Round trip', de: 'Umlaufzeit' },
  'connection.loss': { en: 'Lost', de: 'Verlust' },
  'connection.percent': { en: '{count} %', de: '{count} %' },
  'connection.rates': { en: 'kbit/s up, down', de: 'kbit/s auf, ab' },
  'connection.carries': { en: 'Room to receive', de: 'Empfangsspielraum' },
  'connection.suspended': { en: 'The way to you is too slow for every picture. Those without room are paused; the sound goes on.', de: 'Der Weg zu Ihnen ist zu langsam für alle Bilder. Wofür kein Platz ist, das pausiert; der Ton läuft weiter.' },
  'connection.limited': { en: 'Your network is slow: pictures come to you smaller than they could be.', de: 'Ihr Netz ist langsam: Bilder kommen kleiner bei Ihnen an, als sie sein könnten.' },
  'connection.available': { en: 'Room to send', de: 'Sendespielraum' },
  'connection.kbps': { en: '{rate} kbit/s', de: '{rate} kbit/s' },
  'connection.who': { en: 'Who', de: 'Wer' },
  'connection.what': { en: 'Resolution', de: 'Auflösung' },
  'connection.bitrate': { en: 'kbit/s', de: 'kbit/s' },
  'connection.sound': { en: 'Sound', de: 'Ton' },
  'connection.direct': { en: 'direct, {protocol}', de: 'direkt, {protocol}' },
  'connection.relay': { en: 'through a relay, {protocol}', de: 'über ein Relay, {protocol}' },
  'connection.limited-bandwidth': { en: 'Your network is slow: the picture you send is smaller than it could be.', de: 'Ihr Netz ist langsam: Ihr Bild wird kleiner gesendet, als es sein könnte.' },
  'connection.limited-cpu': { en: 'This computer is busy: the picture you send is smaller than it could be.', de: 'Dieser Rechner ist ausgelastet: Ihr Bild wird kleiner gesendet, als es sein könnte.' },
  'connection.open': { en: 'connected', de: 'verbunden' },
  'connection.closed': { en: 'not connected', de: 'nicht verbunden' },
  'connection.unknown': { en: 'unknown', de: 'unbekannt' },

  'banner.connecting': { en: 'Connecting …', de: 'Verbindung wird aufgebaut …' },
  'banner.lost': { en: 'Connection lost.', de: 'Verbindung verloren.' },
  'banner.offline': { en: 'This device is offline.', de: 'Dieses Gerät ist offline.' },
  'banner.unreachable': { en: 'The server cannot be reached.', de: 'Der Server ist nicht erreichbar.' },
  'banner.unavailable': { en: 'The server of this room is gone or has no place at the moment.', de: 'Der Server dieses Raums ist fort oder hat gerade keinen Platz.' },
  'banner.full': { en: 'The server is full at the moment. You come in as soon as there is a place.', de: 'Der Server ist gerade voll. Sie kommen herein, sobald ein Platz frei ist.' },
  'banner.forbidden': { en: 'The server does not let guests in.', de: 'Der Server lässt keine Gäste ein.' },
  'banner.again': { en: 'Trying again in {count} s.', de: 'Neuer Versuch in {count} s.' },
  'banner.trying': { en: 'Trying again …', de: 'Neuer Versuch …' },
  'banner.now': { en: 'Try now', de: 'Jetzt versuchen' },
  'banner.media': { en: 'Sound and video are interrupted. Repairing …', de: 'Ton und Bild sind unterbrochen. Wird behoben …' },
  'banner.thin': { en: 'Your connection is slow: video is paused, the sound goes on.', de: 'Ihre Verbindung ist langsam: Video pausiert, der Ton läuft weiter.' },
  'banner.sound': { en: 'The browser holds back the sound.', de: 'Der Browser hält den Ton zurück.' },
  'banner.hear': { en: 'Tap to hear', de: 'Antippen zum Hören' },

  'notice.copied': { en: 'Link copied', de: 'Link kopiert' },
  'notice.copy-failed': { en: 'The link could not be copied: {link}', de: 'Der Link ließ sich nicht kopieren: {link}' },
  'notice.joined': { en: '{name} joined', de: '{name} ist beigetreten' },
  'notice.left': { en: '{name} left', de: '{name} ist gegangen' },
  'notice.removed': { en: '{name} was removed', de: '{name} wurde entfernt' },
  'notice.hand': { en: '{name} raised a hand', de: '{name} hebt die Hand' },
  'notice.not-sent': { en: 'The message could not be sent.', de: 'Die Nachricht konnte nicht gesendet werden.' },
  'notice.muted-by': { en: '{name} muted your microphone', de: '{name} hat Ihr Mikrofon ausgeschaltet' },
  'notice.stopped-by': { en: '{name} switched off your video', de: '{name} hat Ihr Video ausgeschaltet' },
  'notice.mute-failed': { en: '{name} could not be muted.', de: '{name} konnte nicht stummgeschaltet werden.' },
  'notice.kick-failed': { en: '{name} could not be removed.', de: '{name} konnte nicht entfernt werden.' },
  'notice.speaking-muted': { en: 'You are speaking, but your microphone is off.', de: 'Sie sprechen, aber Ihr Mikrofon ist aus.' },
  'notice.back': { en: 'You are back in the meeting', de: 'Sie sind wieder in der Besprechung' },
  'notice.moderator': { en: 'You are a moderator now', de: 'Sie moderieren jetzt' },

  'end.left': { en: 'You left the meeting', de: 'Sie haben die Besprechung verlassen' },
  'end.kicked': { en: 'You were removed from the meeting', de: 'Sie wurden aus der Besprechung entfernt' },
  'end.closed': { en: 'The meeting was closed', de: 'Die Besprechung wurde beendet' },
  'end.full': { en: 'This room is full', de: 'Dieser Raum ist voll' },
  'end.password': { en: 'This room is locked', de: 'Dieser Raum ist verschlossen' },
  'end.members': { en: 'Only members may enter this room', de: 'Diesen Raum dürfen nur Mitglieder betreten' },
  'end.forbidden': { en: 'You may not enter this room', de: 'Sie dürfen diesen Raum nicht betreten' },
  'end.refused': { en: 'The server could not open this room', de: 'Der Server konnte diesen Raum nicht öffnen' },
  'end.by': { en: 'By {name}', de: 'Durch {name}' },
  'end.again': { en: 'Join again', de: 'Wieder beitreten' },
  'end.retry': { en: 'Try again', de: 'Noch einmal versuchen' },
  'end.home': { en: 'To the start page', de: 'Zur Startseite' },
  'end.password-label': { en: 'Password', de: 'Passwort' },
  'end.password-wrong': { en: 'Ask the moderator for the password.', de: 'Fragen Sie die Moderation nach dem Passwort.' },
  'end.unlock': { en: 'Enter', de: 'Eintreten' },

  'keys.title': { en: 'Keyboard shortcuts', de: 'Tastenkürzel' },
  'keys.on': { en: 'Use shortcuts', de: 'Kürzel benutzen' },
  'keys.mic': { en: 'Microphone on or off', de: 'Mikrofon ein oder aus' },
  'keys.camera': { en: 'Camera on or off', de: 'Kamera ein oder aus' },
  'keys.share': { en: 'Share screen', de: 'Bildschirm teilen' },
  'keys.hand': { en: 'Raise or lower hand', de: 'Hand heben oder senken' },
  'keys.chat': { en: 'Chat', de: 'Chat' },
  'keys.people': { en: 'People', de: 'Personen' },
  'keys.full': { en: 'Full screen', de: 'Vollbild' },
  'keys.escape': { en: 'Close panel or large picture', de: 'Leiste oder großes Bild schließen' },
};

/** @typedef {keyof typeof kLanguages} Language */

/** @type {Language} */
let current = 'en';

/**
 * The first language of a list that we speak.
 * @param {readonly (string | null | undefined)[]} wanted
 * @returns {Language}
 */
export function chooseLanguage(wanted) {
  for (const tag of wanted) {
    const short = tag?.toLowerCase().split(/[-_]/)[0] ?? '';
    if (short in kLanguages) return /** @type {Language} */ (short);
  }
  return 'en';
}

/** @param {Language} language */
export function setLanguage(language) {
  current = language;
  if (typeof document !== 'undefined') document.documentElement.lang = language;
}

export function language() {
  return current;
}

/**
 * @param {string} key
 * @param {Record<string, unknown>} [parameters]
 */
export function t(key, parameters = {}) {
  const text = kWords[key]?.[current] ?? kWords[key]?.en ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => String(parameters[name] ?? ''));
}

/** @param {Date} time */
export function clock(time) {
  return time.toLocaleTimeString(current, { hour: '2-digit', minute: '2-digit' });
}
