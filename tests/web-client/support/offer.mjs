// A session-initiate as the focus sends it.

const kPayloads = [[41, 'AV1'], [100, 'VP8'], [107, 'H264'], [101, 'VP9']];
const kFeedback = "<rtcp-fb xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0' type='nack' subtype='pli'/><rtcp-fb xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0' type='transport-cc'/>";

export function sessionInitiate({ sid = 'sid1', sources = {}, channel = 'wss://host/colibri-ws/s/c/me?pwd=x' } = {}) {
  const transport =
    `<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='34826dc4' pwd='58c0de8e'><rtcp-mux/>` +
    `<fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha-256' setup='actpass' required='false'>53:72:E4</fingerprint>` +
    `<web-socket xmlns='http://jitsi.org/protocol/colibri' url='${channel.replace(/&/g, '&amp;')}'/>` +
    `<candidate component='1' foundation='1' generation='0' id='c1' ip='192.0.2.10' network='0' port='10000' priority='2130706431' protocol='udp' type='host'/></transport>`;
  const content = (media, inside) =>
    `<content creator='initiator' name='${media}' senders='both'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='${media}'>${inside}` +
    `<extmap-allow-mixed xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0'/><rtcp-mux/></description>${transport}</content>`;
  const audio =
    "<payload-type id='111' name='opus' clockrate='48000' channels='2'><parameter name='minptime' value='10'/></payload-type>" +
    "<rtp-hdrext xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0' id='1' uri='urn:ietf:params:rtp-hdrext:ssrc-audio-level'/>";
  const video = kPayloads.map(([id, name]) => `<payload-type id='${id}' name='${name}' clockrate='90000'>${kFeedback}</payload-type>`).join('');
  const all = { jvb: [[{ s: '4000000001', n: 'jvb-v0', m: 'mixedmslabel mixedlabelvideo0' }], [], [{ s: '4000000002', n: 'jvb-a0', m: 'mixedmslabel mixedlabelaudio0' }]], ...sources };
  return (
    `<iq xmlns='jabber:client' type='set' id='1' from='alpha@conference.meet.jitsi/focus' to='me@meet.jitsi/r'>` +
    `<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' initiator='focus@auth.meet.jitsi/focus' sid='${sid}'>` +
    content('audio', audio) + content('video', video) +
    `<group xmlns='urn:xmpp:jingle:apps:grouping:0' semantics='BUNDLE'><content name='audio'/><content name='video'/></group>` +
    `<bridge-session xmlns='http://jitsi.org/protocol/focus' id='4ee73cfd' region='lab'/>` +
    `<json-message xmlns='http://jitsi.org/jitmeet'>${JSON.stringify({ sources: all })}</json-message></jingle></iq>`
  );
}

/** The sources of one member with camera and microphone. */
export function member(id, base) {
  return { [id]: [[{ s: base, n: `${id}-v0`, m: `${id} v` }, { s: base + 1, n: `${id}-v0`, m: `${id} v` }], [['f', base, base + 1]], [{ s: base + 2, n: `${id}-a0`, m: `${id} a` }]] };
}
