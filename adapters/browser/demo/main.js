import { HEIGHT, KEYS, WIDTH, steer } from "./game.js";
import { connect, network } from "./network.js";
import { FRAME, Side } from "./side.js";

const $ = (selector, within = document) => within.querySelector(selector);
const NAMES = ["Left", "Right"];
const HINTS = ["W A S D or touch", "arrow keys or touch"];
const CODES = [
  { KeyW: KEYS.up, KeyS: KEYS.down, KeyA: KEYS.left, KeyD: KEYS.right },
  { ArrowUp: KEYS.up, ArrowDown: KEYS.down, ArrowLeft: KEYS.left, ArrowRight: KEYS.right },
];
/** The time in ms without a key after which the bot takes over. */
const IDLE = 4000;

const players = NAMES.map((name, index) => {
  const root = $(`.player[data-player="${index}"]`);
  root.append($("#player").content.cloneNode(true));
  $("h2", root).textContent = name;
  $(".keys", root).textContent = HINTS[index];
  const player = {
    root, original: $("input", root), field: $(".field", root), tape: $(".tape", root), health: $(".health", root),
    held: 0, pointer: undefined, touched: -Infinity,
  };
  player.field.setAttribute("aria-label", `The game as ${name.toLowerCase()} sees it`);
  player.original.addEventListener("change", restart);
  const point = (event) => {
    const box = player.field.getBoundingClientRect();
    player.pointer = { x: ((event.clientX - box.left) / box.width) * WIDTH, y: ((event.clientY - box.top) / box.height) * HEIGHT };
    player.touched = performance.now();
  };
  player.field.addEventListener("pointerdown", (event) => {
    player.field.setPointerCapture(event.pointerId);
    point(event);
  });
  player.field.addEventListener("pointermove", (event) => player.pointer && point(event));
  for (const type of ["pointerup", "pointercancel"]) player.field.addEventListener(type, () => (player.pointer = undefined));
  return player;
});

addEventListener("keydown", (event) => key(event, true));
addEventListener("keyup", (event) => key(event, false));
addEventListener("blur", () => players.forEach((player) => (player.held = 0)));

function key(event, down) {
  // In a slider or radio button the arrow keys have a meaning of their own.
  if (event.target instanceof HTMLInputElement && event.target.type !== "checkbox") return;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  CODES.forEach((codes, index) => {
    const bit = codes[event.code];
    if (bit === undefined) return;
    event.preventDefault();
    const player = players[index];
    player.held = down ? player.held | bit : player.held & ~bit;
    player.touched = performance.now();
  });
}

for (const [id, show, set] of [
  ["loss", (value) => `${value} %`, (value) => (network.loss = value / 100)],
  ["delay", (value) => `${value} ms`, (value) => (network.delay = value)],
  ["burst", (value) => `${value}`, (value) => (network.burst = value)],
]) {
  const slider = $(`#${id}`);
  const changed = () => {
    set(Number(slider.value));
    $(`#${id}-value`).textContent = show(slider.value);
  };
  slider.addEventListener("input", changed);
  changed();
}

$("#pull").addEventListener("click", () => (network.pulledUntil = performance.now() + 1000));
document.querySelectorAll("[name=wire]").forEach((radio) => radio.addEventListener("change", restart));

let game; // the two sides and their connection
let restarts = 0;

async function restart() {
  const run = ++restarts;
  game?.sides.forEach((side) => side.close());
  game?.connection.close();
  game = undefined;
  showStatus("Connecting …");
  const original = players.map((player) => player.original.checked);
  if (original.some(Boolean)) $("[value=classic]").checked = true; // the original has no other wire
  const wire = $("[name=wire]:checked").value;
  $("[value=compact]").disabled = original.some(Boolean);
  try {
    const connection = await connect();
    const id = BigInt(crypto.getRandomValues(new Uint32Array(1))[0]);
    const sides = await Promise.all(connection.ends.map((end, index) =>
      Side.create(index, id, wire, original[index], end)));
    if (run !== restarts) return connection.close();
    game = { connection, sides, next: undefined, equal: 0 };
  } catch (error) {
    showStatus(`No connection: ${error.message}`, "split");
  }
}

function showStatus(text, state = "") {
  const status = $("#status");
  if (status.textContent !== text) status.textContent = text;
  status.dataset.state = state;
}

function input(index, now) {
  const player = players[index];
  if (player.pointer) {
    const { x, y } = game.sides[index].state.players[index];
    return steer(player.pointer.x - x, player.pointer.y - y, 80);
  }
  return player.held !== 0 || now - player.touched < IDLE ? player.held : undefined;
}

/** Plays the frames that are due; after a pause it continues from `now`. */
function play(now) {
  if (game === undefined) return;
  game.hasStarted ||= game.sides.every((side) => side.isReady);
  if (!game.hasStarted || !game.sides.every((side) => side.channel.readyState === "open")) return;
  game.next ??= now;
  if (now - game.next > 250) game.next = now;
  while (game.next <= now) {
    game.next += FRAME;
    game.sides.forEach((side, index) => side.play(input(index, now)));
  }
  performance.getEntriesByName("playing").length || performance.mark("playing");
}

function draw(now) {
  const style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue(`--${name.replace(" ", "-")}`).trim();
  game?.sides.forEach((side, index) => {
    drawField(players[index], side, index, color);
    drawTape(players[index].tape, side, color);
  });
  if (game && (!game.shown || now - game.shown > 200)) {
    game.shown = now;
    game.sides.forEach((side, index) => showFigures(players[index], side, now));
    compare();
    $("#pull").setAttribute("aria-pressed", String(now < network.pulledUntil));
  }
}

function fit(canvas) {
  const scale = Math.min(devicePixelRatio, 2);
  const [width, height] = [Math.round(canvas.clientWidth * scale), Math.round(canvas.clientHeight * scale)];
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, width, height);
  return context;
}

function drawField({ field }, side, local, color) {
  const context = fit(field);
  const unit = field.width / WIDTH;
  const { players: lanterns, spark } = side.state;
  const dot = (x, y, radius) => {
    context.beginPath();
    context.arc(x * unit, y * unit, radius * unit, 0, 7);
  };
  const glow = (x, y, radius, name) => {
    const light = context.createRadialGradient(x * unit, y * unit, 0, x * unit, y * unit, radius * unit);
    light.addColorStop(0, color(name));
    light.addColorStop(1, `${color(name)}00`); // not "transparent", which is black
    context.globalAlpha = 0.35;
    context.fillStyle = light;
    dot(x, y, radius);
    context.fill();
    context.globalAlpha = 1;
  };
  glow(spark.x, spark.y, 190, "spark");
  lanterns.forEach(({ x, y }, index) => glow(x, y, 420, NAMES[index].toLowerCase()));
  context.fillStyle = color("spark");
  dot(spark.x, spark.y, 36 + 8 * Math.sin(side.frame / 8));
  context.fill();
  lanterns.forEach(({ x, y, score }, index) => {
    context.fillStyle = context.strokeStyle = color(NAMES[index].toLowerCase());
    dot(x, y, 80);
    context.fill();
    if (index === local) {
      context.lineWidth = 14 * unit;
      dot(x, y, 115);
      context.stroke();
    }
    context.font = `650 ${170 * unit}px system-ui, sans-serif`;
    context.textAlign = index === 0 ? "left" : "right";
    context.fillText(score, (index === 0 ? 90 : WIDTH - 90) * unit, 230 * unit);
  });
  if (side.stalled) {
    context.fillStyle = color("never");
    context.textAlign = "center";
    context.fillText("waiting for the peer", (WIDTH / 2) * unit, (HEIGHT / 2) * unit);
  }
}

/** One bar for each of the peer's latest inputs; height and colour show its fate. */
const HEIGHTS = { "on time": 0.42, rescued: 0.62, late: 0.82, never: 1 };

function drawTape(tape, side, color) {
  const context = fit(tape);
  const count = Math.min(180, Math.floor(tape.clientWidth / 4));
  const bar = tape.width / count;
  side.fates(count).forEach((fate, i) => {
    const height = (fate === undefined ? 0.12 : HEIGHTS[fate]) * tape.height;
    context.fillStyle = color(fate ?? "none");
    context.fillRect(i * bar, tape.height - height, Math.max(1, bar - 1), height);
  });
}

function showFigures({ root, health, tape }, side, now) {
  const figures = side.figures(now);
  $('[data-figure="rtt"]', root).textContent = figures.rtt === undefined ? "–" : `${figures.rtt.toFixed(figures.rtt < 10 ? 1 : 0)} ms`;
  $('[data-figure="loss"]', root).textContent = `${(figures.loss * 100).toFixed(1)} %`;
  $('[data-figure="kbits"]', root).textContent = `${figures.kbits.toFixed(1)} kbit/s`;
  health.textContent = health.dataset.health = figures.health;
  for (const [fate, count] of Object.entries(side.counts)) $(`[data-count="${fate}"]`, root).textContent = count;
  const fates = Object.entries(side.counts).map(([fate, count]) => `${count} ${fate}`).join(", ");
  tape.setAttribute("aria-label", `The peer's inputs: ${fates}`);
}

/** Compares the states of the latest frame that is final at both endpoints. */
function compare() {
  const [left, right] = game.sides;
  const frame = Math.max(-1, ...[...left.hashes.keys()].filter((frame) => right.hashes.has(frame)));
  if (frame < 0) return showStatus("Connecting …");
  const wire = left.wire === "compact" ? "the compact wire" : game.sides.some((side) => side.original)
    ? "the classic wire, old and new together" : "the classic wire";
  if (left.hashes.get(frame) === right.hashes.get(frame)) showStatus(`Playing over ${wire}. Both sides hold the same game.`);
  else showStatus(`The games have diverged: on ${wire}, an input that never arrived is lost for good.`, "split");
}

function loop(now) {
  play(now);
  draw(now);
  requestAnimationFrame(loop);
}

restart();
requestAnimationFrame(loop);

// For the tests and the curious.
Object.defineProperty(globalThis, "demo", { get: () => game });
