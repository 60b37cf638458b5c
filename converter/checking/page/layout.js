// Layered drawing of a directed acyclic graph: ranks from top to bottom, few crossings, straight chains.

const GAP_X = 16, GAP_Y = 22, LANE = 7;

// items: [{width, height, first, last}] in topological order; first and last ones stand at the upper and lower border.
// edges: [{from, to, source, out, in}]: indices of items; edges of one source share their way; `out` and `in` say how far from
// the middle of the item they leave and arrive.
// Returns {width, height, at: [{x, y}] (middle of the upper side of each item), ways: [[{x, y}, ...] of each edge]}.
function layered(items, edges) {
  const ranks = ranked(items, edges);
  const vertices = items.map((item, index) => ({ ...item, rank: ranks[index], up: [], down: [], real: true, x: 0 }));
  const lanes = new Map(); // where the edges of a source pass a rank
  const passed = edges.map((edge) => {
    const way = [];
    let above = vertices[edge.from], out = edge.out;
    const join = (below, into, weight) => {
      const old = above.down.find((segment) => segment.to === below && segment.out === out && segment.into === into);
      if (!old) {
        const segment = { from: above, to: below, out, into, weight };
        above.down.push(segment);
        below.up.push(segment);
      }
      above = below;
      out = 0;
    };
    for (let rank = ranks[edge.from] + 1; rank < ranks[edge.to]; rank++) {
      const key = edge.source + " " + rank;
      if (!lanes.has(key)) {
        const lane = { source: edge.source, width: LANE, height: 0, rank, up: [], down: [], real: false, x: 0 };
        lanes.set(key, lane);
        vertices.push(lane);
      }
      const lane = lanes.get(key);
      join(lane, 0, above.real ? 1 : 8);
      way.push(lane);
    }
    join(vertices[edge.to], edge.in, above.real ? 4 : 1);
    return way;
  });

  const rows = Array.from({ length: Math.max(-1, ...ranks) + 1 }, () => []);
  for (const vertex of vertices) rows[vertex.rank].push(vertex);
  untangle(rows);
  place(rows);
  straighten(rows, [...lanes.values()]);

  const left = Math.min(0, ...vertices.map((vertex) => vertex.x - vertex.width / 2));
  const right = Math.max(0, ...vertices.map((vertex) => vertex.x + vertex.width / 2));
  let y = 0;
  for (const row of rows) {
    const height = Math.max(0, ...row.map((vertex) => vertex.height));
    for (const vertex of row) {
      vertex.y = y + (height - vertex.height) / 2;
      vertex.top = y;
      vertex.bottom = y + height;
      vertex.x -= left;
    }
    y += height + GAP_Y;
  }
  const ways = edges.map((edge, index) => {
    const from = vertices[edge.from], to = vertices[edge.to];
    const points = [{ x: from.x + edge.out, y: from.y + from.height }];
    if (from.y + from.height < from.bottom) points.push({ x: from.x + edge.out, y: from.bottom });
    for (const lane of passed[index]) points.push({ x: lane.x, y: lane.top }, { x: lane.x, y: lane.bottom });
    if (to.top < to.y) points.push({ x: to.x + edge.in, y: to.top });
    points.push({ x: to.x + edge.in, y: to.y });
    return points;
  });
  const at = items.map((_, index) => ({ x: vertices[index].x, y: vertices[index].y }));
  return { width: right - left, height: Math.max(0, y - GAP_Y), at, ways };
}

// The rank of each item: below all that it reads; what reads nothing stands just above its first reader.
function ranked(items, edges) {
  const ranks = items.map((item) => (item.first ? 0 : items.some((other) => other.first) ? 1 : 0));
  const order = [...edges].sort((a, b) => a.from - b.from);
  for (const edge of order) ranks[edge.to] = Math.max(ranks[edge.to], ranks[edge.from] + 1);
  const reads = new Set(edges.map((edge) => edge.to));
  for (let index = items.length - 1; index >= 0; index--) {
    const readers = edges.filter((edge) => edge.from === index).map((edge) => ranks[edge.to]);
    if (!reads.has(index) && !items[index].first && readers.length) ranks[index] = Math.min(...readers) - 1;
  }
  const inner = Math.max(-1, ...ranks.filter((_, index) => !items[index].last));
  return ranks.map((rank, index) => (items[index].last ? inner + 1 : rank));
}

// Order each row by the mean place of its neighbours, and keep the order with the fewest crossings.
function untangle(rows) {
  const number = () => rows.forEach((row) => row.forEach((vertex, index) => (vertex.index = index)));
  const mean = (vertex, segments, side) =>
    segments.length ? segments.reduce((sum, s) => sum + s[side].index + s.out / 1e4, 0) / segments.length : vertex.index;
  number();
  let best = rows.map((row) => [...row]), fewest = crossings(rows);
  for (let sweep = 0; sweep < 16 && fewest; sweep++) {
    const down = sweep % 2 === 0;
    for (const row of down ? rows : [...rows].reverse()) {
      for (const vertex of row) vertex.wish = down ? mean(vertex, vertex.up, "from") : mean(vertex, vertex.down, "to");
      row.sort((a, b) => a.wish - b.wish || b.real - a.real || a.index - b.index);
      row.forEach((vertex, index) => (vertex.index = index));
    }
    const found = crossings(rows);
    if (found < fewest) [best, fewest] = [rows.map((row) => [...row]), found];
  }
  best.forEach((row, index) => (rows[index] = row));
  number();
}

function crossings(rows) {
  let count = 0;
  for (const row of rows) {
    const seen = [];
    for (const vertex of row) {
      const ends = vertex.down.map((segment) => segment.to.index);
      for (const end of ends) for (const other of seen) if (other > end) count++;
      seen.push(...ends);
    }
  }
  return count;
}

// Horizontal places: each vertex where the median of its neighbours wants it, as far as its row leaves room.
function place(rows) {
  for (const row of rows) {
    let x = 0;
    for (const vertex of row) {
      vertex.x = x + vertex.width / 2;
      x += vertex.width + GAP_X;
    }
    for (const vertex of row) vertex.x -= x / 2;
  }
  const up = (vertex) => vertex.up.map((s) => [s.from.x + s.out - s.into, s.weight]);
  const down = (vertex) => vertex.down.map((s) => [s.to.x + s.into - s.out, s.weight]);
  const both = (vertex) => [...up(vertex), ...down(vertex)];
  for (let round = 0; round < 12; round++) {
    for (const row of rows) settle(row, up);
    for (const row of [...rows].reverse()) settle(row, down);
  }
  for (let round = 0; round < 4; round++) for (const row of rows) settle(row, both);
  for (const row of rows) settle(row, up); // last, so that chains are straight
}

function settle(row, wishes) {
  const blocks = []; // of vertices that touch: {wish: the weighted mean, weight, vertices}
  let offset = 0;
  row.forEach((vertex, index) => {
    if (index) offset += (row[index - 1].width + vertex.width) / 2 + GAP_X;
    vertex.offset = offset;
    const weight = vertex.real ? 500 : 1; // an edge gives way
    blocks.push({ wish: median(wishes(vertex), vertex.x) - offset, weight, vertices: [vertex] });
    while (blocks.length > 1 && blocks[blocks.length - 2].wish > blocks[blocks.length - 1].wish) {
      const right = blocks.pop(), left = blocks.pop(), weight = left.weight + right.weight;
      const wish = (left.wish * left.weight + right.wish * right.weight) / weight;
      blocks.push({ wish, weight, vertices: [...left.vertices, ...right.vertices] });
    }
  });
  for (const block of blocks) for (const vertex of block.vertices) vertex.x = block.wish + vertex.offset;
}

// Edges that pass several rows go straight down where all of these rows leave room at one place.
function straighten(rows, lanes) {
  rows.forEach((row) => row.forEach((vertex, index) => (vertex.index = index)));
  const ways = new Map();
  for (const lane of lanes) ways.set(lane.source, [...(ways.get(lane.source) || []), lane]);
  for (let round = 0; round < 3; round++) {
    for (const way of ways.values()) {
      let from = -Infinity, to = Infinity;
      for (const lane of way) {
        const left = rows[lane.rank][lane.index - 1], right = rows[lane.rank][lane.index + 1];
        if (left) from = Math.max(from, left.x + (left.width + LANE) / 2 + GAP_X);
        if (right) to = Math.min(to, right.x - (right.width + LANE) / 2 - GAP_X);
      }
      if (from > to) continue;
      const middle = way.map((lane) => lane.x).sort((a, b) => a - b)[way.length >> 1];
      for (const lane of way) lane.x = Math.min(to, Math.max(from, middle));
    }
  }
}

function median(wishes, otherwise) {
  if (!wishes.length) return otherwise;
  wishes.sort((a, b) => a[0] - b[0]);
  const half = wishes.reduce((sum, wish) => sum + wish[1], 0) / 2;
  let sum = 0;
  for (let index = 0; index < wishes.length; index++) {
    sum += wishes[index][1];
    if (sum > half) return wishes[index][0];
    if (sum === half) return (wishes[index][0] + wishes[index + 1][0]) / 2;
  }
  return otherwise;
}
