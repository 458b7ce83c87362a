// Draws a side: the game, and the tape of the fates of its peer's inputs.

import { HEIGHT, WIDTH } from "./game.js";

export const NAMES = ["Left", "Right"];

const style = getComputedStyle(document.documentElement); // live
const color = (name) => style.getPropertyValue(`--${name.replace(" ", "-")}`).trim();

function fit(canvas) {
  const scale = Math.min(devicePixelRatio, 2);
  const [width, height] = [Math.round(canvas.clientWidth * scale), Math.round(canvas.clientHeight * scale)];
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, width, height);
  return context;
}

/** Draws the game as one side sees it. */
export function drawField({ field }, side, local) {
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

export function drawTape(tape, side) {
  const context = fit(tape);
  const count = Math.min(180, Math.floor(tape.clientWidth / 4));
  const bar = tape.width / count;
  side.fates(count).forEach((fate, i) => {
    const height = (fate === undefined ? 0.12 : HEIGHTS[fate]) * tape.height;
    context.fillStyle = color(fate ?? "none");
    context.fillRect(i * bar, tape.height - height, Math.max(1, bar - 1), height);
  });
}

export function showFigures({ root, health, tape }, side, now) {
  const figures = side.figures(now);
  find('[data-figure="rtt"]', root).textContent = figures.rtt === undefined ? "–" : `${figures.rtt.toFixed(figures.rtt < 10 ? 1 : 0)} ms`;
  find('[data-figure="loss"]', root).textContent = `${(figures.loss * 100).toFixed(1)} %`;
  find('[data-figure="kbits"]', root).textContent = `${figures.kbits.toFixed(1)} kbit/s`;
  health.textContent = health.dataset.health = figures.health;
  for (const [fate, count] of Object.entries(side.counts)) find(`[data-count="${fate}"]`, root).textContent = count;
  const fates = Object.entries(side.counts).map(([fate, count]) => `${count} ${fate}`).join(", ");
  tape.setAttribute("aria-label", `The peer's inputs: ${fates}`);
}

function find(selector, within) {
  return within.querySelector(selector);
}
