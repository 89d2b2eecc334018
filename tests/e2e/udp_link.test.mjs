// The bad network that other pages put people behind: each of its vices by itself, on a clock of the test.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { dice, UdpLink } from './support/udp_link.mjs';

const datagram = (number, size = 972) => Object.assign(Buffer.alloc(size), { number });
const numbers = (link, now) => [...link.due(now)].map((bytes) => bytes.number);

test('a perfect link passes everything at once and in order', () => {
  const link = new UdpLink({}, dice(1));

  for (let i = 0; i < 100; ++i) link.put(datagram(i), 5);

  assert.deepEqual(numbers(link, 5), Array.from({ length: 100 }, (_, i) => i));
  assert.equal(link.next(), Infinity);
});

test('delay holds each datagram, and jitter does not reorder', () => {
  const link = new UdpLink({ delay: 50, jitter: 30 }, dice(2));

  for (let i = 0; i < 50; ++i) link.put(datagram(i), i);

  assert.deepEqual(numbers(link, 49), []);
  assert.deepEqual(numbers(link, 200), Array.from({ length: 50 }, (_, i) => i));
});

test('a share is lost, a share comes twice, and the same seed does the same again', () => {
  const run = () => {
    const link = new UdpLink({ loss: 0.2, duplicate: 0.1 }, dice(3));
    for (let i = 0; i < 10000; ++i) link.put(datagram(i), 0);
    return { order: numbers(link, 0), counts: link.counts };
  };

  const first = run();

  assert.ok(Math.abs(first.counts.lost - 2000) < 150, `${first.counts.lost} lost`);
  assert.ok(Math.abs(first.counts.duplicated - 800) < 100, `${first.counts.duplicated} twice`);
  assert.equal(first.order.length, 10000 - first.counts.lost + first.counts.duplicated);
  assert.deepEqual(run(), first);
});

test('reordered datagrams arrive after later ones', () => {
  const link = new UdpLink({ delay: 10, reorder: 0.1, reorderBy: 15 }, dice(4));

  for (let i = 0; i < 1000; ++i) link.put(datagram(i), i);

  const order = numbers(link, 5000);
  const late = order.filter((number, at) => order.slice(0, at).some((earlier) => earlier > number));
  assert.equal(late.length, link.counts.reordered);
  assert.ok(late.length > 50);
});

test('a rate lets through what it says, and a full queue drops the rest', () => {
  const link = new UdpLink({ rate: 800_000, queue: 100 }, dice(5));  // a datagram of 1000 bytes in 10 ms

  for (let i = 0; i < 50; ++i) link.put(datagram(i), 0);

  assert.equal(numbers(link, 55).length, 5);
  assert.equal(numbers(link, 1000).length, 6);
  assert.equal(link.counts.queueFull, 39);
});

test('a change holds from then on', () => {
  const link = new UdpLink({ rate: 800_000, queue: 1000 }, dice(6));
  for (let i = 0; i < 10; ++i) link.put(datagram(i), 0);

  link.set({ rate: 8_000_000 });
  link.put(datagram(10), 0);

  assert.equal(numbers(link, 100).length, 10);
  assert.deepEqual(numbers(link, 101), [10]);
});
