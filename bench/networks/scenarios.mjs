// The networks of `./dev bench networks`: what the way between Bob and the shard does, second by second, and what of it
// has to hold. All have 50 ms of round trip unless said otherwise; rates in bit/s, times in ms.
const near = { delay: 25 };
const both = (conditions) => ({ up: { ...near, ...conditions }, down: { ...near, ...conditions } });
const steady = (name, title, conditions, must = {}) => ({ name, title, seconds: 20, steps: [{ at: 0, ...both(conditions) }], must: { audioGap: 1000, ...must } });

/** `at`: seconds after the settled call; `must`: audioGap and freeze at most (ms), fall and recover within (ms). */
export const scenarios = [
  steady('clean', 'nothing happens', {}, { freeze: 500 }),
  steady('loss-2', '2 % lost', { loss: 0.02 }, { freeze: 1000 }),
  steady('loss-5', '5 % lost', { loss: 0.05 }, { freeze: 1000 }),
  steady('loss-10', '10 % lost', { loss: 0.1 }),
  steady('loss-20', '20 % lost', { loss: 0.2 }),
  steady('reorder', '5 % arrive 20 ms late', { reorder: 0.05 }, { freeze: 1000 }),
  steady('duplicate', '10 % arrive twice', { duplicate: 0.1 }, { freeze: 1000 }),
  steady('jitter', '30 ms of jitter', { jitter: 30 }, { freeze: 1000 }),
  steady('far', '300 ms of delay each way', { delay: 300 }),
  {
    name: 'rate-drop',
    title: '3 Mbit/s, 300 kbit/s for 20 s, 3 Mbit/s again',
    seconds: 50,
    steps: [{ at: 0, ...both({ rate: 3e6 }) }, { at: 10, down: { rate: 3e5 } }, { at: 30, down: { rate: 3e6 } }],
    must: { audioGap: 1000, fall: 2000, freezeAfter: { from: 12, most: 1000 }, recover: 10000 },
  },
  {
    name: 'thin',
    title: '500 kbit/s from the beginning',
    seconds: 30,
    steps: [{ at: 0, ...both({ rate: 5e5 }) }],
    must: { audioGap: 1000, freezeAfter: { from: 5, most: 1000 } },
  },
  {
    name: 'rebind',
    title: 'the address translator forgets its mapping twice',
    seconds: 20,
    steps: [{ at: 0, ...both({}) }, { at: 5, rebind: true }, { at: 12, rebind: true }],
    must: { audioGap: 3000 },
  },
];
