// A player's keys and pointer.

import { HEIGHT, KEYS, WIDTH, steer } from "./game.js";

/** The keys of either player. */
export const LETTERS = { KeyW: KEYS.up, KeyS: KEYS.down, KeyA: KEYS.left, KeyD: KEYS.right };
export const ARROWS = { ArrowUp: KEYS.up, ArrowDown: KEYS.down, ArrowLeft: KEYS.left, ArrowRight: KEYS.right };
/** The time in ms without a key after which the bot takes over. */
const IDLE = 4000;

export class Controls {
  #codes;
  #held = 0;
  #pointer;
  #touched = -Infinity;

  constructor(field, codes) {
    this.#codes = codes;
    addEventListener("keydown", (event) => this.#key(event, true));
    addEventListener("keyup", (event) => this.#key(event, false));
    addEventListener("blur", () => (this.#held = 0));
    const point = (event) => {
      const box = field.getBoundingClientRect();
      this.#pointer = { x: ((event.clientX - box.left) / box.width) * WIDTH, y: ((event.clientY - box.top) / box.height) * HEIGHT };
      this.#touched = performance.now();
    };
    field.addEventListener("pointerdown", (event) => {
      field.setPointerCapture(event.pointerId);
      point(event);
    });
    field.addEventListener("pointermove", (event) => this.#pointer && point(event));
    for (const type of ["pointerup", "pointercancel"]) field.addEventListener(type, () => (this.#pointer = undefined));
  }

  #key(event, down) {
    // In a text, a slider or a radio button the keys have a meaning of their own.
    if (event.target instanceof HTMLTextAreaElement) return;
    if (event.target instanceof HTMLInputElement && event.target.type !== "checkbox") return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const bit = this.#codes[event.code];
    if (bit === undefined) return;
    event.preventDefault();
    this.#held = down ? this.#held | bit : this.#held & ~bit;
    this.#touched = performance.now();
  }

  /** Returns the input of a player who stands at `x`, `y`; undefined if the bot may play. */
  input(now, { x, y }) {
    if (this.#pointer) return steer(this.#pointer.x - x, this.#pointer.y - y, 80);
    return this.#held !== 0 || now - this.#touched < IDLE ? this.#held : undefined;
  }
}
