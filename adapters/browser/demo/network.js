// Two real peer connections in one page, and a bad network in front of each end of their channel.

/** What the sliders say: one object, shared by both directions. */
export const network = { loss: 0, delay: 0, burst: 1, pulledUntil: 0 };

/** An unreliable channel between two new connections; their signalling is a few function calls. */
export async function connect() {
  const [a, b] = [new RTCPeerConnection(), new RTCPeerConnection()];
  a.onicecandidate = ({ candidate }) => candidate && b.addIceCandidate(candidate).catch(() => {});
  b.onicecandidate = ({ candidate }) => candidate && a.addIceCandidate(candidate).catch(() => {});
  const left = a.createDataChannel("inputs", { ordered: false, maxRetransmits: 0 });
  const right = new Promise((resolve) => (b.ondatachannel = ({ channel }) => resolve(channel)));
  await a.setLocalDescription();
  await b.setRemoteDescription(a.localDescription);
  await b.setLocalDescription();
  await a.setRemoteDescription(b.localDescription);
  return {
    channels: [new Impaired(left), new Impaired(await right)],
    close() {
      a.close();
      b.close();
    },
  };
}

/** A data channel that loses, delays and tears what it receives, as `network` says. */
export class Impaired extends EventTarget {
  #channel;
  #losing = 0;
  received = 0;
  dropped = 0;

  constructor(channel) {
    super();
    this.#channel = channel;
    channel.binaryType = "arraybuffer";
    for (const type of ["open", "close", "error", "bufferedamountlow"]) {
      channel.addEventListener(type, () => this.dispatchEvent(new Event(type)));
    }
    channel.addEventListener("message", ({ data }) => {
      this.received++;
      if (this.#isLost()) {
        this.dropped++;
        return;
      }
      const deliver = () => this.readyState === "open" && this.dispatchEvent(new MessageEvent("message", { data }));
      if (network.delay === 0) deliver();
      else setTimeout(deliver, network.delay);
    });
  }

  /** Bursts of a mean length, as often as keeps the loss what it is set to. */
  #isLost() {
    if (performance.now() < network.pulledUntil) return true;
    if (this.#losing > 0) {
      this.#losing--;
      return true;
    }
    const { loss, burst } = network;
    if (Math.random() >= loss / (loss + burst * (1 - loss))) return false;
    this.#losing = burst - 1;
    return true;
  }

  get readyState() { return this.#channel.readyState; }
  get bufferedAmount() { return this.#channel.bufferedAmount; }
  get bufferedAmountLowThreshold() { return this.#channel.bufferedAmountLowThreshold; }
  set bufferedAmountLowThreshold(value) { this.#channel.bufferedAmountLowThreshold = value; }
  get binaryType() { return "arraybuffer"; }
  set binaryType(_) {}
  send(data) { this.#channel.send(data); }
  close() { this.#channel.close(); }
}
