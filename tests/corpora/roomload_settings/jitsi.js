/* eslint-disable */
var config = {
    hosts: { domain: 'meet.jitsi', muc: 'conference.' + subdomain + 'meet.jitsi', focus: 'focus.meet.jitsi' }, // names
    bosh: '//localhost:8443/http-bind',
    websocket: 'wss://localhost:8443/xmpp-websocket',
    conferenceRequestUrl: 'https://localhost:8443/conference-request/v1',
};
config.hosts.domain = "meet.jitsi";
