// A connection that ends with RST, where node can: while a shutdown is under way (end() was called and has not gone out)
// libuv refuses the reset, node takes the handle for closed nevertheless, and the process spins for ever in its exit.
import tls from 'node:tls';

export function reset(socket) {
  if (socket.destroyed) return;
  const shutting = socket.writableEnded && !socket.writableFinished;
  if (socket instanceof tls.TLSSocket || shutting || socket.connecting) socket.destroy();
  else socket.resetAndDestroy();
}
