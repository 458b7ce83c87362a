// One player on this machine, the other one elsewhere: offer and answer are copied as text.

import { ARROWS, Controls, LETTERS } from "./controls.js";
import { NAMES, drawField, drawTape, showFigures } from "./draw.js";
import { FRAME, Side } from "./side.js";

const $ = (selector, within = document) => within.querySelector(selector);
const SETTINGS = { ordered: false, maxRetransmits: 0 };
/** How long to look for addresses of this machine; those found later are not needed on the same network. */
const GATHERING = 3000;
/** For other networks: two.html?ice=stun:host:port */
const iceServers = new URLSearchParams(location.search).getAll("ice").map((urls) => ({ urls }));

const root = $(".player");
root.append($("#player").content.cloneNode(true));
const player = { root, field: $(".field", root), tape: $(".tape", root), health: $(".health", root) };
const controls = new Controls(player.field, { ...LETTERS, ...ARROWS });
const [own, other] = [$("#own"), $("#other")];

/** The present attempt: `{ connection, index, wire, id, side }`. */
let game;

function show(text, state = "") {
  const status = $("#status");
  if (status.textContent !== text) status.textContent = text;
  status.dataset.state = state;
}

/** A description and what else both sides must agree on, as a line of text. */
const encode = (value) => `inputwire:${btoa(JSON.stringify(value))}`;
function decode(text) {
  const found = /inputwire:([A-Za-z0-9+/=\s]+)/.exec(text);
  if (!found) throw new Error("this is not a text of this page");
  return JSON.parse(atob(found[1]));
}

function begin(index, wire, id) {
  game?.side?.close();
  game?.connection.close();
  const connection = new RTCPeerConnection({ iceServers });
  const attempt = (game = { connection, index, wire, id, side: undefined, next: undefined });
  const use = async (channel) => {
    // Nothing arrives before the peer has a channel, too, and then it is repeated.
    const side = await Side.create(index, BigInt(id), wire, false, { channel, connection });
    if (game !== attempt) return side.close();
    attempt.side = side;
    root.dataset.player = index;
    $("h2", root).textContent = `You: ${NAMES[index].toLowerCase()}`;
  };
  connection.ondatachannel = ({ channel }) => use(channel);
  connection.onconnectionstatechange = () => {
    if (game === attempt && connection.connectionState === "failed") show("The connection has failed. Start again.", "split");
  };
  if (index === 0) use(connection.createDataChannel("inputs", SETTINGS));
  return connection;
}

/** Sets the local description, waits for its addresses, and shows it with `more`. */
async function describe(connection, more) {
  await connection.setLocalDescription();
  await new Promise((resolve) => {
    setTimeout(resolve, GATHERING);
    connection.onicegatheringstatechange = () => connection.iceGatheringState === "complete" && resolve();
  });
  own.value = encode({ ...connection.localDescription.toJSON(), ...more });
  $("#copy").disabled = false;
}

async function start() {
  const wire = $("[name=wire]:checked").value;
  const id = String(crypto.getRandomValues(new BigUint64Array(1))[0]);
  other.value = "";
  await describe(begin(0, wire, id), { wire, id });
  show("Send your text to the other side, and paste its answer.");
}

async function accept() {
  if (other.value.trim() === "") return;
  try {
    const { type, sdp, wire, id } = decode(other.value);
    if (type === "offer") {
      const connection = begin(1, wire, id);
      await connection.setRemoteDescription({ type, sdp });
      await describe(connection, {});
      $(`[value=${wire === "classic" ? "classic" : "compact"}]`).checked = true;
      show("Send your text back to the other side.");
    } else if (game?.connection.signalingState === "have-local-offer") {
      await game.connection.setRemoteDescription({ type, sdp });
      show("Connecting …");
    } else throw new Error("this answers another text: start again");
  } catch (error) {
    show(`That did not work: ${error.message}`, "split");
  }
}

function loop(now) {
  const side = game?.side;
  if (side !== undefined) {
    game.hasPlayed ||= side.isReady;
    if (game.hasPlayed && side.channel.readyState === "open") play(side, now);
    drawField(player, side, game.index);
    drawTape(player.tape, side);
    if (!game.shown || now - game.shown > 200) {
      game.shown = now;
      showFigures(player, side, now);
      if (side.counts["on time"] + side.counts.rescued + side.counts.late > 0) show(`Playing over the ${game.wire} wire.`);
    }
  }
  requestAnimationFrame(loop);
}

/** Plays the frames that are due; after a pause it continues from `now`. */
function play(side, now) {
  game.next ??= now;
  if (now - game.next > 250) game.next = now;
  for (; game.next <= now; game.next += FRAME) side.play(controls.input(now, side.state.players[game.index]));
}

$("#start").addEventListener("click", start);
other.addEventListener("input", accept);
$("#copy").addEventListener("click", async () => {
  own.select();
  await navigator.clipboard?.writeText(own.value).catch(() => {}); // not allowed everywhere; the text is selected
});
requestAnimationFrame(loop);

// For the tests and the curious.
Object.defineProperty(globalThis, "demo", { get: () => game });
