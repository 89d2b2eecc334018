// How back-ends read a stream of requests: one strict reader (RFC 9110, 9112), and many with one known fault each.
// A proxy is safe to stand before all of them if none of them sees anything that the strict one does not see.
//
// A reading is {requests, error, rest}: whole requests {method, target, version, fields, body}, the error that stopped a
// strict reader, and how many bytes of an unfinished request were left.

const kToken = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

class Unfinished extends Error {}
class Refused extends Error {}

const integers = {
  strict: (text) => (/^[0-9]{1,18}$/.test(text) ? Number(text) : undefined),
  // atoi and its kin: what digits there are, perhaps behind white space and a sign.
  prefix: (text) => {
    const found = /^[\s\v]*[+-]?(\d+)/.exec(text);
    return found ? Number(found[1]) : undefined;
  },
  python: (text) => {
    const bare = text.trim().replace(/^\+/, '').replace(/(?<=\d)_(?=\d)/g, '');
    return /^\d+$/.test(bare) ? Number(bare) : undefined;
  },
  // strtol(text, 0): 0x10 is sixteen, 010 is eight.
  any_base: (text) => {
    if (/^0x[0-9a-f]+$/i.test(text)) return parseInt(text, 16);
    if (/^0[0-7]*$/.test(text)) return parseInt(text, 8);
    return /^\d+$/.test(text) ? Number(text) : undefined;
  },
  float: (text) => {
    const value = Number(text);
    return text !== '' && Number.isFinite(value) ? Math.trunc(value) : undefined;
  },
  wrap64: (text) => (/^\d+$/.test(text) ? Number(BigInt(text) & 0xffffffffffffffffn) : undefined),
};

const hexadecimals = {
  strict: (text) => (/^[0-9a-f]{1,15}$/i.test(text) ? parseInt(text, 16) : undefined),
  prefix: (text) => {
    const found = /^[\s\v]*[+-]?(?:0x)?([0-9a-f]+)/i.exec(text);
    return found ? parseInt(found[1], 16) : 0;
  },
  python: (text) => {
    const bare = text.trim().replace(/^[+-]?(0x_?)?/i, '').replace(/_/g, '');
    return /^[0-9a-f]+$/i.test(bare) ? parseInt(bare, 16) : undefined;
  },
  wrap64: (text) => {
    const bare = /^[0-9a-f]+/i.exec(text.trim());
    return bare ? Number(BigInt(`0x${bare[0]}`) & 0xffffffffffffffffn) : undefined;
  },
};

// What the faults are called in a model, with what a strict reader has in their place.
const strictness = {
  strict: true,
  line_end: 'crlf', // or lf: LF ends a line, a CR before it is dropped; cr: CR or LF, too
  fold: 'refuse', // join: to the value before; separate: a field of its own; skip
  cut_at_nul: false,
  names: (name) => name.toLowerCase(),
  trim: (value) => value.replace(/^[ \t]+|[ \t]+$/g, ''),
  coding: (values) => values.length === 1 && values[0].toLowerCase() === 'chunked',
  coding_in_http10: true,
  both: 'coding', // or length
  length: (values) => values[0],
  integer: integers.strict,
  hexadecimal: hexadecimals.strict,
  chunk_end: 'crlf', // lf, skip: any two bytes, none: whatever white space there is
  extension_line_end: undefined, // another line end inside chunk lines
};

class Reader {
  constructor(model, bytes) {
    this.model = model;
    this.bytes = bytes;
    this.at = 0;
  }

  line(kind = this.model.line_end) {
    const { bytes, at } = this;
    let end;
    let next;
    if (kind === 'crlf') {
      end = bytes.indexOf('\r\n', at);
      next = end + 2;
    } else if (kind === 'lf') {
      end = bytes.indexOf('\n', at);
      next = end + 1;
    } else {
      const found = /\r\n|\r|\n/g;
      found.lastIndex = at;
      const match = found.exec(bytes);
      end = match ? match.index : -1;
      next = match ? match.index + match[0].length : 0;
    }
    if (end < 0) throw new Unfinished();
    this.at = next;
    const text = bytes.slice(at, end);
    return kind === 'lf' && text.endsWith('\r') ? text.slice(0, -1) : text;
  }

  refuse(why) {
    if (this.model.strict) throw new Refused(why);
  }

  head() {
    let first = this.line();
    for (let i = 0; first === '' && i < 8; ++i) first = this.line();
    const found = /^([^ ]+) ([^\x00-\x20\x7f#]+) HTTP\/1\.([01])$/.exec(first);
    if (this.model.strict && (!found || !kToken.test(found[1]))) throw new Refused(`request line ${JSON.stringify(first)}`);
    const words = first.trim().split(/\s+/);
    const request = { method: words[0], target: words[1] ?? '', minor: /1\.0$/.test(first) ? 0 : 1, fields: [], line: first };
    if (words.length < 3 || !/HTTP/i.test(first)) return request; // HTTP/0.9: no head follows
    for (;;) {
      let text = this.line();
      if (text === '') return request;
      if (this.model.cut_at_nul && text.includes('\0')) text = text.slice(0, text.indexOf('\0'));
      if (/^[ \t]/.test(text)) {
        this.refuse('folded');
        if (this.model.fold === 'join' && request.fields.length > 0) request.fields.at(-1).value += ` ${text.trim()}`;
        if (this.model.fold !== 'separate') continue;
        text = text.trim();
      }
      const colon = text.indexOf(':');
      const name = colon < 0 ? text : text.slice(0, colon);
      const value = colon < 0 ? '' : text.slice(colon + 1);
      if (this.model.strict && (colon < 0 || !kToken.test(name))) throw new Refused(`name ${JSON.stringify(text)}`);
      if (this.model.strict && /[\x00-\x08\x0a-\x1f\x7f]/.test(value)) throw new Refused(`value ${JSON.stringify(text)}`);
      request.fields.push({ name: this.model.names(name), as_sent: name, value: this.model.trim(value) });
    }
  }

  values(request, name) {
    return request.fields.filter((field) => field.name === name).map((field) => field.value);
  }

  body(request) {
    const { model } = this;
    const codings = this.values(request, 'transfer-encoding');
    const lengths = this.values(request, 'content-length');
    if (model.strict) {
      const hosts = this.values(request, 'host');
      if (hosts.length !== 1 || !/^(\[[0-9a-f:.]+\]|[A-Za-z0-9\-._~!$&'()*+;=]+)(:\d+)?$/i.test(hosts[0])) throw new Refused('Host');
      if (codings.length > 0 && lengths.length > 0) throw new Refused('both lengths');
      if (lengths.length > 1 || codings.length > 1) throw new Refused('repeated length');
      if (codings.length > 0 && (!model.coding(codings) || request.minor === 0)) throw new Refused('coding');
      if (lengths.length > 0 && model.integer(lengths[0]) === undefined) throw new Refused('length');
    }
    const coded = codings.length > 0 && model.coding(codings) && (request.minor > 0 || model.coding_in_http10);
    const length = lengths.length > 0 ? model.integer(model.length(lengths)) : undefined;
    if (coded && !(model.both === 'length' && length !== undefined)) return this.chunks();
    if (length === undefined) return '';
    return this.take(length);
  }

  take(count) {
    if (!(this.at + count <= this.bytes.length)) throw new Unfinished();
    this.at += count;
    return this.bytes.slice(this.at - count, this.at);
  }

  chunks() {
    let body = '';
    for (;;) {
      const line = this.line(this.model.extension_line_end ?? (this.model.chunk_end === 'lf' ? 'lf' : this.model.line_end));
      const digits = line.split(';')[0];
      this.checkExtension(line.slice(digits.length));
      const size = this.model.hexadecimal(digits);
      if (size === undefined) throw new Refused(`chunk size ${JSON.stringify(line)}`);
      if (size === 0) break;
      body += this.take(size);
      switch (this.model.chunk_end) {
        case 'skip': this.take(2); break;
        case 'lf': if (this.bytes[this.at] === '\r') this.take(1); if (this.bytes[this.at] === '\n') this.take(1); break;
        case 'none': while (/[\r\n \t]/.test(this.bytes[this.at] ?? '')) this.take(1); break;
        default: if (this.take(2) !== '\r\n') throw new Refused('chunk end');
      }
    }
    while (this.line() !== '');
    return body;
  }

  checkExtension(text) {
    if (this.model.strict && !/^(;[!#$%&'*+\-.^_`|~0-9A-Za-z]+(=([!#$%&'*+\-.^_`|~0-9A-Za-z]+|"([\t !#-[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"))?)*$/.test(text)) {
      throw new Refused(`extension ${JSON.stringify(text)}`);
    }
  }
}

export function read(model, bytes) {
  const reader = new Reader(model, bytes);
  const requests = [];
  while (reader.at < bytes.length) {
    const begin = reader.at;
    try {
      const request = reader.head();
      request.body = reader.body(request);
      request.end = reader.at;
      requests.push(request);
    } catch (error) {
      if (error instanceof Unfinished) return { requests, rest: bytes.length - begin };
      if (error instanceof Refused) return { requests, error: error.message, rest: bytes.length - begin };
      throw error;
    }
  }
  return { requests, rest: 0 };
}

export const strict = { name: 'strict', ...strictness };

const faulty = (name, faults) => ({ ...strictness, strict: false, name, ...faults });
const anywhere = (values) => values.some((value) => /chunked/i.test(value));
export const models = [
  faulty('Content-Length first', { both: 'length' }),
  faulty('Transfer-Encoding first', {}),
  faulty('a coding that contains "chunked"', { coding: anywhere }),
  faulty('a coding whose last element is chunked', { coding: (values) => /(^|[\s,])chunked\s*$/i.test(values.join(',')) }),
  faulty('a coding whose first element is chunked', { coding: (values) => /^\s*chunked([\s,;]|$)/i.test(values[0]) }),
  faulty('a coding cut at its parameter', { coding: (values) => values[0].split(';')[0].trim().toLowerCase() === 'chunked' }),
  faulty('chunked in small letters only', { coding: (values) => values[0] === 'chunked' }),
  faulty('any coding is chunked', { coding: () => true }),
  faulty('the last coding line counts', { coding: (values) => values.at(-1).toLowerCase() === 'chunked' }),
  faulty('the last length counts', { length: (values) => values.at(-1) }),
  faulty('the last length counts, and beats the coding', { length: (values) => values.at(-1), both: 'length' }),
  faulty('lengths joined by commas, prefix taken', { length: (values) => values.join(','), integer: integers.prefix, both: 'length' }),
  faulty('prefix integers', { integer: integers.prefix, hexadecimal: hexadecimals.prefix }),
  faulty('integers with underscores and signs', { integer: integers.python, hexadecimal: hexadecimals.python }),
  faulty('integers of any base', { integer: integers.any_base, both: 'length' }),
  faulty('lengths as floats', { integer: integers.float }),
  faulty('lengths wrap at 64 bits', { integer: integers.wrap64, hexadecimal: hexadecimals.wrap64 }),
  faulty('LF ends lines', { line_end: 'lf' }),
  faulty('LF ends lines, folded lines joined', { line_end: 'lf', fold: 'join' }),
  faulty('CR ends lines', { line_end: 'cr' }),
  faulty('CR ends lines, a length first', { line_end: 'cr', both: 'length' }),
  faulty('folded lines joined', { fold: 'join', coding: anywhere }),
  faulty('folded lines are fields', { fold: 'separate' }),
  faulty('folded lines skipped', { fold: 'skip' }),
  faulty('values cut at NUL', { cut_at_nul: true }),
  faulty('white space cut from names', { names: (name) => name.trim().toLowerCase() }),
  faulty('names of letters, digits and dashes only', { names: (name) => name.toLowerCase().replace(/[^a-z0-9-]/g, '') }),
  faulty('names of letters, digits and dashes only, a length first', { names: (name) => name.toLowerCase().replace(/[^a-z0-9-]/g, ''), both: 'length' }),
  faulty('names as CGI makes them', { names: (name) => name.toLowerCase().replace(/[^a-z0-9]/g, '-') }),
  faulty('names as CGI makes them, a length first', { names: (name) => name.toLowerCase().replace(/[^a-z0-9]/g, '-'), both: 'length' }),
  faulty('names cut at white space', { names: (name) => name.toLowerCase().split(/\s/)[0] }),
  faulty('all white space cut from values', { trim: (value) => value.replace(/^[\s\v\f\x85\xa0]+|[\s\v\f\x85\xa0]+$/g, '') }),
  faulty('control bytes cut from values', { trim: (value) => value.replace(/[\x00-\x20\x7f-\xa0]/g, '') }),
  faulty('sloppy ends of chunks', { chunk_end: 'lf' }),
  faulty('two bytes behind a chunk, whatever they are', { chunk_end: 'skip' }),
  faulty('white space behind chunks', { chunk_end: 'none' }),
  faulty('LF ends chunk lines', { extension_line_end: 'lf' }),
  faulty('CR ends chunk lines', { extension_line_end: 'cr' }),
  faulty('no coding in HTTP/1.0', { coding_in_http10: false }),
];
