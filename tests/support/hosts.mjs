// Loopback addresses of this process's own: nobody else listens there, so a port stays free while its server is down.
const network = `127.${1 + (process.pid % 250)}.${1 + ((process.pid >> 8) % 250)}`;
let last = 0;
export const ownHost = () => `${network}.${++last}`;
