// A tiny deterministic game: two lanterns on a field gather sparks. All numbers are integers, so both endpoints agree bit for bit.

export const WIDTH = 3200;
export const HEIGHT = 1800;
export const KEYS = { up: 1, down: 2, left: 4, right: 8 };
const [PUSH, TOP, REACH] = [5, 44, 150];

export const start = () => ({
  frame: 0,
  players: [{ x: 800, y: 900, vx: 0, vy: 0, score: 0 }, { x: 2400, y: 900, vx: 0, vy: 0, score: 0 }],
  spark: { x: 1600, y: 900 },
  seed: 0x2545f491,
});

export function step(state, inputs) {
  const next = { ...state, frame: state.frame + 1, players: state.players.map((player) => ({ ...player })) };
  next.players.forEach((player, index) => {
    const keys = inputs[index];
    const pull = (plus, minus) => ((keys & plus ? 1 : 0) - (keys & minus ? 1 : 0)) * PUSH;
    player.vx = speed(player.vx + pull(KEYS.right, KEYS.left));
    player.vy = speed(player.vy + pull(KEYS.down, KEYS.up));
    [player.x, player.vx] = wall(player.x + player.vx, player.vx, WIDTH);
    [player.y, player.vy] = wall(player.y + player.vy, player.vy, HEIGHT);
    const [dx, dy] = [player.x - next.spark.x, player.y - next.spark.y];
    if (dx * dx + dy * dy < REACH * REACH) {
      player.score++;
      next.spark = { x: 150 + random(next, WIDTH - 300), y: 150 + random(next, HEIGHT - 300) };
    }
  });
  return next;
}

/** Returns a hash of the state (FNV-1a). */
export function hash(state) {
  const numbers = [state.frame, state.seed, state.spark.x, state.spark.y, ...state.players.flatMap(Object.values)];
  return numbers.reduce((sum, number) => (Math.imul(sum ^ number, 0x01000193) >>> 0), 0x811c9dc5);
}

/** Returns the keys of a bot: it goes for the spark, and is absent-minded now and then. */
export function bot(state, index) {
  const player = state.players[index];
  const mood = (state.frame >> 5) + index * 3;
  const aim = mood % 5 === 0 ? { x: WIDTH - state.spark.x, y: state.spark.y } : state.spark;
  return steer(aim.x - player.x - player.vx * 9, aim.y - player.y - player.vy * 9, 60);
}

export function steer(dx, dy, deadZone) {
  return (dx > deadZone ? KEYS.right : dx < -deadZone ? KEYS.left : 0) | (dy > deadZone ? KEYS.down : dy < -deadZone ? KEYS.up : 0);
}

function speed(v) {
  const slower = v - Math.trunc(v / 16);
  return Math.max(-TOP, Math.min(TOP, slower));
}

function wall(at, v, size) {
  if (at < 90) return [90, Math.abs(v)];
  if (at > size - 90) return [size - 90, -Math.abs(v)];
  return [at, v];
}

function random(state, below) {
  state.seed = (Math.imul(state.seed, 1664525) + 1013904223) >>> 0;
  return (state.seed >>> 8) % below;
}
