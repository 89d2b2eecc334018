import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bridge } from '../../sfu/web/client/static/bridge.js';

/** A bridge whose channel is told things by hand. */
function made() {
  class Silent {
    addEventListener() {}
    close() {}
  }
  const bridge = new Bridge('ws://nowhere/', Silent);
  const say = (message) => bridge.channel.emit(message.colibriClass, message);
  return { bridge, say };
}

test('keeps what the way to us carries, and which pictures have no room on it', () => {
  const { bridge, say } = made();
  assert.equal(bridge.downlink, null);

  say({ colibriClass: 'ConnectionStats', estimatedDownlinkBandwidth: 812_345 });
  assert.deepEqual(bridge.downlink, { kbps: 812, limited: false, suspended: 0 });
  say({ colibriClass: 'ConnectionStats', estimatedDownlinkBandwidth: 90_000, limited: true });
  say({ colibriClass: 'ForwardedSources', forwardedSources: [], suspendedSources: ['ada-v0'] });
  assert.deepEqual(bridge.downlink, { kbps: 90, limited: true, suspended: 1 });
  say({ colibriClass: 'ForwardedSources', forwardedSources: ['ada-v0'] });
  assert.equal(bridge.downlink.suspended, 0);
  bridge.close();
});

test('passes over figures that are none, of the bridge and of others', () => {
  const { bridge, say } = made();

  say({ colibriClass: 'ConnectionStats', estimatedDownlinkBandwidth: '9' });
  say({ colibriClass: 'ConnectionStats' });
  say({ colibriClass: 'EndpointStats', from: 'ada', connectionQuality: 'fine' });
  say({ colibriClass: 'EndpointStats', connectionQuality: 50 });
  assert.equal(bridge.downlink, null);
  assert.equal(bridge.told.size, 0);

  say({ colibriClass: 'EndpointStats', from: 'ada', connectionQuality: 1e9, jvbRTT: -4, bitrate: 7, packetLoss: { total: {} } });
  assert.deepEqual(bridge.told.get('ada'), { quality: 100, rtt: null, loss: null, sendKbps: null, receiveKbps: null });
  bridge.close();
});

test('keeps what others say of their connection until they leave', () => {
  const { bridge, say } = made();

  say({ colibriClass: 'EndpointStats', from: 'ada', connectionQuality: 62.4, jvbRTT: 80, bitrate: { upload: 900, download: 1500.5 }, packetLoss: { total: 3 } });
  assert.deepEqual(bridge.told.get('ada'), { quality: 62, rtt: 80, loss: 3, sendKbps: 900, receiveKbps: 1501 });
  bridge.forget('ada');
  assert.equal(bridge.told.size, 0);
  bridge.close();
});
