// The end of an episode: both endpoints agree on its last frame, wait for every input up to it, and begin the next one together.
//
// The classic wire has neither epochs nor acknowledgements, so messages of the game do this, beside the session. On the compact wire
// it works as well; there `beginEpoch` alone keeps the inputs of two episodes apart.

const END = 0x05; // the game is over after this frame
const READY = 0x06; // every input up to this last frame is known
const STOPPED = 0x15; // no input is pushed any more
const BEGUN = 0x16; // the epoch has begun; 1: and waits for the receiver's

/** How often a message is repeated: the channel may lose it. */
const REPEAT = 100;
/** How long datagrams of the last episode may still be under way. */
const QUIET = 250;

export class Episode {
  number = 0;
  phase = "playing"; // then "ending", "stopped", "beginning", and "playing" again

  /**
   * `send` sends a message over the channel. `complete(last)` says whether every input up to a frame is known, or is known to be
   * lost. `reset(number)` begins the next epoch, and `begin(number)` its game.
   */
  constructor({ send, complete, reset, begin }) {
    Object.assign(this, { send, complete, reset, begin });
  }

  /** Whether to push inputs: also while the episode ends, because on the classic wire only later inputs bring earlier ones again. */
  get isPushing() {
    return this.phase === "playing" || this.phase === "ending";
  }

  /** The last frame of the episode, once both have said theirs: the later one. Play up to it. */
  get last() {
    return this.own === undefined || this.other === undefined ? undefined : Math.max(this.own, this.other);
  }

  /** The game is over here, after this frame. */
  end(frame) {
    if (this.phase !== "playing") return;
    this.own = frame;
    this.enter("ending", () => {
      this.put(END, this.number, this.own);
      if (this.last === undefined || !this.complete(this.last)) return;
      this.put(READY, this.number, this.last);
      if (this.isOtherReady) this.enter("stopped", () => this.put(STOPPED, this.number, 0));
    });
  }

  /** Takes a message of the game; returns false if it is another one. */
  message(bytes) {
    const [type] = bytes;
    if (bytes.length !== 9 || ![END, READY, STOPPED, BEGUN].includes(type)) return false;
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const [episode, value] = [view.getUint32(1), view.getUint32(5)];
    if (episode < this.number) this.put(STOPPED, episode, 0); // it has missed that
    else if (episode > this.number || type === STOPPED) {
      this.isOtherReady = true;
      if (this.phase === "stopped") this.quiet ??= setTimeout(() => this.next(), QUIET);
    } else {
      if (this.phase === "beginning") this.start();
      if (type === BEGUN && value === 1) this.put(BEGUN, episode, 0);
      if (type === END) this.other = value;
      if (type === READY && value === this.last) this.isOtherReady = true;
    }
    return true;
  }

  next() {
    this.own = this.other = this.isOtherReady = this.quiet = undefined;
    this.reset(++this.number);
    this.enter("beginning", () => this.put(BEGUN, this.number, 1));
  }

  start() {
    clearInterval(this.timer);
    this.phase = "playing";
    this.begin(this.number);
  }

  enter(phase, repeat) {
    this.phase = phase;
    clearInterval(this.timer);
    this.timer = setInterval(repeat, REPEAT);
    repeat();
  }

  put(type, episode, value) {
    const bytes = new Uint8Array(9);
    bytes[0] = type;
    const view = new DataView(bytes.buffer);
    view.setUint32(1, episode);
    view.setUint32(5, value);
    this.send(bytes);
  }

  close() {
    clearInterval(this.timer);
    clearTimeout(this.quiet);
  }
}
