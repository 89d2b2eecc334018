// What browsers have and Debian 12's node 18 has not yet as a global. Loaded before each test: node --import.
import { webcrypto } from 'node:crypto';

globalThis.crypto ??= webcrypto;
