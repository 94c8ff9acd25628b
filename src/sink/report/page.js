'use strict';
// The table of flows: only the rows that fit the window are in the document. Every text gets there as text (textContent), never as markup.
(function () {
  const page = document.documentElement;
  const unfold = byId('unfold');
  if (unfold) {
    unfold.hidden = false;
    unfold.addEventListener('click', () => {
      const proofs = document.querySelectorAll('details.proof');
      const open = !Array.from(proofs).every(it => it.open);
      for (const proof of proofs) proof.open = open;
      unfold.textContent = open ? 'Close every proof' : 'Open every proof';
    });
  }
  // What is to be done is printed whole.
  const folded = document.querySelectorAll('#findings details');
  addEventListener('beforeprint', () => { for (const it of folded) it.open = true; });

  const data = JSON.parse(byId('data').textContent);
  const box = byId('window');
  if (!box) { page.dataset.ready = 'true'; return; }
  const body = byId('rows');
  const table = byId('table');
  const dialog = byId('details');
  const count = byId('count');
  const inputs = { search: byId('search'), class: byId('class'), verdict: byId('verdict'), flag: byId('flag') };
  // On a phone a row has two lines: the heights are those of the style sheet.
  const narrow = matchMedia('screen and (max-width: 700px)');
  let HEIGHT = narrow.matches ? 46 : 30;
  const FAR = 2 ** 40;
  const ON_PAPER = 200;
  const rows = data.rows;
  const columns = {};
  for (const { name, values } of data.columns) columns[name] = values;
  delete data.columns;

  // Times are differences; here they become ticks since the second at which the table starts.
  const ticks = new Float64Array(rows);
  for (let i = 0, tick = 0; i < rows; i++) ticks[i] = tick += columns.t[i];
  const perSecond = 1e9 / data.unit;
  const digits = data.unit === 1 ? 9 : 6;

  let shown = Uint32Array.from({ length: rows }, (_, i) => i);
  let order = { key: 'time', down: false };
  let current = 0;

  function byId(id) { return document.getElementById(id); }
  function element(tag, className, text) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  // What a flow says.
  const kind = i => data.kinds[columns.k[i]];
  const name = i => columns.n[i] ? data.names[columns.n[i] - 1] : '';
  const bytes = i => columns.bo[i] + columns.bi[i];
  const id = i => '1:' + data.id.substr(i * 27, 27) + '=';
  const text = (column, i) => columns[column][i] ? data.texts[columns[column][i] - 1] : '';
  function time(tick, all) {
    const seconds = Math.floor(tick / perSecond);
    const rest = String(Math.round(tick - seconds * perSecond)).padStart(digits, '0');
    const date = new Date((data.start + seconds) * 1000).toISOString().slice(0, 19);
    return all ? date + '.' + rest + 'Z' : date.slice(5).replace('T', ' ') + '.' + rest.slice(0, 3);
  }
  function end(address, port) {
    if (!port) return address;
    return (address.includes(':') ? '[' + address + ']' : address) + ':' + (port - 1);
  }
  const client = i => data.addresses[columns.c[i]];
  const server = i => data.addresses[columns.s[i]];
  function target(i) {
    const named = name(i), port = columns.sp[i];
    if (!named) return end(server(i), port);
    return port && port !== 444 ? named + ':' + (port - 1) : named;
  }
  function app(i) {
    const it = kind(i);
    return (it.app === 'unknown' ? it.proto : it.app) + (it.version ? ' ' + it.version : '');
  }
  function short(number) {
    if (number < 1000) return String(number);
    let unit = -1;
    do { number /= 1000; unit++; } while (number >= 1000 && unit < 5);
    return (number < 10 ? Math.floor(number * 10) / 10 : Math.floor(number)) + 'kMGTPE'[unit];
  }
  // Four numbers a flag: which, how grave, in which way, and the sentence.
  function held(set) {
    const list = [], numbers = set ? data.flags[set - 1].h : [];
    for (let at = 0; at < numbers.length; at += 4) {
      const [which, severity, how, why] = numbers.slice(at, at + 4);
      list.push({ flag: data.flagWords[which], severity: ['notice', 'medium', 'high'][severity], how: how ? data.howWords[how - 1] : '', why: why ? data.texts[why - 1] : '' });
    }
    return list;
  }
  const flagWords = data.flags.map((_, place) => held(place + 1).map(it => it.how ? it.flag + ' ' + it.how : it.flag).join(', '));
  function verdict(i) {
    const word = kind(i).verdict, flags = columns.f[i] ? flagWords[columns.f[i] - 1] : '';
    if (!flags) return word;
    return word === 'flagged' ? flags : word + ', ' + flags;
  }

  // Search: texts are looked at once each, flows then by number.
  function hits(list, part) { return Uint8Array.from(list, item => item.toLowerCase().includes(part) ? 1 : 0); }
  function test(part) {
    const key = /^(class|verdict|flag|endpoint):(.+)$/.exec(part);
    if (key && key[1] === 'flag') {
      const has = Uint8Array.from(data.flags, (_, place) => held(place + 1).some(it => it.flag === key[2]) ? 1 : 0);
      return i => columns.f[i] > 0 && has[columns.f[i] - 1] === 1;
    }
    if (key) {
      const has = Uint8Array.from(data.kinds, it => (it[key[1]] || '').toLowerCase() === key[2] ? 1 : 0);
      return i => has[columns.k[i]] === 1;
    }
    if (/^:\d+$/.test(part)) {
      const port = Number(part.slice(1)) + 1;
      return i => columns.sp[i] === port || columns.cp[i] === port;
    }
    if (/^#\d+$/.test(part)) {
      const frame = Number(part.slice(1));
      return i => columns.f0[i] <= frame && frame <= mark(i, 6) || columns.f4[i] === frame;
    }
    const said = hits(data.texts, part), names = hits(data.names, part), addresses = hits(data.addresses, part);
    const kinds = hits(data.kinds.map(it => [it.class, it.endpoint || '', it.app, it.proto, it.version || '', it.verdict, it.tcp || '', it.quality].join(' ')), part);
    const flags = hits(flagWords, part);
    const ids = part.length > 4;
    return i => (columns.n[i] > 0 && names[columns.n[i] - 1] === 1) || addresses[columns.s[i]] === 1 || addresses[columns.c[i]] === 1 ||
      kinds[columns.k[i]] === 1 || (columns.h[i] > 0 && said[columns.h[i] - 1] === 1) || (columns.j[i] > 0 && said[columns.j[i] - 1] === 1) || (columns.f[i] > 0 && flags[columns.f[i] - 1] === 1) || (ids && id(i).toLowerCase().startsWith(part));
  }
  function select() {
    const parts = inputs.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const key of ['class', 'verdict', 'flag']) if (inputs[key].value) parts.push(key + ':' + inputs[key].value.toLowerCase());
    const tests = parts.map(test);
    const kept = new Uint32Array(rows);
    let length = 0;
    next: for (let i = 0; i < rows; i++) {
      for (const passes of tests) if (!passes(i)) continue next;
      kept[length++] = i;
    }
    shown = kept.slice(0, length);
    sort();
    current = 0;
    box.scrollTop = 0;
    count.textContent = length === rows ? plural(rows) : length.toLocaleString('en') + ' of ' + plural(rows);
    table.setAttribute('aria-rowcount', String(length + 1));
    draw(true);
  }
  const plural = number => number.toLocaleString('en') + (number === 1 ? ' flow' : ' flows');

  // Sorting: texts get their rank once, then numbers are compared. Equal ones stay in the order of time.
  function ranks(list) {
    const places = list.map((_, place) => place).sort((a, b) => list[a] < list[b] ? -1 : list[a] > list[b] ? 1 : 0);
    const rank = new Uint32Array(list.length);
    places.forEach((place, at) => { rank[place] = at + 1; });
    return rank;
  }
  const cached = {};
  function once(key, make) { return cached[key] || (cached[key] = make()); }
  function keyOf(key) {
    if (key === 'time') return i => i;
    if (key === 'bytes') return bytes;
    if (key === 'client') { const rank = once('address', () => ranks(data.addresses)); return i => rank[columns.c[i]]; }
    if (key === 'name') {
      const rank = once('name', () => ranks(data.names));
      const other = once('address', () => ranks(data.addresses));
      return i => columns.n[i] ? rank[columns.n[i] - 1] : 1e9 + other[columns.s[i]];
    }
    if (key === 'class') { const rank = once('class', () => ranks(data.kinds.map(it => it.class + ' ' + (it.endpoint || '')))); return i => rank[columns.k[i]]; }
    if (key === 'app') { const rank = once('app', () => ranks(data.kinds.map(it => it.app + ' ' + (it.version || it.proto)))); return i => rank[columns.k[i]]; }
    // The gravest first.
    const grades = ['blocked', 'flagged', 'unclear', 'unlisted', 'fine'];
    const rank = once('flags', () => ranks(flagWords));
    return i => grades.indexOf(kind(i).fate) * 1e7 + (columns.f[i] ? rank[columns.f[i] - 1] : 0);
  }
  function sort() {
    const key = keyOf(order.key), sign = order.down ? -1 : 1;
    const keys = new Float64Array(rows);
    for (const i of shown) keys[i] = key(i);
    if (order.key === 'time' && !order.down) shown.sort(); else shown.sort((a, b) => sign * (keys[a] - keys[b]) || a - b);
    for (const head of table.tHead.rows[0].cells) {
      head.setAttribute('aria-sort', head.dataset.sort === order.key ? (order.down ? 'descending' : 'ascending') : 'none');
      const arrow = head.querySelector('.arrow');
      if (arrow) arrow.textContent = head.dataset.sort === order.key ? (order.down ? ' ▼' : ' ▲') : '';
    }
  }

  // Rows.
  function row(at) {
    const i = shown[at], it = kind(i), made = element('tr', 'flow');
    made.setAttribute('aria-rowindex', String(at + 2));
    made.tabIndex = at === current ? 0 : -1;
    made.dataset.at = at;
    const words = verdict(i);
    const cells = [['client', client(i)], ['name', target(i)], ['class', it.class], ['app', app(i)], ['bytes', short(bytes(i))]];
    const when = element('td', 'time');
    const clock = time(ticks[i]);
    when.append(element('span', 'day', clock.slice(0, 6)), clock.slice(6, 14), element('span', 'day', clock.slice(14)));
    made.append(when);
    for (const [className, content] of cells) {
      const cell = element('td', className, content);
      if (className === 'name') {
        cell.title = content;
        cell.append(element('span', 'from', client(i) + ', ' + app(i)));
      }
      made.append(cell);
    }
    const cell = element('td', 'verdict');
    cell.title = words;
    cell.append(element('span', 'chip ' + it.fate, words));
    made.append(cell);
    return made;
  }
  function space(height) {
    const made = element('tr', 'space'), cell = element('td');
    made.setAttribute('aria-hidden', 'true');
    cell.style.height = height + 'px';
    made.append(cell);
    return made;
  }
  let from = -1, to = -1, paper = false;
  function draw(force) {
    if (paper) return;
    const first = Math.max(0, Math.floor(box.scrollTop / HEIGHT) - 15);
    const last = Math.min(shown.length, first + Math.ceil(box.clientHeight / HEIGHT) + 30);
    if (!force && first === from && last === to) return;
    from = first;
    to = last;
    const focused = body.contains(document.activeElement);
    const made = [];
    if (first > 0) made.push(space(first * HEIGHT));
    for (let at = first; at < last; at++) made.push(row(at));
    if (last < shown.length) made.push(space((shown.length - last) * HEIGHT));
    if (!shown.length) { const none = element('tr'), cell = element('td', 'none', 'No flow is like that.'); cell.colSpan = 4; none.append(cell); made.push(none); }
    body.replaceChildren(...made);
    if (focused) focus(false);
  }
  function focus(scroll) {
    if (scroll) {
      const top = current * HEIGHT, room = box.clientHeight - 2 * HEIGHT;
      if (top < box.scrollTop) box.scrollTop = top;
      if (top > box.scrollTop + room) box.scrollTop = top - room;
      draw(true);
    }
    const at = body.querySelector('[data-at="' + current + '"]');
    if (at) at.focus({ preventScroll: true });
  }

  // One flow, opened.
  function mark(i, which) {
    const value = columns['f' + which][i];
    if (!value) return 0;
    if (which === 0 || which === 4) return value;
    return value >= FAR ? value - FAR : columns.f0[i] + value - 1;
  }
  function filterOf(i) {
    const it = kind(i), a = client(i), b = server(i), ip = a.includes(':') ? 'ipv6' : 'ip';
    const terms = [a === b ? ip + '.src == ' + a + ' && ' + ip + '.dst == ' + a : ip + '.addr == ' + a + ' && ' + ip + '.addr == ' + b];
    const cp = columns.cp[i] - 1, sp = columns.sp[i] - 1;
    if (['tcp', 'udp', 'sctp'].includes(it.proto) && cp >= 0 && sp >= 0) {
      terms.push(cp === sp ? it.proto + '.srcport == ' + cp + ' && ' + it.proto + '.dstport == ' + cp : it.proto + '.port == ' + cp + ' && ' + it.proto + '.port == ' + sp);
      terms.push('!icmp && !icmpv6');
    } else if (it.proto === 'icmp' || it.proto === 'icmpv6') terms.push(it.proto);
    else terms.push((ip === 'ip' ? 'ip.proto == ' : 'ipv6.nxt == ') + it.number);
    terms.push('frame.number >= ' + columns.f0[i]);
    if (!text('e', i)) terms.push('frame.number <= ' + mark(i, 6));
    return terms.join(' && ');
  }
  function copyable(content) {
    const code = element('code', 'filter', content), button = element('button', 'copy', 'Copy');
    button.type = 'button';
    button.addEventListener('click', async () => {
      try {
        await navigator.clipboard.writeText(content);
        button.textContent = 'Copied';
      } catch {
        const range = document.createRange();
        range.selectNodeContents(code);
        getSelection().removeAllRanges();
        getSelection().addRange(range);
        button.textContent = 'Selected: copy it with Ctrl-C';
      }
    });
    const both = document.createDocumentFragment();
    both.append(code, button);
    return both;
  }
  // The one input, as a shell takes it; of several, or of standard input, nobody but the reader knows where they are.
  function input() {
    const file = data.files.length === 1 ? data.files[0] : '';
    if (!file || file === '-') return data.files.length > 1 ? 'FILE...' : 'FILE';
    const path = file.startsWith('-') ? './' + file : file;
    return /^[\w.\/:@%+=,-]+$/.test(path) ? path : "'" + path.replaceAll("'", "'\\''") + "'";
  }
  function open(at) {
    const i = shown[at], it = kind(i), facts = element('dl', 'facts');
    const fact = (what, value) => { if (value) facts.append(element('dt', '', what), element('dd', '', value)); };
    const amount = (out, back) => short(columns[out][i]) + ' from the client, ' + short(columns[back][i]) + ' to it';
    fact('Client', end(client(i), columns.cp[i]));
    fact('Server', end(server(i), columns.sp[i]));
    fact('Name', name(i) ? name(i) + ' (evidence: ' + it.evidence + ')' : 'none (evidence: ' + it.evidence + ')');
    fact('Name in the hello', text('h', i));
    fact('DNS chain', text('v', i));
    fact('Class', it.class + (it.endpoint ? ', endpoint ' + it.endpoint : '') + (it.line && it.line !== 'none' ? ', ' + it.line + ' line' : ''));
    fact('Verdict', it.verdict);
    fact('Began', time(ticks[i], true));
    fact('Ended', time(ticks[i] + columns.d[i], true));
    fact('Protocol', it.proto + (it.app === 'unknown' ? '' : ', ' + it.app) + (it.version ? ' ' + it.version : '') + (it.tcp ? ', ' + it.tcp : ''));
    fact('Packets', amount('po', 'pi'));
    fact('Bytes', amount('bo', 'bi'));
    fact('Client program (JA4)', text('j', i));
    fact('How well it was seen', it.quality);
    const marks = [['first', 0], ['hello', 1], ['server hello', 2], ['certificate', 3], ['DNS answer', 4], ['failure', 5], ['last', 6]];
    fact('Frames', marks.filter(([, which]) => mark(i, which)).map(([word, which]) => word + ' ' + mark(i, which)).join(', ') + (data.files.length > 1 ? ' (of ' + data.files[it.file] + ')' : ''));
    fact('In other files', text('e', i));
    const heading = element('h2', '', target(i));
    heading.id = 'details-h';
    const close = element('button', 'close', 'Close');
    close.type = 'button';
    close.addEventListener('click', () => dialog.close());
    const parts = [heading, close];
    for (const flag of held(columns.f[i])) {
      const line = element('p');
      line.append(element('span', 'chip ' + (flag.severity === 'high' ? 'blocked' : flag.severity === 'medium' ? 'flagged' : ''), flag.flag + (flag.how ? ' ' + flag.how : '') + ', ' + flag.severity), ' ' + flag.why);
      parts.push(line);
    }
    parts.push(facts, element('h5', '', 'The flow in Wireshark (display filter)'), copyable(filterOf(i)));
    parts.push(element('h5', '', 'Community ID'), copyable(id(i)));
    parts.push(element('h5', '', 'Its whole proof in words'), copyable('flowsift explain ' + id(i) + '@' + time(ticks[i], true).slice(0, 26) + ' ' + input()));
    dialog.replaceChildren(...parts);
    dialog.showModal();
  }

  // What people do.
  box.addEventListener('scroll', () => requestAnimationFrame(() => draw(false)), { passive: true });
  addEventListener('resize', () => draw(false));
  narrow.addEventListener('change', () => { HEIGHT = narrow.matches ? 46 : 30; draw(true); });
  body.addEventListener('click', event => {
    const at = event.target.closest('tr.flow');
    if (!at) return;
    current = Number(at.dataset.at);
    open(current);
  });
  body.addEventListener('keydown', event => {
    const page = Math.max(1, Math.floor(box.clientHeight / HEIGHT) - 2);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -rows, End: rows };
    if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); open(current); return; }
    if (!(event.key in steps)) return;
    event.preventDefault();
    current = Math.max(0, Math.min(shown.length - 1, current + steps[event.key]));
    focus(true);
  });
  dialog.addEventListener('close', () => focus(false));
  dialog.addEventListener('click', event => { if (event.target === dialog) dialog.close(); });
  let waiting = 0;
  inputs.search.addEventListener('input', () => { clearTimeout(waiting); waiting = setTimeout(select, 120); });
  for (const key of ['class', 'verdict', 'flag']) inputs[key].addEventListener('change', select);
  function reset(search) {
    for (const key of ['class', 'verdict', 'flag']) inputs[key].value = '';
    inputs.search.value = search || '';
    select();
  }
  byId('reset').addEventListener('click', () => reset(''));
  for (const link of document.querySelectorAll('[data-find]')) link.addEventListener('click', () => reset(link.dataset.find));

  // On paper the first rows stand as they do without a script.
  const shownOnPaper = media => {
    paper = media;
    if (!media) { box.classList.add('live'); draw(true); return; }
    box.classList.remove('live');
    body.replaceChildren(...Array.from({ length: Math.min(ON_PAPER, shown.length) }, (_, at) => row(at)));
  };
  matchMedia('print').addEventListener('change', event => shownOnPaper(event.matches));
  addEventListener('beforeprint', () => shownOnPaper(true));
  addEventListener('afterprint', () => shownOnPaper(false));

  for (const head of table.tHead.rows[0].cells) {
    const button = element('button');
    button.type = 'button';
    button.append(...head.childNodes, element('span', 'arrow'));
    button.addEventListener('click', () => {
      const key = head.dataset.sort;
      order = { key, down: order.key === key ? !order.down : key === 'bytes' };
      sort();
      box.scrollTop = 0;
      current = 0;
      draw(true);
    });
    head.replaceChildren(button);
  }
  byId('controls').hidden = false;
  const beyond = byId('beyond');
  if (beyond) beyond.hidden = !matchMedia('print').matches;
  addEventListener('beforeprint', () => { if (beyond) { beyond.hidden = shown.length <= ON_PAPER; beyond.textContent = 'and ' + (shown.length - ON_PAPER).toLocaleString('en') + ' more'; } });
  addEventListener('afterprint', () => { if (beyond) beyond.hidden = true; });
  box.classList.add('live');
  select();
  page.dataset.ready = 'true';
})();
