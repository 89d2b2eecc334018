// A namespace-aware XML reader, small enough to trust: the few DOM members that the client's readers use.
// Throws on what is not well-formed, as a browser's parser would refuse it.

const kEntities = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function decode(text) {
  return text.replace(/&(#x[0-9a-f]+|#\d+|\w+);|&/gi, (all, name) => {
    if (name === undefined || (name[0] !== '#' && !(name in kEntities))) throw new SyntaxError(`bad reference ${all}`);
    if (name[0] !== '#') return kEntities[name];
    return String.fromCodePoint(name[1].toLowerCase() === 'x' ? parseInt(name.slice(2), 16) : Number(name.slice(1)));
  });
}

class TreeElement {
  constructor(localName, namespaceURI, attributes) {
    Object.assign(this, { localName, namespaceURI, attributes, children: [], parts: [] });
  }
  getAttribute(name) {
    return this.attributes.get(name) ?? null;
  }
  get textContent() {
    return this.parts.map((p) => (typeof p === 'string' ? p : p.textContent)).join('');
  }
}

export function parseTree(text) {
  const token = /<\/([\w:.-]+)\s*>|<([\w:.-]+)((?:\s+[\w:.-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>|([^<]+)/gy;
  const open = [];
  let root = null;
  while (token.lastIndex < text.length) {
    const at = token.lastIndex;
    const match = token.exec(text);
    if (!match) throw new SyntaxError(`not well-formed at ${at}: ${text.slice(at, at + 40)}`);
    const [, end, start, rawAttributes, empty, characters] = match;
    if (characters !== undefined) {
      if (open.length > 0) open.at(-1).element.parts.push(decode(characters));
      else if (characters.trim() !== '') throw new SyntaxError('text outside the root');
    } else if (end !== undefined) {
      if (open.pop()?.name !== end) throw new SyntaxError(`</${end}> closes nothing`);
    } else {
      if (root && open.length === 0) throw new SyntaxError('two roots');
      const attributes = new Map();
      const scope = { ...(open.at(-1)?.scope ?? { xml: 'http://www.w3.org/XML/1998/namespace' }) };
      for (const [, name, double, single] of rawAttributes.matchAll(/([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g)) {
        if (attributes.has(name)) throw new SyntaxError(`attribute ${name} twice`);
        attributes.set(name, decode(double ?? single));
        if (name === 'xmlns') scope[''] = attributes.get(name);
        else if (name.startsWith('xmlns:')) scope[name.slice(6)] = attributes.get(name);
      }
      const [prefix, local] = start.includes(':') ? start.split(':') : ['', start];
      if (prefix && !(prefix in scope)) throw new SyntaxError(`unbound prefix ${prefix}`);
      const element = new TreeElement(local, scope[prefix] ?? null, attributes);
      if (open.length > 0) {
        open.at(-1).element.children.push(element);
        open.at(-1).element.parts.push(element);
      }
      root ??= element;
      if (!empty) open.push({ name: start, element, scope });
    }
  }
  if (!root || open.length > 0) throw new SyntaxError('no end');
  return root;
}
