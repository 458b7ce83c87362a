// Two real peer connections in one page, with a simulated bad network in front of each receiver.

/** The settings of the sliders, shared by both directions. */
export const network = { loss: 0, delay: 0, burst: 1, pulledUntil: 0 };

/** Connects two new peer connections by an unreliable channel. */
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
    ends: [{ channel: new Impaired(left), connection: a }, { channel: new Impaired(await right), connection: b }],
    close() {
      a.close();
      b.close();
    },
  };
}

/** A data channel that drops and delays received messages according to `network`. */
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

  /** Loses messages in bursts, so often that the overall loss is as set. */
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
