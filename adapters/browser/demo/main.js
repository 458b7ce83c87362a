import { ARROWS, Controls, LETTERS } from "./controls.js";
import { NAMES, drawField, drawTape, showFigures } from "./draw.js";
import { connect, network } from "./network.js";
import { FRAME, Side } from "./side.js";

const $ = (selector, within = document) => within.querySelector(selector);
const HINTS = ["W A S D or touch", "arrow keys or touch"];
const players = NAMES.map((name, index) => {
  const root = $(`.player[data-player="${index}"]`);
  root.append($("#player").content.cloneNode(true));
  $("h2", root).textContent = name;
  $(".keys", root).textContent = HINTS[index];
  const player = {
    root, original: $("input", root), field: $(".field", root), tape: $(".tape", root), health: $(".health", root),
  };
  player.controls = new Controls(player.field, [LETTERS, ARROWS][index]);
  player.field.setAttribute("aria-label", `The game as ${name.toLowerCase()} sees it`);
  player.original.addEventListener("change", restart);
  return player;
});

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

/** Plays the frames that are due; after a pause it continues from `now`. */
function play(now) {
  if (game === undefined) return;
  game.hasStarted ||= game.sides.every((side) => side.isReady);
  if (!game.hasStarted || !game.sides.every((side) => side.channel.readyState === "open")) return;
  game.next ??= now;
  if (now - game.next > 250) game.next = now;
  while (game.next <= now) {
    game.next += FRAME;
    game.sides.forEach((side, index) => side.play(players[index].controls.input(now, side.state.players[index])));
  }
  performance.getEntriesByName("playing").length || performance.mark("playing");
}

function draw(now) {
  game?.sides.forEach((side, index) => {
    drawField(players[index], side, index);
    drawTape(players[index].tape, side);
  });
  if (game && (!game.shown || now - game.shown > 200)) {
    game.shown = now;
    game.sides.forEach((side, index) => showFigures(players[index], side, now));
    compare();
    $("#pull").setAttribute("aria-pressed", String(now < network.pulledUntil));
  }
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
