//! The inputs of a datagram: from the send window into its body, and from its body into the receive window.

use crate::error::DatagramError;
use crate::local::Local;
use crate::num::increment;
use crate::remote::Remote;
use crate::window::recv::RecvView;
use crate::window::ring::copy;
use crate::window::send::SendView;
use crate::wire::bits::{BitReader, BitWriter};
use crate::wire::compact::delta::{self, MAX_INPUT_LEN};
use crate::wire::compact::tag::TagState;
use crate::wire::compact::{Header, Packet, front_len};

/// What counts as a short input, in bytes.
const SHORT: usize = 16;

/// What a datagram carries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Carried {
    /// Its length.
    pub(crate) len: usize,
    /// The inputs of frames `begin` to `end` - 1, and the bytes that they took.
    pub(crate) begin: u32,
    pub(crate) end: u32,
    pub(crate) body_len: usize,
}

/// Writes a datagram with the inputs from `header.end` on: all, or the oldest that fit `limit` bytes, at least one.
/// Fills in the final `end` and `count`; `header.count` is ignored. If `joins`, the first input is encoded
/// relative to zeros.
pub(crate) fn emit(
    buf: &mut [u8],
    header: Header,
    send: &SendView<'_>,
    joins: bool,
    limit: usize,
    tag: &TagState,
) -> Option<Carried> {
    let begin = header.end;
    let unacked = send.window.send_next().saturating_sub(header.end);
    let body_limit = |count| limit.saturating_sub(front_len(tag, count, header.timing.is_some()));
    let count = fitting(buf, send, joins, unacked, body_limit);
    let header = Header { end: header.end.saturating_add(count), count, ..header };
    let (len, body_len) = header.encode(buf, tag, |body| {
        let rest = if joins { write_first(body, send, unacked) } else { unacked };
        write(body, send, rest, unacked.saturating_sub(count));
    })?;
    Some(Carried { len, begin, end: header.end, body_len })
}

/// How many of the `unacked` inputs, oldest first, fit a datagram; at least one. `limit(count)` is the
/// size of a body with `count` inputs.
fn fitting(scratch: &mut [u8], send: &SendView<'_>, joins: bool, unacked: u32, limit: impl Fn(u32) -> usize) -> u32 {
    let longest = delta::longest_bits(send.window.input_len());
    let longest = usize::try_from(unacked).unwrap_or(usize::MAX).saturating_mul(longest) >> 3;
    if longest < limit(u32::MAX) {
        return unacked;
    }
    let mut body = BitWriter::new(scratch);
    for count in 0..unacked {
        let back = unacked.saturating_sub(count);
        if joins && count == 0 {
            write_first(&mut body, send, back);
        } else {
            delta::write(&mut body, send.back(back.saturating_add(1)), send.back(back));
        }
        if body.len() > limit(count.saturating_add(1)) {
            return count.max(1);
        }
    }
    unacked
}

/// Writes the input that lies `back` frames before `send_next` after zeros, and returns how far back the next one lies.
fn write_first(body: &mut BitWriter<'_>, send: &SendView<'_>, back: u32) -> u32 {
    let (input, zeros) = (send.back(back), [0; MAX_INPUT_LEN]);
    if back > 0 {
        delta::write(body, zeros.get(..input.len()).unwrap_or_default(), input);
    }
    back.saturating_sub(1)
}

/// Writes the inputs that lie `from` down to `to + 1` frames before `send_next`, each as a delta to its predecessor.
fn write(body: &mut BitWriter<'_>, send: &SendView<'_>, from: u32, to: u32) {
    let mut back = from;
    loop {
        let changed = send.window.changed_from(back);
        if changed <= to {
            // The rest is unchanged, and zeros at the end are omitted.
            return;
        }
        // Unchanged inputs in a row are written at once.
        body.put(0b0, back.wrapping_sub(changed));
        delta::write(body, send.back(changed.wrapping_add(1)), send.back(changed));
        back = changed.wrapping_sub(1);
    }
}

/// Appends what is new of `count` inputs from frame `base` on, whose first one follows zeros, as far as there are free slots. The body
/// was found to hold them.
pub(crate) fn append(recv: &mut RecvView<'_>, base: u32, count: u32, body: BitReader<'_>) {
    let mut buf = [0; MAX_INPUT_LEN];
    let input = buf.get_mut(..usize::from(recv.window.input_len())).unwrap_or_default();
    let Some(known) = recv.window.recv_next().checked_sub(base).filter(|known| *known < count) else { return };
    let new = count.saturating_sub(known).min(recv.window.free_slots());
    let mut body = body;
    delta::read_all(&mut body, input, known);
    for _ in 0..new {
        delta::read(&mut body, input);
        recv.append(input);
    }
}

/// Validates the inputs of a datagram against the receive window, then appends the new ones.
pub(super) fn receive(
    local: &Local,
    remote: &mut Remote,
    recv: &mut RecvView<'_>,
    packet: &Packet<'_>,
) -> Result<(), DatagramError> {
    let input_len = usize::from(local.send.input_len());
    let (mut short, mut long);
    // Most inputs are so short that clearing space for the longest one would cost more than to read them.
    let buf: &mut [u8] = if input_len <= SHORT {
        short = [0; SHORT];
        &mut short
    } else {
        long = [0; MAX_INPUT_LEN];
        &mut long
    };
    let input = buf.get_mut(..input_len).unwrap_or_default();
    let rest = read_known(local, recv, packet, input)?;
    append_new(local, remote, recv, &packet.header, rest, input);
    Ok(())
}

/// Validates the inputs, and reads those already known and the first new one, which is left in `input`. Returns the body
/// after that.
fn read_known<'a>(
    local: &Local,
    recv: &RecvView<'_>,
    packet: &Packet<'a>,
    input: &mut [u8],
) -> Result<BitReader<'a>, DatagramError> {
    let Header { end, count, .. } = packet.header;
    let recv_next = recv.window.recv_next();
    if count > local.window() {
        return Err(DatagramError::TooManyInputs);
    }
    let base = end.checked_sub(count).ok_or(DatagramError::FrameRange)?;
    if base > recv_next {
        return Err(DatagramError::OutOfSync);
    }
    // Known inputs serve only as predecessors, and are taken from the datagram, not from the window.
    if let Some(before) = recv.before(base) {
        copy(input, before);
    }
    let later = end.saturating_sub(recv_next).saturating_sub(1);
    let mut body = packet.body;
    delta::read_all(&mut body, input, count.saturating_sub(later));
    if delta::holds_exactly(&body, input.len(), later) { Ok(body) } else { Err(DatagramError::MalformedBody) }
}

/// Appends the new inputs, the first of which is in `input`, as far as there are free slots. Inputs without one stay
/// unacknowledged and are resent.
fn append_new(
    local: &Local,
    remote: &mut Remote,
    recv: &mut RecvView<'_>,
    header: &Header,
    mut rest: BitReader<'_>,
    input: &mut [u8],
) {
    let new = header.end.saturating_sub(recv.window.recv_next());
    if new == 0 {
        if header.count > 0 {
            increment(&mut remote.totals.duplicates);
        }
        return;
    }
    let taken = new.min(recv.window.free_slots());
    if taken == 0 {
        return;
    }
    let begin = recv.window.recv_next();
    remote.sample_arrival(local, header.end);
    remote.sample_lateness(local, begin, begin.saturating_add(taken));
    recv.append(input);
    for _ in 1..taken {
        delta::read(&mut rest, input);
        recv.append(input);
    }
}
