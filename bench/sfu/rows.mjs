// The rows of `./dev bench sfu`: what is sent, by how many to how many, and what it must cost (us per forwarded packet).
// The load is neutral: 261 packets of 1200 bytes a second from each sender, nine at each frame.
const oneTo = (receivers) => ({ participants: receivers + 1, senders: 1, copies: receivers });
const all = (participants) => ({ participants, senders: participants, copies: participants * (participants - 1) });
export const packetsPerSecond = 261;

export const rows = [
  { name: 'gcm', title: '1 to 100, AES-GCM, back to back', ...oneTo(100), srtp: 'gcm', spread: '0ms', must: 3.0, aim: 1.8, mustRatio: 0.10, aimRatio: 0.06 },
  { name: 'gcm-paced', title: '1 to 100, AES-GCM, paced', ...oneTo(100), srtp: 'gcm', spread: '10ms', must: 4.2, aim: 3.5, mustRatio: 0.15, aimRatio: 0.12 },
  { name: 'cm', title: '1 to 100, AES-CM-SHA1-80, back to back', ...oneTo(100), srtp: 'cm', spread: '0ms', must: 3.5, aim: 2.2 },
  { name: 'cm-paced', title: '1 to 100, AES-CM-SHA1-80, paced', ...oneTo(100), srtp: 'cm', spread: '10ms', must: 4.8, aim: 4.0 },
  { name: 'ten', title: '10 people, all to all, AES-CM-SHA1-80, back to back', ...all(10), srtp: 'cm', spread: '0ms', must: 5.0, aim: 3.0 },
  { name: 'memory', title: 'KB of resident memory per receiver, from 100 to 300', memory: [100, 300], srtp: 'gcm', spread: '0ms', must: 40, aim: 20 },
];
